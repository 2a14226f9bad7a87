"""How many connections it takes, and whether it closes quiet ones; both only where that was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

from mbap.client.quirks import Quirks
from mbap.diagnose.doctor.asking import Asking
from mbap.diagnose.doctor.case import Case
from mbap.diagnose.doctor.finding import Finding, note, ok, warning
from mbap.durations import format_duration
from mbap.errors import ConnectFailed, ConnectionLost
from mbap.protocol.adu import Adu
from mbap.transport import opening

USUAL = "usual are 1 to 4 for meters and inverters, 4 to 16 for PLCs, 4 to 32 for gateways"
REST = 1.0
"""Seconds before connections are counted: a device may need a moment to free the one of before."""
_EARLIER = 0.8
"""A connection is made anew after this share of the time after which it is closed."""


class End(NamedTuple):
    """How far it went: so many connections were served, and this happened with one more."""

    served: int
    what: str


def connections(case: Case) -> Iterator[Finding]:
    """Open connection after connection, each asked once, and the first again; then close all of them."""
    most = case.wishes.connections
    if not most or case.endpoint.line is not None or case.endpoint.datagrams:
        return
    case.asking.renew()
    case.sleep(REST)
    with ExitStack() as stack:
        end = _open(case, most, stack)
    case.sleep(REST)
    yield judge(most, end)


def _open(case: Case, most: int, stack: ExitStack) -> End:
    held: list[Asking] = []
    for number in range(most):
        case.progress(number / most)
        asking = Asking(
            case.endpoint.url,
            timeout=case.asking.timeout,
            pause=case.wishes.pause,
            quirks=case.asking.quirks,
            clock=case.clock,
            sleep=case.sleep,
        )
        stack.callback(asking.close)
        outcome = asking.ask(case.question(), case.unit)
        if isinstance(outcome.error, ConnectFailed):
            return End(number, "is refused")
        if isinstance(outcome.error, ConnectionLost):
            return End(number, "is taken and closed at once")
        if outcome.silent:
            return End(number, "is taken and never answered")
        held.append(asking)
        if number and _was_closed(case, held[0]):
            return End(number, "is served, and the first is closed for it")
    return End(most, "")


def _was_closed(case: Case, asking: Asking) -> bool:
    """Whether a connection that was served before is so no more."""
    before = asking.connects
    outcome = asking.ask(case.question(), case.unit)
    return asking.connects > before or isinstance(outcome.error, ConnectionLost) or outcome.silent


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
    case.sleep(REST)
    finding, quirk = judge_idle(rest, *_keep_quiet(case, rest))
    if quirk is not None:
        case.asking.renew(Quirks.of(case.asking.quirks.said() | {"reconnect_idle": quirk}))
    yield finding


def _keep_quiet(case: Case, rest: float) -> tuple[float | None, bool]:
    """After how many seconds it was closed, None where it was not; and whether it then still answered."""
    words = case.endpoint.framing().pack(Adu(case.unit, case.question().encode(), 1))
    wire = opening.connect(case.endpoint, case.wishes.timeout)
    try:
        _exchange(wire, words, case.asking.timeout)
        began = case.clock()
        while (left := began + rest - case.clock()) > 0:
            case.progress(1 - left / rest)
            if _is_closed(wire, min(left, 0.25)):
                return case.clock() - began, False
        return None, _exchange(wire, words, case.asking.timeout)
    finally:
        wire.close()


def _exchange(wire: opening.Wire, words: bytes, timeout: float) -> bool:
    """Whether something came back."""
    try:
        wire.settimeout(timeout)
        wire.send(words)
        return bool(wire.recv(1024))
    except OSError:
        return False


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
    seen = f"the connection is closed after {closed:.1f} s of rest"
    means = "whoever asks less often finds it closed, and has an error or a pause each time"
    if closed is None:
        seen = f"after {format_duration(rest)} of rest the connection is dead: open, and nothing is answered"
        means = "the device, or a firewall between, has forgotten it without saying so"
    advice = f"--quirk reconnect-idle={format_duration(quirk)}, or ask more often"
    return warning("idle", seen, means, advice, **data), quirk
