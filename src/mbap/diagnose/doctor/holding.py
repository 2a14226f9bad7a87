"""How many connections it takes, and whether it closes quiet ones; both only where that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

from mbap.client.quirks import Quirks
from mbap.diagnose.doctor.case import Case
from mbap.diagnose.doctor.finding import Finding, note, ok, warning
from mbap.durations import format_duration
from mbap.errors import ConnectFailed
from mbap.protocol.adu import Adu
from mbap.transport import opening

USUAL = "usual are 1 to 4 for meters and inverters, 4 to 16 for PLCs, 4 to 32 for gateways"
REST = 1.0
"""Seconds before connections are counted: a device may need a moment to free the one of before."""
_GLANCE = 0.001
_EARLIER = 0.8
"""A connection is made anew after this share of the time after which it is closed."""


class End(NamedTuple):
    """How far it went: so many connections were served, and this happened with one more."""

    served: int
    what: str


def connections(case: Case) -> Iterator[Finding]:
    """Open connection after connection, each asked once, and look whether the others stay; then close all."""
    most = case.wishes.connections
    if not most or case.endpoint.line is not None or case.endpoint.datagrams:
        return
    case.asking.renew()
    case.sleep(max(REST, case.asking.rest))
    with ExitStack() as stack:
        end = _open(case, most, stack)
    case.sleep(REST)
    yield judge(most, end)


def _open(case: Case, most: int, stack: ExitStack) -> End:
    held: list[opening.Wire] = []
    for number in range(most):
        case.progress(number / most)
        case.sleep(case.wishes.pause)
        try:
            wire = case.open()
        except ConnectFailed:
            return End(number, "is refused")
        stack.callback(wire.close)
        answered = _exchange(wire, _question(case), case.asking.timeout)
        if answered is None:
            return End(number, "is taken and closed at once")
        if not answered:
            return End(number, "is taken and never answered")
        if any(_is_closed(one, _GLANCE) for one in held):
            return End(number, "is served, and one of the others is closed for it")
        held.append(wire)
    return End(most, "")


def _question(case: Case) -> bytes:
    return case.endpoint.framing().pack(Adu(case.unit, case.question().encode(), 1))


def judge(most: int, end: End) -> Finding:
    """What the number means."""
    data = {"served": end.served, "tried": most, "then": end.what}
    if not end.what:
        return ok("connections", f"{most} connections at once are served; more were not tried", **data)
    are = "is" if end.served == 1 else "are"
    seen = f"{end.served} at once {are} served; number {end.served + 1} {end.what}"
    advice = "let one program ask, and others ask that: mbap proxy" if end.served <= 2 else ""
    return note("connections", seen, USUAL, advice, **data)


def idle(case: Case) -> Iterator[Finding]:
    """Ask once, keep quiet, look whether the connection is closed, and ask again."""
    rest = case.wishes.idle
    if not rest or case.endpoint.line is not None or case.endpoint.datagrams:
        return
    case.asking.renew()
    case.sleep(max(REST, case.asking.rest))
    finding, quirk = judge_idle(rest, *_keep_quiet(case, rest))
    if quirk is not None:
        case.asking.renew(Quirks.of(case.asking.quirks.said() | {"reconnect_idle": quirk}))
    yield finding


def _keep_quiet(case: Case, rest: float) -> tuple[float | None, bool]:
    """After how many seconds it was closed, None where it was not; and whether it then still answered."""
    words = _question(case)
    wire = case.open()
    try:
        _exchange(wire, words, case.asking.timeout)
        began = case.clock()
        while (left := began + rest - case.clock()) > 0:
            case.progress(1 - left / rest)
            if _is_closed(wire, min(left, 0.25)):
                return case.clock() - began, False
        return None, bool(_exchange(wire, words, case.asking.timeout))
    finally:
        wire.close()


def _exchange(wire: opening.Wire, words: bytes, timeout: float) -> bool | None:
    """Whether something came back; None where the connection ended."""
    try:
        wire.settimeout(timeout)
        wire.send(words)
        return True if wire.recv(1024) else None
    except TimeoutError:
        return False
    except OSError:
        return None


def _is_closed(wire: opening.Wire, wait: float) -> bool:
    try:
        wire.settimeout(wait)
        return not wire.recv(1024)
    except (TimeoutError, BlockingIOError):
        return False
    except OSError:
        return True


def judge_idle(rest: float, closed: float | None, answered: bool) -> tuple[Finding, float | None]:
    """What it means, and after how many seconds of rest a connection should be made anew."""
    data = {"rest": rest, "closed_after": None if closed is None else round(closed, 2), "answered": answered}
    if closed is None and answered:
        return ok("idle", f"after {format_duration(rest)} of rest the connection still works", **data), None
    after = rest if closed is None else closed
    quirk = max(round(_EARLIER * after, 1), 0.1)
    seen = f"the connection is closed after {after:.1f} s of rest"
    means = "whoever asks less often finds it closed, and has an error or a pause each time"
    if closed is None:
        seen = f"after {format_duration(rest)} of rest the connection is dead: open, and nothing is answered"
        means = "the device, or a firewall between, has forgotten it without saying so"
    advice = f"--quirk reconnect-idle={format_duration(quirk)}, or ask more often"
    return warning("idle", seen, means, advice, **data), quirk
