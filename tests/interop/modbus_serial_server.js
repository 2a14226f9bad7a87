// A Modbus TCP server on modbus-serial, for tests; PORT and tables as for libmodbus_server.c.

const fs = require("fs")
const { ServerTCP } = require("modbus-serial")

const ADDRESSES = 1000
const tables = { coil: {}, discrete: {}, input: {}, holding: {} }

for (const line of fs.readFileSync(0, "utf-8").split("\n")) {
  const [table, address, value] = line.split(" ")
  if (table) tables[table][address] = Number(value)
}

const get = (table) => (address) => {
  if (address >= ADDRESSES) throw Object.assign(new Error("address"), { modbusErrorCode: 2 })
  return tables[table][address] || 0
}
const set = (table) => (address, value) => {
  get(table)(address)
  tables[table][address] = Number(value)
}

const vector = {
  getCoil: (address) => Boolean(get("coil")(address)),
  getDiscreteInput: (address) => Boolean(get("discrete")(address)),
  getInputRegister: (address) => get("input")(address),
  getHoldingRegister: (address) => get("holding")(address),
  setCoil: (address, value) => set("coil")(address, value),
  setRegister: (address, value) => set("holding")(address, value),
  readDeviceIdentification: () => ({ 0: "Pump works", 1: "P7", 2: "1.4", 5: "Model 7", 0x90: "own" }),
}
const server = new ServerTCP(vector, { host: "127.0.0.1", port: Number(process.argv[2]), unitID: 1 })
server.on("initialized", () => console.log("ready"))
server.on("socketError", () => {})
