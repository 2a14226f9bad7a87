"""A Modbus RTU server on pymodbus, for tests: the path of a port, and tables as for libmodbus_server.c."""

from __future__ import annotations

import asyncio
import sys

from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

ADDRESSES = 1000


def registers(lines: list[str]) -> list[int]:
    """The holding registers; what no line names is 0."""
    values = [0] * ADDRESSES
    for line in lines:
        _, address, value = line.split()
        values[int(address)] = int(value)
    return values


async def main() -> None:
    """Serve unit 1 until killed."""
    values = registers(sys.stdin.read().splitlines())
    device = SimDevice(1, simdata=[SimData(0, values=values, datatype=DataType.REGISTERS)])
    server = ModbusSerialServer(device, port=sys.argv[1], baudrate=19200, framer=FramerType.RTU)
    await server.serve_forever(background=True)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
