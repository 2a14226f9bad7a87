// A client on jsmodbus, for tests; it is spoken to as modbus_serial_client.js is.

const net = require("net")
const readline = require("readline")
const modbus = require("jsmodbus")

const socket = new net.Socket()
const client = new modbus.client.TCP(socket, 1, 5000)

const carryOut = async (line) => {
  const [name, ...given] = JSON.parse(line)
  try {
    const { body } = (await client[name](...given)).response
    const asObjects = { coils: body.coils, discrete: body.discrete, values: body.valuesAsArray }
    return { ...asObjects, objects: body.objects || body._objects, more: body.moreFollows }
  } catch (error) {
    const body = error.response && error.response.body
    return body && body.isException ? { exception: body.code } : { error: String(error.message || error.err) }
  }
}

socket.on("connect", async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await carryOut(line)))
  }
  socket.end()
})
socket.connect({ host: "127.0.0.1", port: Number(process.argv[2]) })
