"""Why a request is allowed or refused: each rule in turn, and the first of its fields that does not fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mbap.addresses import describe
from mbap.records import Record
from mbap.security.accesses import Access, accesses, ranges_text
from mbap.security.functions import READS
from mbap.security.policy import NOTHING, Memory, Moment, Policy
from mbap.security.rules import Rule
from mbap.security.sources import FACTS
from mbap.server.handler import Call


class Step(Record):
    """A rule that was looked at for one side of a request.

    Attributes:
        rule: its id.
        side: what the request does there, in words.
        misfits: which of its fields do not fit, and why; none: it is about the request.
    """

    rule: str
    side: str
    misfits: tuple[tuple[str, str], ...] = ()


def explain(
    policy: Policy, call: Call[Any], now: Moment, memory: Memory = NOTHING, target: str = ""
) -> list[Step]:
    """The rules in their order, up to the one that decides, for each side of *call*."""
    steps: list[Step] = []
    for access in accesses(call.request):
        for rule in policy.rules:
            misfits = tuple(_misfits(policy, rule, call, access, now, memory, target))
            steps.append(Step(rule.id, side_text(access), misfits))
            if not misfits:
                break
        if not steps or steps[-1].misfits or _denied_by(policy, steps[-1].rule):
            break
    return steps


def _denied_by(policy: Policy, id_: str) -> bool:
    return next(rule for rule in policy.rules if rule.id == id_).denies


def side_text(access: Access) -> str:
    """What one side of a request does: `writes holding registers 0 to 9 (references 40001 to 40010)`."""
    if access.table is None:
        sub = f"/{access.sub}" if access.code in (8, 43) else ""
        return f"function {access.code}{sub}"
    verb = "reads" if access.side == READS else "writes"
    return f"{verb} {describe(access.table, access.first, access.amount)}"


def _misfits(
    policy: Policy, rule: Rule, call: Call[Any], access: Access, now: Moment, memory: Memory, target: str
) -> Iterator[tuple[str, str]]:
    if not rule.enabled:
        yield "enabled", "the rule is off"
    if rule.expires is not None and now.wall >= rule.expires:
        yield "expires", "the rule has expired"
    yield from _source_misfits(rule, call)
    if not rule.device_fits(policy.index.devices(call.unit, target)):
        yield "to", f"{target or f'unit {call.unit}'} is not {' or '.join(rule.to)}"
    if not rule.units_fit(call.unit):
        yield "unit", f"{call.unit} is not {ranges_text(rule.all_units)}"
    if not rule.functions_fit(access):
        yield "function", f"{_function(access)} is not {rule.functions}"
    if not rule.addresses_fit(access):
        yield "address", _address_misfit(rule, access)
    if rule.when and not policy.schedules[rule.when].holds(now.wall):
        yield "when", f"{rule.when} is {policy.schedules[rule.when]}"
    if rule.armed and not memory.armed(rule.armed, now):
        yield "armed", f"the window {rule.armed} is not open"


def _source_misfits(rule: Rule, call: Call[Any]) -> Iterator[tuple[str, str]]:
    peer, source = call.peer, rule.source
    if not source.comes_from(peer.address):
        yield "from.net", f"{peer.address or 'a client without an address'} is not {_any_of(source.networks)}"
    for kind, fact in FACTS.items():
        wanted = source.facts(kind)
        if wanted and fact(peer) not in wanted:
            named = f'"{fact(peer)}"' if fact(peer) else "none"
            quoted = tuple(f'"{one}"' if one else "none" for one in wanted)
            yield f"from.{kind}", f"{named} is not {_any_of(quoted)}"
    if not source.comes_in_by(peer.listener):
        yield "from.listener", f"{peer.listener or 'none'} is not {_any_of(source.listeners)}"


def _any_of(words: tuple[str, ...]) -> str:
    return " or ".join(words)


def _function(access: Access) -> str:
    sub = f"/{access.sub}" if access.code in (8, 43) else ""
    side = "" if access.code != 23 else " (reading)" if access.side == READS else " (writing)"
    return f"{access.code}{sub}{side}"


def _address_misfit(rule: Rule, access: Access) -> str:
    if access.table is None:
        return "the function has no addresses, and the rule is about some"
    ranges = rule.ranges(access.table, access.side) or ()
    touched = f"{access.table.value} {ranges_text(((access.first, access.last),))}"
    if not ranges:
        return f"{touched}: the rule is about no {access.table.value} addresses"
    word = "touches none of" if rule.denies else "is not all within"
    return f"{touched} {word} {ranges_text(ranges)}"
