"""One client of those compared, by its name: python -m bench.contenders.ask NAME --port N --mode one.

A library is imported when its client is made. Each is used as its documentation shows; logging is off.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from bench.contenders.ground import COUNT, HOST
from bench.contenders.timed import (
    AsyncRead,
    Read,
    Work,
    check,
    in_tasks,
    in_threads,
    repeated,
    time_async,
    time_blocking,
)

Opener = Callable[[int], Read]
"""Connects to a port, and gives what does one read."""
AsyncOpener = Callable[[int, int], Awaitable[AsyncRead]]
"""The same; told how many requests will be outstanding."""

CONNECTIONS, DEPTH, BATCH = 100, 16, 160


def mbap_blocking(port: int) -> Read:
    from mbap import Client

    client = Client(f"tcp://{HOST}:{port}")
    return lambda: client.read_holding_registers(0, COUNT)


def mbap_many(port: int) -> Work:
    from mbap import Client, ModbusError, ReadHoldingRegisters

    client = Client(f"tcp://{HOST}:{port}", outstanding=DEPTH)

    def work(reads: int) -> None:
        for _ in range(0, reads, BATCH):
            for result in client.execute_many([ReadHoldingRegisters(0, COUNT) for _ in range(BATCH)]):
                if isinstance(result, ModbusError):
                    raise result
                check(result)

    return work


async def mbap_async(port: int, outstanding: int) -> AsyncRead:
    from mbap import AsyncClient

    client = await AsyncClient(f"tcp://{HOST}:{port}", outstanding=outstanding).__aenter__()
    return lambda: client.read_holding_registers(0, COUNT)


async def raw_async(port: int, outstanding: int) -> AsyncRead:
    from bench.contenders.rawasking import RawProtocol

    _, protocol = await asyncio.get_running_loop().create_connection(RawProtocol, HOST, port)
    return protocol.read


def pymodbus_blocking(port: int) -> Read:
    from pymodbus.client import ModbusTcpClient

    client = ModbusTcpClient(HOST, port=port)
    client.connect()  # type: ignore[no-untyped-call]
    return lambda: client.read_holding_registers(0, count=COUNT, device_id=1).registers


async def pymodbus_async(port: int, outstanding: int) -> AsyncRead:
    from pymodbus.client import AsyncModbusTcpClient

    client = AsyncModbusTcpClient(HOST, port=port)
    await client.connect()

    async def read() -> Sequence[int]:
        return (await client.read_holding_registers(0, count=COUNT, device_id=1)).registers

    return read


def pymodbustcp(port: int) -> Read:
    from pyModbusTCP.client import ModbusClient  # type: ignore[import-untyped]

    client = ModbusClient(HOST, port, unit_id=1, auto_open=True)
    client.open()
    return lambda: client.read_holding_registers(0, COUNT)


def umodbus(port: int) -> Read:
    from bench.contenders.rawasking import connected
    from umodbus import conf  # type: ignore[import-untyped]
    from umodbus.client import tcp  # type: ignore[import-untyped]

    conf.SIGNED_VALUES = False
    link = connected(port)
    return lambda: tcp.send_message(tcp.read_holding_registers(1, 0, COUNT), link)


def modbus_tk(port: int) -> Read:
    from modbus_tk import defines  # type: ignore[import-not-found]
    from modbus_tk.modbus_tcp import TcpMaster  # type: ignore[import-not-found]

    client = TcpMaster(HOST, port)
    client.open()
    return lambda: client.execute(1, defines.READ_HOLDING_REGISTERS, 0, COUNT)


def pylibmodbus(port: int) -> Read:
    from pylibmodbus import ModbusTcp  # type: ignore[import-not-found]

    client = ModbusTcp(HOST, port)
    client.connect()
    client.set_slave(1)
    return lambda: client.read_registers(0, COUNT)


async def tmodbus(port: int, outstanding: int) -> AsyncRead:
    from tmodbus import create_async_tcp_client  # type: ignore[import-not-found]

    client = create_async_tcp_client(HOST, port, unit_id=1)
    await client.connect()
    return lambda: client.read_holding_registers(0, COUNT)


async def tmodbus_bare(port: int, outstanding: int) -> AsyncRead:
    from tmodbus.client import AsyncModbusClient  # type: ignore[import-not-found]
    from tmodbus.transport import AsyncTcpTransport  # type: ignore[import-not-found]

    client = AsyncModbusClient(AsyncTcpTransport(HOST, port), unit_id=1)
    await client.connect()
    return lambda: client.read_holding_registers(0, COUNT)


def raw_one(port: int) -> Work:
    from bench.contenders.rawasking import one_after_another

    return one_after_another(port)


def raw_many(port: int) -> Work:
    from bench.contenders.rawasking import outstanding

    return outstanding(port)


def raw_connections(port: int) -> Work:
    from bench.contenders.rawasking import many_connections

    return many_connections(port)


BLOCKING: Mapping[str, Opener] = {
    "mbap": mbap_blocking,
    "pymodbus": pymodbus_blocking,
    "pymodbustcp": pymodbustcp,
    "umodbus": umodbus,
    "modbus-tk": modbus_tk,
    "pylibmodbus": pylibmodbus,
}
ASYNC: Mapping[str, AsyncOpener] = {
    "mbap-async": mbap_async,
    "raw-asyncio": raw_async,
    "pymodbus-async": pymodbus_async,
    "tmodbus": tmodbus,
    "tmodbus-bare": tmodbus_bare,
}
WORKS: Mapping[tuple[str, str], Callable[[int], Work]] = {
    ("mbap", "outstanding"): mbap_many,
    ("raw-sockets", "one"): raw_one,
    ("raw-sockets", "outstanding"): raw_many,
    ("raw-sockets", "connections"): raw_connections,
}
"""Clients with a loop of their own for a mode."""


def blocking_work(name: str, mode: str, port: int) -> Work:
    """What the blocking client *name* does in *mode*."""
    if (name, mode) in WORKS:
        return WORKS[name, mode](port)
    if mode == "outstanding":
        raise SystemExit(f"{name} has one request in flight at most")
    opener = BLOCKING[name]
    if mode == "connections":
        return in_threads([opener(port) for _ in range(CONNECTIONS)])
    return repeated(opener(port))


async def run_async(name: str, mode: str, port: int, seconds: float) -> None:
    """Time the asynchronous client *name* in *mode*."""
    opener = ASYNC[name]
    if mode == "connections":
        readers = [await opener(port, 1) for _ in range(CONNECTIONS)]
    elif mode == "outstanding":
        readers = [await opener(port, DEPTH)] * DEPTH
    else:
        readers = [await opener(port, 1)]
    await time_async(in_tasks(readers), seconds)


def main() -> None:
    """Read for a while and print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mode", choices=("one", "connections", "outstanding"), required=True)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if options.name not in ASYNC:
        time_blocking(blocking_work(options.name, options.mode, options.port), options.seconds)
        return
    reading = run_async(options.name, options.mode, options.port, options.seconds)
    if options.uvloop:
        import uvloop

        uvloop.run(reading)
    else:
        asyncio.run(reading)


if __name__ == "__main__":
    main()
