"""The first words: does what answers there speak Modbus, and does it keep to the standard."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mbap.diagnose.doctor.case import LONG, Case
from mbap.diagnose.doctor.finding import Finding, Severity, note, spoken, warning
from mbap.diagnose.doctor.header import Headed, Oddity, quirks_of, quirks_with, take_apart
from mbap.diagnose.doctor.reach import with_other_ports
from mbap.diagnose.doctor.strangers import what_else_answers
from mbap.diagnose.doctor.talk import Heard, say
from mbap.errors import ConnectionLost, ProtocolError
from mbap.protocol.adu import Adu
from mbap.protocol.pdu.registers import ReadHoldingRegisters
from mbap.protocol.strangers import advice_on

TRANSACTION = 0x4D42
"""Neither 0, nor small, nor the same with its bytes exchanged."""
NOWHERE = ReadHoldingRegisters(0xFFFF, 1)
"""A read that nearly every device refuses: its answer shows what exceptions look like."""
RESTS = (1.0, 3.0)
"""Seconds of rest before trying again where the connection was closed at once."""
SLOW = 0.5


def answer(case: Case) -> Iterator[Finding]:
    """Ask for one value, and look at the bytes that come back."""
    questions = [case.question().encode(), NOWHERE.encode()]
    asked = [Adu(case.first_unit, pdu, TRANSACTION + number) for number, pdu in enumerate(questions)]
    heard, rested = _heard(case, asked)
    if rested and heard[0].data:
        case.asking.rest = rested
        yield needs_rest(rested)
    for finding in judge(case, asked, heard):
        yield with_other_ports(case, finding) if finding.severity is Severity.FAULT else finding


def _heard(case: Case, asked: list[Adu]) -> tuple[list[Heard], float]:
    """What came back, and after how many seconds of rest; a device may not be free yet."""
    framing = case.endpoint.framing()
    words = [framing.pack(adu) for adu in asked]
    rested = 0.0
    for rest in (0.0, *RESTS):
        case.sleep(rest)
        rested += rest
        heard = say(
            case.open,
            *words,
            patience=LONG * case.wishes.timeout,
            rest=case.wishes.pause,
            quiet=case.waits.quiet,
            clock=case.clock,
            sleep=case.sleep,
        )
        if heard[0].data or not (heard[0].ended or heard[0].failed):
            break
    return heard, rested


def needs_rest(seconds: float) -> Finding:
    """It took a while until it served a connection again."""
    means = "it frees a connection only some seconds after that was closed"
    advice = "keep one connection open, and let nothing connect and close again and again"
    return warning("connect", f"a new connection was served only after {seconds:g} s", means, advice)


def judge(case: Case, asked: list[Adu], heard: list[Heard]) -> Iterator[Finding]:
    """What the bytes mean."""
    first = heard[0]
    if not first.data:
        if first.ended:
            yield from what_else_answers(case)
        if first.ended and case.endpoint.datagrams:
            yield not_served()
            return
        yield closed(first) if first.ended or first.failed else silent(case, first)
        return
    case.known.slowest = first.seconds or 0.0
    if not case.numbered:
        yield from _by_framing(case, asked[0], first)
        return
    heads = [take_apart(adu, one.data) for adu, one in zip(asked, heard, strict=False)]
    if heads[0] is None:
        yield stranger(first)
        return
    yield answered(case, heads[0], first.seconds or 0.0)
    yield from map(hopeless, (one for one in heads[0].oddities if one.hopeless))
    yield from ended(heard, refused=not heads[1:] or heads[1] is None or heads[1].exception > 0)
    oddities = _oddities(heads)
    if oddities:
        case.asking.renew(quirks_with(case.wishes.quirks, quirks_of(oddities)))
        yield from map(odd, oddities)


def _oddities(heads: list[Headed | None]) -> tuple[Oddity, ...]:
    """Those of all answers, each kind once."""
    found: dict[object, Oddity] = {}
    for head in heads:
        for oddity in head.oddities if head else ():
            found.setdefault(tuple(oddity.quirks) or oddity.seen, oddity)
    return tuple(found.values())


def answered(case: Case, head: Headed, seconds: float) -> Finding:
    """Modbus it is."""
    how = (
        f"unit {case.first_unit} with exception {head.exception:02X}"
        if head.exception
        else f"unit {case.first_unit}"
    )
    seen = f"Modbus is spoken: {how} after {spoken(seconds)}"
    data = {"seconds": round(seconds, 5), "exception": head.exception or None}
    if seconds < min(SLOW, case.wishes.timeout):
        return Finding("answer", Severity.OK, seen, data=data)
    means = "that is slow; programs that wait less take it for silence"
    advice = (
        "give it time: the figures below say how much"
        if seconds < case.wishes.timeout
        else f"wait longer: --timeout {math.ceil(2 * seconds)}s"
    )
    if seconds >= case.wishes.timeout:
        case.asking.timeout = 2 * seconds
    return Finding("answer", Severity.WARNING, seen, means, advice, data)


def odd(oddity: Oddity) -> Finding:
    """A rule of the standard is broken."""
    if not oddity.quirks:
        return warning("header", oddity.seen, oddity.means, "ask the maker for newer firmware")
    words = " ".join(
        f"--quirk {name.replace('_', '-')}" + ("" if value is True else f"={value}")
        for name, value in oddity.quirks.items()
    )
    return warning("header", oddity.seen, oddity.means, f"say {words}", **oddity.quirks)


def hopeless(oddity: Oddity) -> Finding:
    """A rule is broken in a way that no client can make good."""
    error = ProtocolError(oddity.seen)
    advice = "ask the maker for newer firmware, or whoever runs the gateway between"
    return Finding("header", Severity.FAULT, oddity.seen, oddity.means, advice, error=error, last=True)


def ended(heard: list[Heard], *, refused: bool) -> Iterator[Finding]:
    """Whether it closes the connection without a reason: behind an answer, or where one is *refused*."""
    means = (
        "each request needs a new connection, which takes longer; a program that keeps one finds it closed"
    )
    if heard[0].ended:
        seen, advice = "it closes the connection behind its answer", "ask seldom, and much at once"
        yield warning("answer", seen, means, advice, closes="always")
    elif heard[-1].ended and refused:
        seen = "it closes the connection where it has to refuse a read"
        means = "others that share the connection lose it, too"
        advice = "ask it for nothing but what its manual names"
        yield warning("answer", seen, means, advice, closes="refusing")


def closed(heard: Heard) -> Finding:
    """The connection ended instead of an answer."""
    if heard.failed is not None:
        means = "it took one connection, and then no other: it may serve one at a time, and free it late"
        advice = heard.failed.advice or "wait a minute and try again"
        seen = f"after the first connection: {heard.failed.reason}"
        return Finding("answer", Severity.FAULT, seen, means, advice, error=heard.failed, last=True)
    seen = "the connection is taken, and closed instead of an answer"
    means = "all its connections are in use, or it serves only clients that it knows, or it is not Modbus"
    advice = "close other programs that use it; look at its list of permitted clients; check the port"
    error = ConnectionLost("the device closed the connection instead of answering")
    return Finding("answer", Severity.FAULT, seen, means, advice, error=error, last=True)


def not_served() -> Finding:
    """The host sent back that nothing takes datagrams there."""
    seen = "the host says that nothing serves this port for UDP"
    means = "the host is there; most devices speak Modbus over TCP only"
    error = ConnectionLost("nothing serves this port for UDP")
    return Finding("answer", Severity.FAULT, seen, means, "use tcp:// instead", error=error, last=True)


def silent(case: Case, heard: Heard) -> Finding:
    """Nothing came; the units tell more."""
    seen = f"connected, but unit {case.first_unit} was silent for {LONG * case.wishes.timeout:g} s"
    return note("answer", seen, "the unit may be wrong: others are asked next")


def stranger(heard: Heard) -> Finding:
    """Something came that is not Modbus TCP."""
    advice = advice_on(heard.data)
    means, _, then = advice.partition(": ")
    shown = heard.data[:16].hex(" ")
    seen = f"what answers is not Modbus TCP: {len(heard.data)} bytes, {shown}"
    error = ProtocolError("what came is not Modbus TCP")
    means = means or "something else is served there, or the bytes are damaged on the way"
    then = then or "check the port; mbap decode explains the bytes"
    return Finding("answer", Severity.FAULT, seen, means, then, {"bytes": heard.data.hex()}, error, last=True)


def _by_framing(case: Case, asked: Adu, heard: Heard) -> Iterator[Finding]:
    """The same over RTU and ASCII, where there is no header."""
    adus = case.endpoint.framing().unpack(heard.data)
    fitting = [adu for adu in adus if adu.unit == asked.unit and adu.pdu[0] & 0x7F == asked.pdu[0]]
    if fitting:
        yield answered(case, Headed(fitting[0].pdu), heard.seconds or 0.0)
        yield from ended([heard], refused=False)
        return
    if take_apart(Adu(asked.unit, asked.pdu), heard.data) is not None:
        error = ProtocolError("what came is Modbus TCP")
        means, advice = "Modbus TCP is spoken there, not RTU over TCP", "use tcp:// instead"
        yield Finding(
            "answer", Severity.FAULT, "the answer has an MBAP header", means, advice, error=error, last=True
        )
        return
    yield stranger(heard)
