"""Hosts that speak Modbus: a few at once, so many connections a second, and what each says of itself."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from mbap.client.asynchronous import AsyncClient
from mbap.client.dialogue import carry_out_async
from mbap.diagnose.doctor.asking import PATH_ERRORS
from mbap.diagnose.scan.identity import who_is_it
from mbap.errors import ConnectFailed, ConnectionLost, ExceptionResponse, ModbusError, ProtocolError
from mbap.protocol.pdu.registers import ReadHoldingRegisters

UNITS = (1, 255, 0)
"""Whom a host is asked for."""


@dataclass(frozen=True, slots=True)
class Host:
    """A port of a host that could be connected.

    Attributes:
        modbus: whether Modbus is spoken there.
        units: of those that were asked, the ones that answered.
        identity: what it says of itself.
        seconds: the shortest answer; None where there was none.
        remark: what else there is to say: a gateway, silence, something else than Modbus.
    """

    address: str
    port: int
    modbus: bool
    units: tuple[int, ...] = ()
    identity: dict[str, str] = field(default_factory=dict)
    seconds: float | None = None
    remark: str = ""

    @property
    def url(self) -> str:
        """How to reach it."""
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"tcp://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Gentleness:
    """How much is done at once: connections under way, connections begun a second, and seconds to wait."""

    at_once: int = 16
    rate: float = 50.0
    timeout: float = 1.0


async def scan(
    places: Sequence[tuple[str, int]],
    gentleness: Gentleness,
    tell: Callable[[float], None] = lambda _share: None,
) -> AsyncIterator[Host]:
    """The open ports among *places*, pairs of address and port, as they are found."""
    found: asyncio.Queue[Host | None] = asyncio.Queue()
    ahead, pace = iter(places), _Pace(gentleness.rate)
    done = 0

    async def work(ahead: Iterator[tuple[str, int]]) -> None:
        nonlocal done
        for address, port in ahead:
            await pace.wait()
            host = await look_at(address, port, gentleness.timeout)
            done += 1
            tell(done / len(places))
            if host is not None:
                found.put_nowait(host)

    workers = [asyncio.create_task(work(ahead)) for _ in range(min(gentleness.at_once, len(places)))]
    ending = asyncio.create_task(_then_end(workers, found))
    try:
        while (host := await found.get()) is not None:
            yield host
        await ending
    finally:
        for task in (*workers, ending):
            task.cancel()
        await asyncio.gather(*workers, ending, return_exceptions=True)


async def _then_end(workers: Sequence[asyncio.Task[None]], found: asyncio.Queue[Host | None]) -> None:
    try:
        await asyncio.gather(*workers)
    finally:
        found.put_nowait(None)


class _Pace:
    """Lets so many begin in a second."""

    def __init__(self, rate: float) -> None:
        self._apart = 1 / rate
        self._next = 0.0

    async def wait(self) -> None:
        now = asyncio.get_running_loop().time()
        self._next = max(self._next + self._apart, now)
        await asyncio.sleep(self._next - now)


async def look_at(address: str, port: int, timeout: float) -> Host | None:
    """What is at that port; None where it cannot be connected."""
    place = Host(address, port, modbus=False)
    client = AsyncClient(place.url, timeout=timeout)
    try:
        return await _ask(client, place)
    finally:
        await client.aclose()


async def _ask(client: AsyncClient, place: Host) -> Host | None:
    answers: dict[int, float] = {}
    remarks: dict[int, str] = {}
    for unit in UNITS:
        began = time.perf_counter()
        error = await _error(client, unit)
        if isinstance(error, ConnectFailed) and not answers and not remarks:
            return None
        if error is None or isinstance(error, ExceptionResponse):
            answers[unit] = time.perf_counter() - began
        if error is not None:
            remarks[unit] = _remark(unit, error)
        if isinstance(error, (ConnectionLost, ProtocolError)):
            break
    present = tuple(unit for unit in answers if not remarks.get(unit))
    return replace(
        place,
        modbus=bool(answers),
        units=present,
        identity=await _identity(client, present[0]) if present else {},
        seconds=min(answers.values(), default=None),
        remark="" if present else "; ".join(dict.fromkeys(remarks.values())),
    )


async def _error(client: AsyncClient, unit: int) -> ModbusError | None:
    try:
        await client.unit(unit).execute(ReadHoldingRegisters(0, 1))
    except ModbusError as error:
        return error
    return None


def _remark(unit: int, error: ModbusError) -> str:
    if isinstance(error, PATH_ERRORS):
        return f"nobody as unit {unit}"
    if isinstance(error, ExceptionResponse):
        return ""
    if isinstance(error, ConnectionLost):
        return "closes the connection"
    return error.advice.partition(":")[0] if isinstance(error, ProtocolError) and error.advice else "silent"


async def _identity(client: AsyncClient, unit: int) -> dict[str, str]:
    return await carry_out_async(who_is_it(), client.unit(unit).execute)
