"""One server of those compared, by its name, on 127.0.0.1: python -m bench.contenders.serve NAME --port N.

A library is imported when its server is started. Each is used as its documentation shows; logging is off.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from bench.contenders.ground import BITS, HOST, REGISTERS, SIZE

Start = Callable[[int], Coroutine[Any, Any, object] | None]
"""Serves on a port until it is ended; a coroutine where the library is asynchronous."""


def raw_asyncio(port: int) -> Coroutine[Any, Any, object]:
    from bench.contenders.rawserving import on_asyncio

    return on_asyncio(port)


def raw_epoll(port: int) -> None:
    from bench.contenders.rawserving import on_epoll

    on_epoll(port)


async def mbap(port: int) -> None:
    from mbap import Device, Limits, Server

    device = Device(coils=BITS, discrete_inputs=BITS, holding_registers=REGISTERS, input_registers=REGISTERS)
    await Server(f"tcp://{HOST}:{port}", device, limits=Limits(connect_rate=None)).serve_forever()


async def pymodbus(port: int) -> None:
    from pymodbus.server import StartAsyncTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    def bits() -> list[SimData]:
        return [SimData(0, values=list(BITS), datatype=DataType.BITS)]

    def words() -> list[SimData]:
        return [SimData(0, values=list(REGISTERS), datatype=DataType.REGISTERS)]

    device = SimDevice(id=1, simdata=(bits(), bits(), words(), words()))
    await StartAsyncTcpServer(context=device, address=(HOST, port))


def pymodbustcp(port: int) -> None:
    from pyModbusTCP.server import DataBank, ModbusServer  # type: ignore[import-untyped]

    bank = DataBank(coils_size=SIZE, d_inputs_size=SIZE, h_regs_size=SIZE, i_regs_size=SIZE)
    bank.set_coils(0, BITS)
    bank.set_discrete_inputs(0, BITS)
    bank.set_holding_registers(0, REGISTERS)
    bank.set_input_registers(0, REGISTERS)
    ModbusServer(HOST, port, data_bank=bank).start()


def umodbus(port: int) -> None:
    from socketserver import ThreadingTCPServer

    from umodbus import conf  # type: ignore[import-untyped]
    from umodbus.server.tcp import RequestHandler, get_server  # type: ignore[import-untyped]

    conf.SIGNED_VALUES = False
    ThreadingTCPServer.allow_reuse_address = True
    ThreadingTCPServer.daemon_threads = True
    bits, words = list(BITS), list(REGISTERS)
    tables: dict[int, list[Any]] = {1: bits, 2: list(BITS), 3: words, 4: list(REGISTERS)}
    app = get_server(ThreadingTCPServer, (HOST, port), RequestHandler)

    @app.route(slave_ids=[1], function_codes=[1, 2, 3, 4], addresses=range(SIZE))  # type: ignore[untyped-decorator]
    def read(slave_id: int, function_code: int, address: int) -> Any:
        return tables[function_code][address]

    @app.route(slave_ids=[1], function_codes=[5, 15], addresses=range(SIZE))  # type: ignore[untyped-decorator]
    def write_coil(slave_id: int, function_code: int, address: int, value: int) -> None:
        bits[address] = bool(value)

    @app.route(slave_ids=[1], function_codes=[6, 16], addresses=range(SIZE))  # type: ignore[untyped-decorator]
    def write_register(slave_id: int, function_code: int, address: int, value: int) -> None:
        words[address] = value

    app.serve_forever()


def modbus_tk(port: int) -> None:
    from modbus_tk import defines, modbus_tcp  # type: ignore[import-not-found]

    server = modbus_tcp.TcpServer(address=HOST, port=port)
    unit = server.add_slave(1)
    for name, kind, values in (
        ("coils", defines.COILS, BITS),
        ("inputs", defines.DISCRETE_INPUTS, BITS),
        ("holding", defines.HOLDING_REGISTERS, REGISTERS),
        ("input", defines.ANALOG_INPUTS, REGISTERS),
    ):
        unit.add_block(name, kind, 0, SIZE)
        unit.set_values(name, 0, [int(value) for value in values])
    server.start()
    threading.Event().wait()


def tmodbus(port: int) -> Coroutine[Any, Any, object]:
    from bench.contenders.tmodbusserving import serving

    return serving(port)


SERVERS: Mapping[str, Start] = {
    "raw-asyncio": raw_asyncio,
    "raw-epoll": raw_epoll,
    "mbap": mbap,
    "pymodbus": pymodbus,
    "pymodbustcp": pymodbustcp,
    "umodbus": umodbus,
    "modbus-tk": modbus_tk,
    "tmodbus": tmodbus,
}


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=SERVERS)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--uvloop", action="store_true")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    serving = SERVERS[options.name](options.port)
    if serving is None:
        threading.Event().wait()  # its threads serve
    elif options.uvloop:
        import uvloop

        uvloop.run(serving)
    else:
        asyncio.run(serving)


if __name__ == "__main__":
    main()
