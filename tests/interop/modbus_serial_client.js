// A client on modbus-serial, for tests: modbus_serial_client.js PORT
//
// Every line of standard input is a JSON list, the name of a method and its arguments; what it gives, or
// {"exception": code}, is printed as a line of JSON.

const readline = require("readline")
const Client = require("modbus-serial")

const client = new Client()

const carryOut = async (line) => {
  const [name, ...given] = JSON.parse(line)
  try {
    const { data, ...rest } = await client[name](...given)
    return data && Object.keys(rest).every((key) => key === "buffer") ? { data } : { data, ...rest }
  } catch (error) {
    return error.modbusCode ? { exception: error.modbusCode } : { error: String(error.message) }
  }
}

const main = async () => {
  await client.connectTCP("127.0.0.1", { port: Number(process.argv[2]) })
  client.setID(1)
  client.setTimeout(5000)
  for await (const line of readline.createInterface({ input: process.stdin })) {
    console.log(JSON.stringify(await carryOut(line)))
  }
  client.close()
}

main()
