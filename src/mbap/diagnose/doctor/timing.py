"""How long answers take, which part is the network's, how steady they are, and what rest is needed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from statistics import median

from mbap.addresses import Location
from mbap.collect.plan import plan
from mbap.diagnose.doctor.asking import Outcome
from mbap.diagnose.doctor.case import Case, read_of
from mbap.diagnose.doctor.finding import Finding, Severity, note, ok, spoken, warning
from mbap.durations import format_duration

RESTS = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5)
"""Seconds to try between requests, where a device does not keep up."""
IN_A_ROW = 10
SHORTEST_TIMEOUT = 0.5
SLOW, UNSTEADY = 0.5, 5.0


def rests(case: Case) -> Iterator[Finding]:
    """Ask without any rest, and where that goes wrong with longer and longer ones."""
    if case.known.place is None:
        return
    if not (failed := _failures(case, 0.0)):
        yield ok("rest", f"{_in_a_row(case)} reads without any rest between them were answered")
        return
    for rest in RESTS:
        if not _failures(case, rest):
            case.known.pause = rest
            case.asking.pause = max(rest, case.asking.pause)
            seen = (
                f"without a rest: {failed[0].said}; with {format_duration(rest)} between requests all is well"
            )
            means = "the device does not take a request while it is busy with the one before"
            advice = f'pause = "{format_duration(rest)}" in the profile, and one program at a time'
            yield warning("rest", seen, means, advice, pause=rest)
            return
    seen = f"{failed[0].said} again and again, with and without a rest"
    yield warning("rest", seen, "it is busy, or bytes are lost on the way", "look at what else talks to it")


def _in_a_row(case: Case) -> int:
    """How many reads are asked in a row: few where each takes long."""
    return IN_A_ROW if case.known.slowest < SLOW else 3


def _failures(case: Case, rest: float) -> list[Outcome]:
    """What went wrong in some reads with *rest* between them; it ends at the first, to be gentle."""
    place = case.known.place
    assert place is not None
    usual, case.asking.pause = case.asking.pause, rest
    try:
        for _ in range(_in_a_row(case)):
            outcome = case.asking.ask(read_of(place.table, place.address), case.unit)
            if not outcome.good:
                return [outcome]
    finally:
        case.asking.pause = usual
    return []


def timing(case: Case) -> Iterator[Finding]:
    """Time some equal reads."""
    place = case.known.place
    if place is None:
        return
    outcomes = []
    for number in range(case.wishes.reads):
        case.progress(number / case.wishes.reads)
        outcomes.append(case.asking.ask(read_of(place.table, place.address), case.unit))
    times = [outcome.seconds for outcome in outcomes if outcome.good]
    yield stability(outcomes)
    if times:
        network = _way(case)
        long = _longest_read(case)
        case.known.timeout = timeout_for([*times, long[1]] if long else times)
        case.known.period = period_for(case, times)
        whose = "network" if case.endpoint.line is None else "line"
        yield latency(times, network, long, case.known.timeout, case.known.period, whose=whose)


_READ_BYTES = 8 + 7
"""On a serial line: the request for one register, and its answer."""


def _way(case: Case) -> float:
    """How long a read is under way: through the network, or bit by bit on a serial line."""
    if case.endpoint.line is None:
        return case.known.ping or case.known.connecting or 0.0
    characters = _READ_BYTES if case.endpoint.scheme == "rtu" else 2 * _READ_BYTES + 1
    return case.endpoint.line.time_of(characters)


def _longest_read(case: Case) -> tuple[int, float] | None:
    """How many registers the longest read has, and how long it takes."""
    place, most = _longest_known(case)
    if place is None or place.table.holds_bits or most is None:
        return None
    outcome = case.asking.ask(read_of(place.table, place.address, most), case.unit)
    return (most, outcome.seconds) if outcome.good else None


def _longest_known(case: Case) -> tuple[Location | None, int | None]:
    """Where the longest read that is known to work begins, and how many registers it has."""
    known = case.known
    reach = {table: most for table, most in known.reach.items() if table in known.first}
    if not reach:
        return known.place, known.largest
    table = max(reach, key=lambda one: reach[one])
    return Location(table, known.first[table]), reach[table]


def stability(outcomes: Sequence[Outcome]) -> Finding:
    """Whether all reads were answered."""
    failed = Counter(outcome.said for outcome in outcomes if not outcome.good)
    count = failed.total()
    data = {"reads": len(outcomes), "failed": dict(failed)}
    if not count:
        return ok("stability", f"{len(outcomes)} of {len(outcomes)} reads were answered", **data)
    kinds = ", ".join(f"{number} times {said}" for said, number in failed.most_common())
    seen = f"{count} of {len(outcomes)} equal reads failed: {kinds}"
    means = "the way is bad, others use the device at the same time, or it is asked too quickly"
    advice = "ask with --pause 200ms; close other programs; look at cable and radio"
    error = next(outcome.error for outcome in outcomes if outcome.error)
    severity = Severity.FAULT if count > len(outcomes) / 2 else Severity.WARNING
    return Finding("stability", severity, seen, means, advice, data, error)


def latency(
    times: Sequence[float],
    network: float,
    long: tuple[int, float] | None,
    timeout: float,
    period: float,
    *,
    whose: str = "network",
) -> Finding:
    """How long answers take, and what follows; so many seconds of it the *network* has, or who is named."""
    usual, most, longest = median(times), quantile(times, 0.95), max(times)
    device = max(usual - network, 0.0)
    seen = (
        f"answers take {spoken(usual)} (median), {spoken(most)} (95 %), {spoken(longest)} at most;"
        f" the {whose} has {spoken(min(network, usual))} of that, the device {spoken(device)}"
    )
    if long is not None and long[0] > 1:
        seen += f"; {long[0]} registers take {spoken(long[1])}"
    data: dict[str, object] = {
        "median": round(usual, 5),
        "p95": round(most, 5),
        "max": round(longest, 5),
        "network": round(network, 5),
        "timeout": timeout,
        "block": long[0] if long else None,
        "period": period,
    }
    blocks = f" blocks of up to {long[0]} registers;" if long else ""
    advice = f"timeout {format_duration(timeout)};{blocks} a period of {format_duration(period)} or more"
    if usual >= SLOW:
        why = f"the {whose}" if network > device else "the device"
        return warning("latency", seen, f"answers are slow, and {why} is why", advice, **data)
    if longest > UNSTEADY * usual and longest > SLOW:
        means = (
            "some answers take much longer than others: others ask at the same time, or packets are repeated"
        )
        return warning("latency", seen, means, advice, **data)
    return note("latency", seen, "", advice, **data)


def timeout_for(times: Sequence[float]) -> float:
    """Three times the longest, half a second at least, in steps that people write."""
    wanted = max(3 * max(times), SHORTEST_TIMEOUT)
    return math.ceil(wanted * 2) / 2 if wanted < 10 else float(math.ceil(wanted))


def period_for(case: Case, times: Sequence[float]) -> float:
    """Twice what reading everything once takes, so that half of its time is left; 100 ms at least."""
    profile = case.wishes.profile
    reads = len(plan(profile, profile.points)) if profile else 1
    wanted = 2 * reads * (quantile(times, 0.95) + case.asking.pause)
    return max(math.ceil(wanted * 10) / 10, 0.1)


def quantile(times: Sequence[float], share: float) -> float:
    """What *share* of *times* do not exceed."""
    return sorted(times)[max(math.ceil(share * len(times)) - 1, 0)]
