"""What is suspicious in a policy that can be read: rules that never decide, names nobody uses, gaps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

from mbap.addresses import Table
from mbap.records import Record
from mbap.security.accesses import ALL_ADDRESSES, Ranges, inside, touches
from mbap.security.functions import READS, WRITES, Function
from mbap.security.policy import Moment, Policy
from mbap.security.policyindex import numbers
from mbap.security.rules import TABLES, Rule
from mbap.security.sources import FACTS, Source

Kind = Literal["warning", "note"]

SOON: Final = 30 * 86_400 * 1_000_000
"""Microseconds before a rule expires in which that is noted."""
_FEW: Final = 4
REGISTER_WRITES: Final = (6, 16, 22, 23)
COIL_WRITES: Final = (5, 15)


class Finding(Record):
    """Something to look at.

    Attributes:
        kind: a `warning` is probably a mistake; a `note` may be meant.
        about: `shadowed`, `overlapping`, `unused`, `expired`, `forgotten`, `broad`, ...
        rule: its id; empty where it is about the policy.
        message: a sentence.
    """

    kind: Kind
    about: str
    rule: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: " + (f"{self.rule}: " if self.rule else "") + self.message


def findings(policy: Policy, now: Moment) -> list[Finding]:
    """All that is suspicious in *policy*; what expires is seen from *now*."""
    roles = any(rule.source.roles for rule in policy.rules)
    return [
        *_of_policy(policy),
        *(finding for rule in policy.rules for finding in _of_rule(rule, now, roles=roles)),
        *_between_rules(policy, now),
        *_unlimited(policy),
        *_unused_names(policy),
    ]


def in_words(found: Sequence[Finding]) -> list[str]:
    """A sentence for each of *found*; those that are not enabled are one, where there are many."""
    off = [one.rule for one in found if one.about == "disabled"]
    if len(off) < _FEW:
        return [str(one) for one in found]
    named = f"{', '.join(off[: _FEW - 1])} and {len(off) - _FEW + 1} more are not enabled"
    first = next(at for at, one in enumerate(found) if one.about == "disabled")
    rest = [str(one) for one in found[first:] if one.about != "disabled"]
    return [*map(str, found[:first]), f"note: {named}", *rest]


# --- one rule ---


def _of_policy(policy: Policy) -> Iterator[Finding]:
    if policy.mode == "observe":
        yield Finding("note", "observe", "", "mode is observe: nothing is refused")
    allowing = [rule for rule in policy.rules if not rule.denies]
    if not any(rule.enabled for rule in allowing):
        refused = "would be refused where it is enforced" if policy.mode == "observe" else "is refused"
        which = "no rule that allows anything is enabled" if allowing else "no rule allows anything"
        yield Finding("warning", "empty", "", f"{which}: every request {refused}")


def _of_rule(rule: Rule, now: Moment, *, roles: bool) -> Iterator[Finding]:
    if not rule.enabled:
        yield Finding("note", "disabled", rule.id, "is not enabled")
        return
    if rule.expires is not None:
        if rule.expires <= now.wall:
            yield Finding("warning", "expired", rule.id, "has expired, and does not hold any more")
        elif rule.expires - now.wall < SOON:
            days = (rule.expires - now.wall) // 86_400_000_000
            yield Finding("note", "expires", rule.id, f"expires in {days} days")
    if rule.source.networks and not rule.source.nets:
        yield Finding("warning", "unused", rule.id, "is about nobody: its networks are empty")
    if not _goes_anywhere(rule):
        yield Finding("warning", "unused", rule.id, "is about nothing: its functions do not go to its tables")
    yield from _forgotten(rule)
    yield from _broad(rule, roles=roles)


def _goes_anywhere(rule: Rule) -> bool:
    """Whether any of its functions can touch any of its addresses."""
    return any(_span(one, rule) for one in rule.functions)


def _span(one: Function, rule: Rule) -> bool:
    for table, side in _goes_to(one):
        ranges = rule.ranges(table, side)
        if ranges is None or ranges:
            return True
    return False


def _goes_to(one: Function) -> list[tuple[Table | None, int]]:
    found: dict[int, list[tuple[Table | None, int]]] = {
        1: [(Table.COILS, READS)],
        2: [(Table.DISCRETE_INPUTS, READS)],
        3: [(Table.HOLDING_REGISTERS, READS)],
        4: [(Table.INPUT_REGISTERS, READS)],
        5: [(Table.COILS, WRITES)],
        6: [(Table.HOLDING_REGISTERS, WRITES)],
        15: [(Table.COILS, WRITES)],
        16: [(Table.HOLDING_REGISTERS, WRITES)],
        22: [(Table.HOLDING_REGISTERS, WRITES)],
        24: [(Table.HOLDING_REGISTERS, READS)],
    }
    if one.code == 23:
        return [(Table.HOLDING_REGISTERS, side) for side in (READS, WRITES) if one.side & side]
    return found.get(one.code, [(None, READS), (None, WRITES)])


def _forgotten(rule: Rule) -> Iterator[Finding]:
    """Functions that do the same as those that are denied."""
    if not rule.denies:
        return
    writing = {one.code for one in rule.functions if one.side & WRITES}
    missing: list[int] = []
    for same in (REGISTER_WRITES, COIL_WRITES):
        if writing & set(same):
            missing += [code for code in same if code not in writing]
    if writing & {5, 15} and not writing & set(REGISTER_WRITES) and missing:
        missing = [code for code in missing if code in COIL_WRITES]
    if missing:
        listed = ", ".join(map(str, missing))
        yield Finding(
            "warning",
            "forgotten",
            rule.id,
            f"denies some ways to write and leaves others open: function {listed}; deny the group write",
        )


def _broad(rule: Rule, *, roles: bool) -> Iterator[Finding]:
    if rule.denies:
        return
    codes = rule.functions.codes()
    if 90 in codes and 8 in codes and "all" in rule.functions.written and rule.addresses is None:
        yield Finding(
            "note",
            "broad",
            rule.id,
            "allows every function, also to restart and to program: name groups, such as read, write",
        )
    if roles and not rule.source.roles and _writes(rule):
        yield Finding("note", "roleless", rule.id, "lets clients write whatever their role, or without one")


# --- rules with each other ---


def _between_rules(policy: Policy, now: Moment) -> Iterator[Finding]:
    active = [rule.enabled and (rule.expires is None or rule.expires > now.wall) for rule in policy.rules]
    for number, rule in enumerate(policy.rules):
        if not active[number]:
            continue
        before = numbers(policy.index.meeting(rule) & ((1 << number) - 1))
        yield from _against(policy, rule, [policy.rules[one] for one in before if active[one]])


def _against(policy: Policy, rule: Rule, before: list[Rule]) -> Iterator[Finding]:
    """What is to be said of *rule* and those *before* it that can be about the same."""
    for earlier in before:
        if _always(earlier) and covers(earlier, rule):
            yield _never(earlier, rule)
            return
    for earlier in before:
        if not _meet(earlier, rule):
            continue
        if earlier.denies != rule.denies:
            word = "denies" if earlier.denies else "allows"
            message = f'"{earlier.id}" before it {word} some of the same: it comes first'
            yield Finding("note", "overlapping", rule.id, message)
        if earlier.denies and not rule.denies and earlier.units and rule.units != earlier.units:
            message = f'many devices answer as unit 0 and 255, too, and "{earlier.id}" denies only some units'
            yield Finding("warning", "units", rule.id, message)


def _never(earlier: Rule, rule: Rule) -> Finding:
    if earlier.denies == rule.denies:
        message = f'never decides: "{earlier.id}" before it is about all of it, and does the same'
        return Finding("warning", "unused", rule.id, message)
    message = f'never decides: "{earlier.id}" before it is about all of it, and does the opposite'
    return Finding("warning", "shadowed", rule.id, message)


def _unlimited(policy: Policy) -> Iterator[Finding]:
    """Limited points into which another rule lets anything be written."""
    active = [rule for rule in policy.rules if rule.enabled and not rule.denies]
    for limiting in (rule for rule in active if rule.points):
        for other in active:
            for name in set(limiting.points) - set(other.points) if _writes(other) else ():
                point = policy.points[name]
                ranges = other.ranges(point.table, WRITES)
                if _meet(limiting, other) and (ranges is None or touches(ranges, point.first, point.last)):
                    message = f'lets anything be written to "{name}", which "{limiting.id}" limits'
                    yield Finding("warning", "unlimited", other.id, message)


def _writes(rule: Rule) -> bool:
    return any(one.code in (*REGISTER_WRITES, *COIL_WRITES) and one.side & WRITES for one in rule.functions)


def _always(rule: Rule) -> bool:
    """Whether it holds at any time."""
    return not rule.when and not rule.armed and rule.expires is None


def covers(wide: Rule, narrow: Rule) -> bool:
    """Whether *wide* is about every request that *narrow* is about."""
    return (
        _covers_source(wide.source, narrow.source)
        and (not wide.to or (bool(narrow.to) and set(narrow.to) <= set(wide.to)))
        and all(inside(wide.all_units, low, high) for low, high in narrow.all_units)
        and all(_has(wide, one) for one in narrow.functions)
        and all(
            _covers_ranges(wide.ranges(table, side), narrow.ranges(table, side))
            for table in (None, *TABLES)
            for side in (READS, WRITES)
        )
    )


def _covers_source(wide: Source, narrow: Source) -> bool:
    nets = not wide.networks or (
        bool(narrow.networks)
        and all(
            any(net.version == of.version and net.subnet_of(of) for of in wide.nets)  # type: ignore[arg-type]
            for net in narrow.nets
        )
    )
    kinds = [(wide.facts(kind), narrow.facts(kind)) for kind in FACTS] + [(wide.listeners, narrow.listeners)]
    return nets and all(not some or (bool(few) and set(few) <= set(some)) for some, few in kinds)


def _has(wide: Rule, one: Function) -> bool:
    return any(
        of.code == one.code
        and of.first <= one.first
        and one.last <= of.last
        and one.side & of.side == one.side
        for of in wide.functions
    )


def _covers_ranges(some: Ranges | None, few: Ranges | None) -> bool:
    """Whether what *few* is about *some* is about, too; an allowing rule wants all that is touched inside."""
    if some is None:
        return True
    if few is None:
        return False
    return all(inside(some, low, high) for low, high in few)


def _meet(one: Rule, other: Rule) -> bool:
    """Whether the same client can be meant by both, and the same device."""
    if one.to and other.to and not set(one.to) & set(other.to):
        return False
    if one.source.networks and other.source.networks:
        pairs = ((a, b) for a in one.source.nets for b in other.source.nets)
        if not any(a.version == b.version and a.overlaps(b) for a, b in pairs):
            return False
    kinds = [(one.source.facts(kind), other.source.facts(kind)) for kind in FACTS]
    return _addresses_meet(one, other) and all(
        not some or not few or set(some) & set(few) for some, few in kinds
    )


def _addresses_meet(one: Rule, other: Rule) -> bool:
    """Whether there are addresses, or requests without one, that both can be about."""
    for side in (READS, WRITES):
        for table in (None, *TABLES):
            some, others = one.ranges(table, side), other.ranges(table, side)
            if some is None:
                some = ALL_ADDRESSES
            if any(touches(ALL_ADDRESSES if others is None else others, low, high) for low, high in some):
                return True
    return False


# --- names ---


def _unused_names(policy: Policy) -> Iterator[Finding]:
    used: dict[str, Iterable[str]] = {
        "network": [*policy.devices, *(name for rule in policy.rules for name in rule.source.networks)],
        "device": [name for rule in policy.rules for name in rule.to],
        "point": [name for rule in policy.rules for name in rule.points],
        "schedule": [rule.when for rule in policy.rules],
    }
    named = {
        "network": policy.networks,
        "device": policy.devices,
        "point": policy.points,
        "schedule": policy.schedules,
    }
    for kind, names in named.items():
        for name in names:
            if name not in set(used[kind]):
                yield Finding("note", "unused", "", f'no rule names the {kind} "{name}"')
