"""One client against one misbehaviour: what came of it, in one word."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from robustness.clients import COILS, Client, Subject
from robustness.device import Device, coils, device, registers
from robustness.misbehaviours import AGAIN_AT, READ_AT, READ_COUNT, TIMEOUT, Misbehaviour

RIGHT, ERROR, STUCK, WRONG, HANG, CRASH = "right", "error", "stuck", "wrong", "hang", "crash"
CLASSES = (RIGHT, ERROR, STUCK, WRONG, HANG, CRASH)
"""From best to worst; `hang` is found by whoever started the trial."""
WRITE_AT = 7
RECOVERY = 4.0
"""Seconds within which a client has to work again."""
BETWEEN = 0.15
"""Seconds between two attempts to recover."""


@dataclass(frozen=True)
class Verdict:
    """What came of a trial: one of `CLASSES`, and what was seen."""

    word: str
    seen: str

    def as_json(self) -> dict[str, str]:
        """The same as plain data."""
        return asdict(self)


def tried(client: Client, misbehaviour: Misbehaviour) -> Verdict:
    """Let *client* meet *misbehaviour*: a first request, and then another that has to be right."""
    with device(misbehaviour.script, misbehaviour.framing) as running:
        begun = time.monotonic()
        subject, verdict = _made(client, running)
        if subject is None:
            return verdict
        try:
            first = _first(client, subject, misbehaviour)
            if first.word in (WRONG, CRASH):
                return first
            time.sleep(misbehaviour.pause)
            second = _recovered(client, subject, lasting=misbehaviour.lasting)
            took = time.monotonic() - begun
        finally:
            _closed(subject)
    if second.word not in (RIGHT, ERROR):
        return Verdict(second.word, f"first {first.seen}; then {second.seen}")
    worse = max((first, second), key=lambda verdict: CLASSES.index(verdict.word))
    return Verdict(worse.word, f"{worse.seen} ({took:.1f} s)")


def _made(client: Client, running: Device) -> tuple[Subject | None, Verdict]:
    try:
        return client.make(running.port, TIMEOUT), Verdict(RIGHT, "")
    except Exception as error:  # noqa: BLE001 - what it raises is what is looked at
        return None, _judged(client, error)


def _first(client: Client, subject: Subject, misbehaviour: Misbehaviour) -> Verdict:
    asked = misbehaviour.asked
    if asked == "read":
        return _asked(client, lambda: subject.ask(asked, READ_AT, READ_COUNT), registers(READ_AT, READ_COUNT))
    if asked == "read_coils":
        return _asked(client, lambda: subject.ask(asked, READ_AT, COILS), coils(READ_AT, COILS))
    verdict = _asked(client, lambda: subject.ask(asked, WRITE_AT, 1), None)
    if verdict.word == RIGHT and misbehaviour.wanted == "error":
        return Verdict(WRONG, "a write is reported as done that was not confirmed")
    return verdict


def _recovered(client: Client, subject: Subject, *, lasting: bool) -> Verdict:
    """Whether the client works again: at first as it is, then with a new connection."""
    give_up_at = time.monotonic() + RECOVERY
    attempt = 0
    while True:
        verdict = _asked(
            client, lambda: subject.ask("read", AGAIN_AT, READ_COUNT), registers(AGAIN_AT, READ_COUNT)
        )
        attempt += 1
        if verdict.word != ERROR:
            return verdict
        if lasting:
            return verdict
        if time.monotonic() > give_up_at:
            return Verdict(STUCK, f"still {verdict.seen} after {RECOVERY:g} s")
        time.sleep(BETWEEN)
        if attempt >= 2:
            try:
                subject.reconnect()
            except Exception as error:  # noqa: BLE001 - what it raises is what is looked at
                if not client.is_clean(error):
                    return _judged(client, error)


def _asked(client: Client, ask: Callable[[], list[Any] | None], wanted: list[Any] | None) -> Verdict:
    try:
        got = ask()
    except Exception as error:  # noqa: BLE001 - what it raises is what is looked at
        return _judged(client, error)
    if got != wanted:
        return Verdict(WRONG, f"gave {_short(got)} and not {_short(wanted)}")
    return Verdict(RIGHT, "right data" if wanted is not None else "confirmed")


def _judged(client: Client, error: BaseException) -> Verdict:
    name = f"{type(error).__name__}: {str(error) or 'without a word'}"
    return Verdict(ERROR if client.is_clean(error) else CRASH, name[:160])


def _closed(subject: Subject) -> None:
    with suppress(Exception):  # it has been looked at already
        subject.close()


def _short(data: list[Any] | None) -> str:
    text = "nothing" if data is None else str(data)
    return text if len(text) <= 40 else text[:37] + "..."
