"""Which units answer: the one that was given, those that devices of their own usually have, or all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mbap.diagnose.doctor.asking import PATH_ERRORS, Outcome
from mbap.diagnose.doctor.case import Case
from mbap.diagnose.doctor.finding import Finding, Severity, note, ok, warning
from mbap.diagnose.doctor.first import RESTS, needs_rest
from mbap.diagnose.doctor.strangers import what_else_answers
from mbap.errors import ConnectionLost, ModbusError, ResponseTimeout
from mbap.protocol.pdu.bits import ReadCoils
from mbap.protocol.pdu.identification import ReadDeviceIdentification
from mbap.protocol.pdu.registers import ReadInputRegisters

USUAL = (1, 255, 0)
"""Units that a device without others behind it answers as."""
ALL = range(1, 248)
OTHER_QUESTIONS = (ReadInputRegisters(0, 1), ReadCoils(0, 1), ReadDeviceIdentification(1, 0))
"""What else a unit is asked that was silent: some are where the address does not exist."""


def units(case: Case) -> Iterator[Finding]:
    """Ask for the same value as several units."""
    _ask(case, [case.first_unit])
    yield from _after_a_rest(case)
    if not case.known.units.get(case.first_unit, _NOTHING).present:
        _ask_otherwise(case, case.first_unit)
    _ask(case, candidates(case)[1:])
    present = [unit for unit, outcome in case.known.units.items() if outcome.present]
    case.known.unit = case.first_unit if case.first_unit in present else next(iter(present), None)
    case.known.silent = [unit for unit in case.known.units if unit not in present]
    if case.known.unit is None and not any(outcome.code for outcome in case.known.units.values()):
        yield from what_else_answers(case)
    found = judge(case.first_unit, case.known.units, given=case.unit_given, scanned=case.wishes.scan_units)
    yield on_a_line(found) if case.endpoint.line is not None and case.known.unit is None else found


_NOTHING = Outcome(0.0, error=ResponseTimeout("not asked"))


def candidates(case: Case) -> list[int]:
    """Whom to ask, in order; on a serial line neither 0, which is everybody, nor what is no unit there."""
    usual = [unit for unit in USUAL if case.numbered or unit in ALL]
    return list(dict.fromkeys([case.first_unit, *usual, *(ALL if case.wishes.scan_units else ())]))


def _ask(case: Case, wanted: Sequence[int]) -> None:
    for number, unit in enumerate(wanted):
        case.progress(number / len(wanted))
        outcome = case.asking.ask(case.question(), unit)
        case.known.units[unit] = outcome
        if outcome.present:
            case.known.slowest = max(case.known.slowest, outcome.seconds)


def _after_a_rest(case: Case) -> Iterator[Finding]:
    """Where the connection was closed at once, ask again after longer and longer rests."""
    for rest in RESTS if case.asking.rest == 0.0 else ():
        if not isinstance(case.known.units[case.first_unit].error, ConnectionLost):
            return
        case.asking.rest = rest
        _ask(case, [case.first_unit])
        if case.known.units[case.first_unit].present:
            yield needs_rest(rest)


def _ask_otherwise(case: Case, unit: int) -> None:
    """Ask *unit* for other things, until it answers one."""
    if not case.known.units[unit].silent:
        return
    for request in OTHER_QUESTIONS:
        outcome = case.asking.ask(request, unit)
        if outcome.present:
            case.known.units[unit] = outcome
            return


def judge(asked: int, outcomes: dict[int, Outcome], *, given: bool, scanned: bool) -> Finding:
    """What it means who answered."""
    present = [unit for unit, outcome in outcomes.items() if outcome.present]
    silent = [unit for unit, outcome in outcomes.items() if outcome.silent]
    data: dict[str, object] = {"present": present, "silent": silent}
    if not present:
        return nobody(outcomes, data, scanned=scanned)
    if asked not in present:
        return another(asked, present, outcomes[asked], data, given=given)
    others = [unit for unit in present if unit != asked]
    if not others:
        return ok("units", f"unit {asked} answers", **data)
    seen = f"unit {asked} answers, and so {'does' if len(others) == 1 else 'do'} {listed(others)}"
    if scanned and len(present) >= len(ALL):
        return note("units", seen, "the device does not look at the unit", f"use unit {asked}", **data)
    means = "the device does not look at the unit, or others are behind it"
    return note("units", seen, means, "mbap scan units tells which there are", **data)


def another(
    asked: int, present: list[int], outcome: Outcome, data: dict[str, object], *, given: bool
) -> Finding:
    """Others answer than the one that was asked."""
    came = "silent" if outcome.silent else f"not there ({outcome.said})"
    seen = (
        f"unit {asked} is {came}, and {'unit' if len(present) == 1 else 'units'} {listed(present)} answered"
    )
    advice = f"ask unit {present[0]}: --unit {present[0]}"
    if not given:
        return warning("units", seen, "without --unit it is 1, and here it is another", advice, **data)
    means = "the unit is wrong, or the device behind it is off or on another line"
    return Finding("units", Severity.FAULT, seen, means, advice, data, outcome.error)


def nobody(outcomes: dict[int, Outcome], data: dict[str, object], *, scanned: bool) -> Finding:
    """No unit answered at all."""
    error: ModbusError | None = next((one.error for one in outcomes.values() if one.error), None)
    who = listed(list(outcomes))
    if any(isinstance(one.error, PATH_ERRORS) for one in outcomes.values()):
        seen = f"the gateway answers, and has nobody behind it as unit {who}"
        means = "the unit is wrong, or the device is off, or its line is broken or at another speed"
        advice = (
            "look at the number set at the device, its power, its two wires, and the line's speed and parity"
            + ("" if scanned else "; --scan-units asks all")
        )
    elif any(isinstance(one.error, ConnectionLost) for one in outcomes.values()):
        seen = "the connection ends again and again while units are asked"
        means = "the device serves few connections, or does not want this client"
        advice = "close other programs that use it, and look at its list of permitted clients"
    else:
        seen = f"connected, and nobody answers as unit {who}"
        means = "the unit is another, or Modbus is switched off, or something else holds the device busy"
        advice = "look at the number set at the device, and ask it: --unit N" + (
            "" if scanned else "; --scan-units asks all"
        )
    return Finding("units", Severity.FAULT, seen, means, advice, data, error, last=True)


def on_a_line(found: Finding) -> Finding:
    """*found*, that nobody answers, on a serial line, where mostly its settings or its wires are why."""
    means = "speed, parity or stop bits are others, or A and B are exchanged, or the unit is another"
    advice = (
        "compare the number and the settings at the device, exchange A and B, see that both ends of the line"
        " are terminated; mbap sniff --guess finds speed and parity where others talk"
    )
    return replace(found, means=means, advice=advice)


def listed(numbers: Sequence[int]) -> str:
    """`1, 5, 7 to 12`."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [f"{run[0]} to {run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs]
    return ", ".join(parts)
