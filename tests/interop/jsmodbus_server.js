// A Modbus TCP server on jsmodbus, for tests; PORT and tables as for libmodbus_server.c.

const fs = require("fs")
const net = require("net")
const modbus = require("jsmodbus")

const ADDRESSES = 1000
const memory = () => Buffer.alloc(2 * ADDRESSES)
const tables = { coil: memory(), discrete: memory(), input: memory(), holding: memory() }

for (const line of fs.readFileSync(0, "utf-8").split("\n")) {
  const [table, address, value] = line.split(" ")
  if (table === "input" || table === "holding") tables[table].writeUInt16BE(Number(value), 2 * address)
  else if (table && Number(value)) tables[table][address >> 3] |= 1 << address % 8
}

const listener = new net.Server()
new modbus.server.TCP(listener, {
  coils: tables.coil,
  discrete: tables.discrete,
  input: tables.input,
  holding: tables.holding,
})
listener.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("ready"))
