"""A Modbus TCP server on pymodbus, for tests; PORT and tables as for libmodbus_server.c.

With `--sparse` before PORT there is only what a line names; otherwise a thousand addresses of each table.
"""

from __future__ import annotations

import asyncio
import sys

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

KINDS = {
    "coil": DataType.BITS,
    "discrete": DataType.BITS,
    "holding": DataType.REGISTERS,
    "input": DataType.REGISTERS,
}
ADDRESSES = 1000


def table(name: str, lines: list[str]) -> list[SimData]:
    """The whole of one table; what no line names is 0."""
    is_bit = KINDS[name] is DataType.BITS
    values: list[int | bool] = [False if is_bit else 0] * ADDRESSES
    for line in lines:
        where, address, value = line.split()
        if where == name:
            values[int(address)] = bool(int(value)) if is_bit else int(value)
    return [SimData(0, values=values, datatype=KINDS[name])]


def sparse(name: str, lines: list[str]) -> list[SimData]:
    """What lines name of one table."""
    words = [line.split() for line in lines]
    kind = KINDS[name]
    return [
        SimData(
            int(address), values=[bool(int(value)) if kind is DataType.BITS else int(value)], datatype=kind
        )
        for where, address, value in words
        if where == name
    ]


async def main() -> None:
    """Serve until killed."""
    lines = sys.stdin.read().splitlines()
    made = sparse if "--sparse" in sys.argv else table
    coils, discrete, holding, inputs = (made(name, lines) for name in KINDS)
    device = SimDevice(0, simdata=(coils, discrete, holding, inputs))
    server = ModbusTcpServer(device, address=("127.0.0.1", int(sys.argv[-1])))
    await server.serve_forever(background=True)
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
