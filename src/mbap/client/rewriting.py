"""Requests that a device does not have, or not as large, carried out as several others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar, cast

from mbap.client.quirks import Quirks
from mbap.errors import ModbusError, OutcomeUnknown
from mbap.protocol.pdu import (
    READS,
    Request,
    WriteMultipleRegisters,
    WriteSingleRegister,
)
from mbap.protocol.wire import Bits, Registers

R = TypeVar("R")

_READS = tuple(READS.values())


@dataclass(frozen=True, slots=True)
class Parts(Generic[R]):
    """What to send instead of one request, and how the answers become its result.

    Attributes:
        quirk: because of which one.
    """

    quirk: str
    requests: tuple[Request[Any], ...]
    join: Callable[[list[Any]], R]

    def dialogue(self) -> Generator[Request[Any], Any, R]:
        """Ask one after the other; the first error ends it.

        Raises:
            OutcomeUnknown: some of a write's parts were carried out, the others not.
        """
        answers: list[Any] = []
        for request in self.requests:
            try:
                answers.append((yield request))
            except ModbusError as error:
                raise self._failure(len(answers), error) from error
        return self.join(answers)

    def _failure(self, done: int, error: ModbusError) -> ModbusError:
        if not done or not self.requests[0].writes:
            return error
        doubt = OutcomeUnknown(f"{done} of {len(self.requests)} registers were written, then: {error.reason}")
        return doubt if error.target is None else doubt.at(error.target)


def in_parts(request: Request[R], quirks: Quirks) -> Parts[R] | None:
    """How to carry out *request* at a device with *quirks*; None: as it is."""
    found: Parts[Any] | None = None
    if isinstance(request, _READS):
        found = _divided(request, quirks)
    elif isinstance(request, WriteMultipleRegisters) and quirks.only_fc6:
        singles = [WriteSingleRegister(request.address + i, value) for i, value in enumerate(request.values)]
        found = Parts("only_fc6", tuple(singles), _nothing)
    elif isinstance(request, WriteSingleRegister) and quirks.only_fc16:
        found = Parts("only_fc16", (WriteMultipleRegisters(request.address, (request.value,)),), _nothing)
    return cast("Parts[R] | None", found)


def _divided(request: Any, quirks: Quirks) -> Parts[Any] | None:
    bits = request.table.holds_bits
    quirk = "largest_bits" if bits else "largest_read"
    most = quirks.largest_bits if bits else quirks.largest_read
    if most is None or request.count <= most:
        return None
    spans = list(_spans(request.address, request.count, most))
    parts = tuple(type(request)(address, count) for address, count in spans)
    counts = [count for _, count in spans]
    return Parts(quirk, parts, _joined_bits if bits else partial(_joined_registers, counts))


def _spans(address: int, count: int, most: int) -> Iterator[tuple[int, int]]:
    end = address + count
    for start in range(address, end, most):
        yield start, min(most, end - start)


def _joined_registers(counts: Sequence[int], answers: list[Registers]) -> Registers:
    """The registers up to the end of the first short answer: behind it, places would be wrong."""
    whole = b""
    for count, answer in zip(counts, answers, strict=True):
        whole += answer.wire
        if len(answer) < count:
            break
    return Registers(whole)


def _joined_bits(answers: list[Bits]) -> Bits:
    return Bits.of([bit for answer in answers for bit in answer])


def _nothing(_answers: list[None]) -> None:
    return None
