"""The servers that are compared, each in a process of its own, and every hostile input against each."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from robustness.attack import Attacker
from robustness.hostile import Hostile
from robustness.trial import RIGHT, Verdict

from robustness import hostile

ROOT = Path(__file__).resolve().parents[1]
SIZE = 256
"""Addresses of each table; a multiple of 16, because some keep coils in registers."""
HOLDING = [0x1100 + address for address in range(SIZE)]
COILS = [bool(address % 2) for address in range(SIZE)]


@dataclass(frozen=True)
class Serving:
    """One column of the table: a title, and the package it is of."""

    title: str
    package: str
    newest: tuple[int, int] = (3, 11)

    @property
    def runs_here(self) -> bool:
        """Whether it is installed, and this Python is new enough for it."""
        with suppress(importlib.metadata.PackageNotFoundError):
            return sys.version_info >= self.newest and bool(importlib.metadata.version(self.package))
        return False


SERVERS: Mapping[str, Serving] = {
    "mbap": Serving("mbap", "mbap"),
    "pymodbus": Serving("pymodbus", "pymodbus"),
    "pymodbustcp": Serving("pyModbusTCP", "pyModbusTCP"),
    "umodbus": Serving("uModbus", "uModbus"),
    "tmodbus": Serving("tmodbus", "tmodbus", (3, 12)),
}


def try_all(only: str | None, number: str | None) -> dict[str, dict[str, Verdict]]:
    """Every server that runs here against every hostile input, by name and number."""
    names = [name for name, one in SERVERS.items() if one.runs_here and only in (None, one.package)]
    chosen = [one for one in hostile.ALL if number in (None, one.number)]
    if not chosen:
        return {}
    with ThreadPoolExecutor(len(names) or 1) as pool:
        return dict(zip(names, pool.map(lambda name: attacked(name, chosen), names), strict=True))


def attacked(name: str, inputs: Iterable[Hostile]) -> dict[str, Verdict]:
    """The server of that *name* against *inputs*; started anew behind each that may still trouble it."""
    verdicts: dict[str, Verdict] = {}
    process, attacker = _started(name)
    try:
        for one in inputs:
            verdicts[one.number] = verdict = attacker.attack(one)
            if verdict.word != RIGHT or one.unread or one.connections > 1 or one.churn:
                process.kill()
                process.wait()
                process, attacker = _started(name)
    finally:
        process.kill()
        process.wait()
    return verdicts


def _started(name: str) -> tuple[subprocess.Popen[str], Attacker]:
    from robustness.run import environment

    command = [sys.executable, "-m", "robustness.servers", name]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment()
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line.strip().isdigit():
        raise RuntimeError(f"the server of {name} did not start")
    return process, Attacker(int(line))


# --- what runs in the processes ---


def serve_mbap() -> None:
    """Ours."""
    import asyncio

    import mbap

    async def main() -> None:
        async with mbap.Server("tcp://127.0.0.1:0", our_device()) as server:
            print(server.port, flush=True)
            await server.serve_forever()

    asyncio.run(main())


def our_device() -> Any:
    """A device of ours that has everything."""
    import mbap

    return mbap.Device(
        coils=COILS,
        discrete_inputs=COILS,
        holding_registers=HOLDING,
        input_registers=HOLDING,
        files={1: range(SIZE)},
        fifos={10: [1, 2, 3], 11: range(40)},
        identification={0: "ACME", 1: "P7", 2: "1.0"},
        server_id=b"\x07\xff",
        exception_status=5,
    )


def serve_pymodbus() -> None:
    """pymodbus."""
    import asyncio

    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    async def main() -> None:
        bits = [SimData(0, values=list(COILS), datatype=DataType.BITS)]
        words = [SimData(0, values=list(HOLDING), datatype=DataType.REGISTERS)]
        device = SimDevice(0, simdata=(bits, bits, words, words))
        port = free_port()
        await ModbusTcpServer(device, address=("127.0.0.1", port)).serve_forever(background=True)
        print(port, flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())


def serve_pymodbustcp() -> None:
    """pyModbusTCP."""
    import threading

    from pyModbusTCP.server import DataBank, ModbusServer  # type: ignore[import-untyped]

    bank = DataBank(coils_size=SIZE, d_inputs_size=SIZE, h_regs_size=SIZE, i_regs_size=SIZE)
    bank.set_coils(0, COILS)
    bank.set_discrete_inputs(0, COILS)
    bank.set_holding_registers(0, HOLDING)
    bank.set_input_registers(0, HOLDING)
    port = free_port()
    ModbusServer(host="127.0.0.1", port=port, no_block=True, data_bank=bank).start()
    print(port, flush=True)
    threading.Event().wait()


def serve_umodbus() -> None:
    """uModbus."""
    from socketserver import ThreadingTCPServer

    from umodbus import conf  # type: ignore[import-untyped]
    from umodbus.server.tcp import RequestHandler, get_server  # type: ignore[import-untyped]

    conf.SIGNED_VALUES = False
    ThreadingTCPServer.daemon_threads = True
    server = get_server(ThreadingTCPServer, ("127.0.0.1", 0), RequestHandler)
    for values, codes in ((dict(enumerate(COILS)), [1, 2, 5, 15]), (dict(enumerate(HOLDING)), [3, 4, 6, 16])):

        def answer(
            slave_id: int,
            function_code: int,
            address: int,
            value: Any = None,
            values: dict[int, Any] = values,
        ) -> Any:
            return values[address] if value is None else values.update({address: value})

        server.route(slave_ids=[1], function_codes=codes, addresses=list(range(SIZE)))(answer)
    print(server.server_address[1], flush=True)
    server.serve_forever()


def serve_tmodbus() -> None:
    """tmodbus: its router, with a handler for each function that reads or writes tables."""
    import asyncio

    from tmodbus.server import AsyncTcpServer  # type: ignore[import-not-found]

    async def main() -> None:
        server = AsyncTcpServer("127.0.0.1", tmodbus_router(), port=free_port())
        await server.start()
        print(server.port, flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())


def tmodbus_router() -> Any:
    """What answers for tmodbus."""
    from tmodbus import pdu  # type: ignore[import-not-found]
    from tmodbus.exceptions import IllegalDataAddressError  # type: ignore[import-not-found]
    from tmodbus.server import ModbusRequestRouter

    router = ModbusRequestRouter()

    def refuse_beyond(request: Any, first: int, count: int) -> None:
        if first + count > SIZE:
            raise IllegalDataAddressError(request.function_code)

    def on_table(table: list[Any], reads: Any, writes_one: Any = None, writes_many: Any = None) -> None:
        @router.register(reads)  # type: ignore[untyped-decorator]
        async def read(unit: int, request: Any) -> list[Any]:
            refuse_beyond(request, request.start_address, request.quantity)
            return table[request.start_address : request.start_address + request.quantity]

        if writes_one is None:
            return

        @router.register(writes_one)  # type: ignore[untyped-decorator]
        async def write_one(unit: int, request: Any) -> Any:
            refuse_beyond(request, request.address, 1)
            table[request.address] = request.value
            return request.value

        @router.register(writes_many)  # type: ignore[untyped-decorator]
        async def write_many(unit: int, request: Any) -> int:
            refuse_beyond(request, request.start_address, len(request.values))
            table[request.start_address : request.start_address + len(request.values)] = request.values
            return len(request.values)

    on_table([*COILS], pdu.ReadCoilsPDU, pdu.WriteSingleCoilPDU, pdu.WriteMultipleCoilsPDU)
    on_table([*COILS], pdu.ReadDiscreteInputsPDU)
    registers = (pdu.ReadHoldingRegistersPDU, pdu.WriteSingleRegisterPDU, pdu.WriteMultipleRegistersPDU)
    on_table([*HOLDING], *registers)
    on_table([*HOLDING], pdu.ReadInputRegistersPDU)
    return router


def free_port() -> int:
    """A port that is free now, for libraries that do not tell which one they got."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


if __name__ == "__main__":
    {
        "mbap": serve_mbap,
        "pymodbus": serve_pymodbus,
        "pymodbustcp": serve_pymodbustcp,
        "umodbus": serve_umodbus,
        "tmodbus": serve_tmodbus,
    }[sys.argv[1]]()
