"""Reading all that a unit has: tables by bisecting around what does not exist, and what it says of itself."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from mbap.addresses import Table
from mbap.client.dialogue import Dialogue
from mbap.diagnose.devicetext import KnownUnit
from mbap.diagnose.seen import Run
from mbap.errors import ExceptionCode, ExceptionResponse, ProtocolError, ResponseTimeout
from mbap.protocol.pdu import READS, ReadDeviceIdentification, ReadExceptionStatus, ReportServerId, Request

MOST_SILENT: Final = 4
"""So many reads in a row without an answer, and the device is taken for gone."""
_ROUND: Final = 1000
"""At multiples of it maps often begin."""
_LARGEST: Final = {True: 2000, False: 125}
_UNIT_GONE: Final = (
    ExceptionCode.GATEWAY_PATH_UNAVAILABLE,
    ExceptionCode.GATEWAY_TARGET_FAILED_TO_RESPOND,
    ExceptionCode.SERVER_DEVICE_BUSY,
    ExceptionCode.ACKNOWLEDGE,
)
Told = Callable[[float], None]


class Reach(NamedTuple):
    """Addresses of one table; both ends are read."""

    table: Table
    first: int
    last: int


@dataclass(order=True, slots=True)
class _Block:
    """Addresses to be read in one request; those with small *depth* come first.

    Attributes:
        refused: it is known that not all of it exists, so it is not asked for as a whole.
        limited: it was refused as too large, maybe.
    """

    depth: int
    address: int
    count: int
    refused: bool = field(default=False, compare=False)
    mother: _Block | None = field(default=None, compare=False, repr=False)
    limited: bool = field(default=False, compare=False)
    well: int = field(default=0, compare=False)


@dataclass(slots=True)
class Contents:
    """What was found.

    Attributes:
        values: by table and address.
        missing: single addresses that do not exist, by table.
        unknown: where it was not looked closely enough, because the requests were used up.
        absent: tables that the unit does not have.
        largest_read: the most registers of one read, where that is less than the standard allows.
        requests: how many were made.
    """

    values: dict[Table, dict[int, int]] = field(default_factory=dict)
    missing: dict[Table, list[int]] = field(default_factory=dict)
    unknown: list[Reach] = field(default_factory=list)
    absent: list[Table] = field(default_factory=list)
    largest_read: int | None = None
    requests: int = 0
    identification: dict[int, bytes] = field(default_factory=dict)
    server_id: bytes | None = None
    exception_status: int | None = None

    def unit(self) -> KnownUnit:
        """The same for a device file."""
        runs = [run for table, values in self.values.items() for run in _runs(table, values)]
        return KnownUnit(runs, self.identification, self.server_id, self.exception_status, self.largest_read)


def read_through(reaches: Sequence[Reach], most: int, told: Told = lambda _: None) -> Dialogue[Contents]:
    """Read what is in *reaches*, in at most *most* requests, and what the unit says of itself.

    Wide blocks of all tables come first, and are divided where they are refused, so that much is known early.
    *told* is given the share that is done.

    Raises:
        ModbusError: the unit is not there, or not any more.
    """
    contents = Contents()
    yield from _identity(contents)
    walks = [_Walk(reach, contents, most) for reach in reaches]
    total = sum(walk.total for walk in walks)
    while contents.requests < most:
        walk = min((one for one in walks if one.todo), key=lambda one: one.todo[0].depth, default=None)
        if walk is None:
            break
        yield from walk.step()
        told(sum(one.done for one in walks) / total)
    for walk in walks:
        contents.unknown += walk.rest()
    return contents


def _identity(contents: Contents) -> Dialogue[None]:
    for code in (3, 2, 1):
        objects = yield from _objects(code, contents)
        if objects:
            contents.identification = objects
            break
    contents.server_id = yield from _maybe(ReportServerId(), contents)
    contents.exception_status = yield from _maybe(ReadExceptionStatus(), contents)


def _objects(code: int, contents: Contents) -> Dialogue[dict[int, bytes]]:
    request: ReadDeviceIdentification | None = ReadDeviceIdentification(code, 0)
    objects: dict[int, bytes] = {}
    while request is not None:
        answer = yield from _maybe(request, contents)
        if answer is None or objects.keys() & answer.objects.keys():
            break
        objects.update(answer.objects)
        try:
            request = request.following(answer)
        except ProtocolError:
            break
    return objects


def _maybe(request: Request[Any], contents: Contents) -> Dialogue[Any]:
    """The answer; None where the unit does not have such a thing."""
    contents.requests += 1
    try:
        return (yield request)
    except (ExceptionResponse, ProtocolError, ResponseTimeout):
        return None


class _Walk:
    """Through one table.

    Attributes:
        done: addresses of which it is known what they are.
    """

    def __init__(self, reach: Reach, contents: Contents, most: int) -> None:
        self._table = reach.table
        self._contents = contents
        self._most = most
        self._silent = 0
        self._size = _LARGEST[reach.table.holds_bits]
        self.total = reach.last - reach.first + 1
        self.done = 0
        self.todo = list(_cut(reach.first, self.total, self._size))
        self._values = contents.values.setdefault(reach.table, {})
        self._missing = contents.missing.setdefault(reach.table, [])

    def step(self) -> Dialogue[None]:
        """Find out about one block."""
        block = heapq.heappop(self.todo)
        if block.refused:
            self._divide(block)
            return
        try:
            values = yield from self._ask(block.address, block.count)
        except ExceptionResponse as refusal:
            self._was_refused(block, refusal.code)
        except ResponseTimeout:
            self._silent += 1
            if self._silent >= MOST_SILENT:
                raise
            self._was_refused(block, 0)
        else:
            self._silent = 0
            self._values.update(enumerate(map(int, values), block.address))
            self.done += block.count
            yield from self._went_well(block)

    def _ask(self, address: int, count: int) -> Dialogue[Any]:
        self._contents.requests += 1
        kind: Any = READS[self._table]
        return (yield kind(address, count))

    def _was_refused(self, block: _Block, code: int) -> None:
        if code in _UNIT_GONE:
            raise ExceptionResponse(code)
        if code == ExceptionCode.ILLEGAL_FUNCTION:
            self._contents.absent.append(self._table)
            self.done = self.total
            self.todo.clear()
        elif block.count == 1:
            self._missing.append(block.address)
            self.done += 1
        else:
            block.limited = code == ExceptionCode.ILLEGAL_DATA_VALUE
            self._divide(block)

    def _divide(self, block: _Block) -> None:
        if block.count == 1:
            self._missing.append(block.address)
            self.done += 1
            return
        half = block.count // 2
        further = 2 * _remoteness(block.address) if block.depth == 0 else 0
        for address, count in ((block.address, half), (block.address + half, block.count - half)):
            # What exists is mostly together, and begins at a round address: there is looked first.
            beside = address - 1 in self._values or address + count in self._values
            depth = 0 if beside or (not block.depth and not address % _ROUND) else block.depth + 1 + further
            heapq.heappush(self.todo, _Block(depth, address, count, mother=block))

    def _went_well(self, block: _Block) -> Dialogue[None]:
        """One half is there: what is missing is in the other one, which is looked at next."""
        mother = block.mother
        if mother is None:
            return
        mother.well += 1
        near = [one for one in self.todo if _descends(one, mother)]
        if near:
            for one in near:
                one.depth = 0
                one.refused = one.refused or (one.mother is mother and not mother.limited)
            heapq.heapify(self.todo)
        elif mother.limited and mother.well == 2 and self._size > block.count:
            yield from self._find_limit(mother)

    def _find_limit(self, mother: _Block) -> Dialogue[None]:
        """Both halves are there, and the whole was too large: how much is not?"""
        fits, too_large = mother.count - mother.count // 2, mother.count
        while too_large - fits > 1 and self._contents.requests < self._most:
            middle = (fits + too_large) // 2
            try:
                yield from self._ask(mother.address, middle)
                fits = middle
            except ExceptionResponse:
                too_large = middle
        self._size = fits
        if not self._table.holds_bits:
            self._contents.largest_read = fits
        blocks, self.todo = self.todo, []
        for block in blocks:
            large = block.count > fits and not block.refused
            for one in _cut(block.address, block.count, fits, block.depth) if large else (block,):
                heapq.heappush(self.todo, one)

    def rest(self) -> Iterator[Reach]:
        """What is not known."""
        merged: list[list[int]] = []
        for block in sorted(self.todo, key=lambda one: one.address):
            last = block.address + block.count - 1
            if merged and block.address == merged[-1][1] + 1:
                merged[-1][1] = last
            else:
                merged.append([block.address, last])
        return (Reach(self._table, first, last) for first, last in merged)


def _remoteness(address: int) -> int:
    """How late to look closely from *address* on: maps mostly begin low, or at round addresses."""
    return (address % _ROUND // 125).bit_length() + (address // _ROUND).bit_length()


def _descends(block: _Block, mother: _Block) -> bool:
    """Whether *block* is a half of *mother*, or of one of its halves."""
    return block.mother is mother or (block.mother is not None and block.mother.mother is mother)


def _cut(first: int, total: int, size: int, depth: int = 0) -> Iterator[_Block]:
    for address in range(first, first + total, size):
        yield _Block(depth, address, min(size, first + total - address))


def _runs(table: Table, values: dict[int, int]) -> Iterator[Run]:
    run: Run | None = None
    for address in sorted(values):
        if run is None or run.address + len(run.values) != address:
            if run is not None:
                yield run
            run = Run(table, address, [])
        run.values.append(values[address])
    if run is not None:
        yield run


class Journal:
    """Answers that were given before, so that reading goes on where it was broken off.

    Args:
        lines: of an earlier run, without their ends; a last one that is torn is left out.
        write: called with each further line.
    """

    def __init__(self, lines: Sequence[str], write: Callable[[str], object]) -> None:
        self._known: dict[str, str] = {}
        self._write = write
        for line in lines:
            request, space, answer = line.partition(" ")
            if space and answer.endswith("."):
                self._known[request] = answer[:-1]

    def execute(self, request: Request[Any], ask: Callable[[Request[Any]], Any]) -> Any:
        """What *request* gave, then or now."""
        key = request.encode().hex()
        before = self._known.get(key)
        if before is not None:
            return _again(request, before)
        try:
            result = ask(request)
        except ExceptionResponse as error:
            self._write(f"{key} {error.code}.")
            raise
        self._write(f"{key} {request.encode_response(result).hex()}.")
        return result


def _again(request: Request[Any], answer: str) -> Any:
    if len(answer) <= 3:
        raise ExceptionResponse(int(answer))
    return request.decode_response(bytes.fromhex(answer))
