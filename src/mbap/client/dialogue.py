"""Dialogues: generators that yield requests and are sent the answers, carried out by either front."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeAlias, TypeVar, cast

from mbap.errors import ModbusError
from mbap.protocol.pdu import Request

R = TypeVar("R")

Dialogue: TypeAlias = Generator[Request[Any], Any, R]
"""Yields requests, is sent their results or has their errors thrown in, and returns what came of it all."""


def carry_out(dialogue: Dialogue[R], execute: Callable[[Request[Any]], Any]) -> R:
    """What *dialogue* returns, with *execute* for each of its requests."""
    try:
        request = next(dialogue)
        while True:
            try:
                answer = execute(request)
            except ModbusError as error:
                request = dialogue.throw(error)
            else:
                request = dialogue.send(answer)
    except StopIteration as end:
        return cast("R", end.value)


async def carry_out_async(dialogue: Dialogue[R], execute: Callable[[Request[Any]], Awaitable[Any]]) -> R:
    """The same, where *execute* has to be awaited."""
    try:
        request = next(dialogue)
        while True:
            try:
                answer = await execute(request)
            except ModbusError as error:
                request = dialogue.throw(error)
            else:
                request = dialogue.send(answer)
    except StopIteration as end:
        return cast("R", end.value)
