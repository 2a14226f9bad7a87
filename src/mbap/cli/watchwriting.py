"""Writing from the screen of `mbap watch`: what would be written, in words, and what became of it."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from mbap.cli.connecting import value_text
from mbap.cli.write import given_text, place_text, planned
from mbap.client.typed import Writing
from mbap.diagnose.watching import Row
from mbap.errors import ModbusError, OutcomeUnknown
from mbap.protocol.pdu import Request

R = TypeVar("R")


class Asked(Protocol):
    """What carries out requests: an `AsyncClient`."""

    async def execute(self, request: Request[R], *, deadline: float | None = None) -> R:
        """Carry out *request*."""
        raise NotImplementedError


def writing_of(row: Row, text: str) -> Writing:
    """How to write *text* to *row*.

    Raises:
        ValueError: it cannot be written, or *text* is no value for it.
    """
    return planned(f"{row.item}={text}", "")


def question(row: Row, plan: Writing, where: str) -> str:
    """What is to be confirmed: value, place in both notations, what goes onto the wire, what is there now."""
    now = value_text(row.encoding, row.value) if row.read_at is not None else "not known"
    return "\n".join(
        (
            f"Write {given_text(plan)} to {place_text(plan)}?",
            "",
            f"  device   {where}",
            f"  item     {row.item}",
            f"  request  function {plan.request.function_code}, PDU {plan.request.encode().hex(' ').upper()}",
            f"  now      {now}{', as of the last answer' if row.trouble else ''}",
        )
    )


async def carried_out(device: Asked, plan: Writing, deadline: float | None) -> str:
    """Write, read back, and say what became of it in one sentence."""
    try:
        await device.execute(plan.request, deadline=deadline)
    except OutcomeUnknown as error:
        return f"nobody knows whether {plan.item.text} was written: {_why(error)}"
    except ModbusError as error:
        return f"{plan.item.text} was not written: {_why(error)}"
    try:
        answer: Any = await device.execute(plan.read_back, deadline=deadline)
    except ModbusError as error:
        return f"{plan.item.text} was written, but it cannot be read back: {error.reason}"
    reads = ", ".join(value_text(plan.encoding, value) for value in plan.values(answer))
    if plan.agrees(answer):
        return f"{plan.item.text} was written and read back, the same: {reads}"
    return f"{plan.item.text} was written, but it reads {reads}"


def _why(error: ModbusError) -> str:
    """The cause and what to try next; the place is on the screen already."""
    return error.reason + (f"; {error.advice}" if error.advice else "")
