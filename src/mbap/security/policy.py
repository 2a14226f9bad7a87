"""A policy: rules in order; the first that is about a request decides, and what none is about is refused.

    verdict = policy.judge(call, now, ledger)

The order is always the same: which rule, then that rule's limits on count, values and rate. Judging changes
nothing: what has to be kept from one request to the next is in a `Ledger`, which is only looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple, Protocol

from mbap.security.accesses import Access, accesses
from mbap.security.functions import WRITES
from mbap.security.points import Last, Point, faults_of_write, written_by
from mbap.security.policyindex import Index, numbers
from mbap.security.rates import Rate
from mbap.security.rules import BUSY, REFUSED, Action, Answer, Default, Device, Log, Rule, Severity
from mbap.security.schedules import Schedule
from mbap.server.handler import Call, Peer

__all__ = ["Default", "Device", "Moment", "Policy", "Rule", "Verdict"]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

Bucket = tuple[str, str, str, int]
"""What a rate is counted by: rule, `requests` or `writes`, client, unit."""


class Moment(NamedTuple):
    """Now.

    Attributes:
        monotonic: seconds that never jump: rates and armed windows go by them.
        wall: UTC microseconds: schedules and expiry go by them.
    """

    monotonic: float
    wall: int

    @classmethod
    def at(cls, wall: datetime, monotonic: float = 0.0) -> Moment:
        """The moment of *wall*, which knows its time zone."""
        return cls(monotonic, (wall - _EPOCH) // timedelta(microseconds=1))


class Memory(Protocol):
    """What judging looks at of earlier requests; `Ledger` keeps it."""

    @property
    def last(self) -> Last:
        """The last values of points."""
        ...

    def armed(self, name: str, now: Moment) -> bool:
        """Whether the maintenance window *name* is open."""
        ...

    def has_token(self, bucket: Bucket, rate: Rate, now: Moment) -> bool:
        """Whether the rate of *bucket* allows one more."""
        ...


class _Nothing:
    """No memory: rates are unused, values unknown, windows closed."""

    last: Last = {}  # noqa: RUF012 - nobody writes to it

    def armed(self, name: str, now: Moment) -> bool:
        return False

    def has_token(self, bucket: Bucket, rate: Rate, now: Moment) -> bool:
        return True


NOTHING: Final = _Nothing()


class Verdict(NamedTuple):
    """What becomes of a request, and why.

    Attributes:
        action: `allow`, `alert` (it passes, and somebody is to know), or `deny`.
        rule: the id of the rule that decided; empty where none was about the request.
        reason: a sentence.
        field: what decided: `rule`, `default`, `count`, `points`, `rate`.
        answer: what a refused request gets.
        log, severity: how it is written down.
        rules: the ids of all rules that were about it: function 23 may have two.
        takes: of which rates it takes one, where it passes.
        examined: how many rules were looked at.
    """

    action: Action
    rule: str
    reason: str
    field: str
    answer: Answer
    log: Log
    severity: Severity
    rules: tuple[str, ...] = ()
    takes: tuple[tuple[Bucket, Rate], ...] = ()
    examined: int = 0

    @property
    def passes(self) -> bool:
        """Whether the request may go on."""
        return self.action != "deny"


@dataclass(frozen=True)
class Policy:
    """Rules, and what they name. It never changes; `str(policy)` is it in TOML, and its canonical form.

    Attributes:
        rules: in order.
        mode: `observe` decides and writes down, and lets everything through.
        name: what people call it.
        networks: names for networks, as they are written.
        devices: what `to` may name.
        points, schedules: what rules may name.
    """

    rules: tuple[Rule, ...] = ()
    mode: Literal["enforce", "observe"] = "enforce"
    name: str = ""
    default: Default = field(default_factory=Default)
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    devices: Mapping[str, Device] = field(default_factory=dict)
    points: Mapping[str, Point] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)

    def __str__(self) -> str:
        return self._text

    @cached_property
    def _text(self) -> str:
        from mbap.security.policytext import policy_text

        return policy_text(self)

    @cached_property
    def hash(self) -> str:
        """SHA-256 of its canonical form, in hexadecimal: two policies with the same say the same."""
        return hashlib.sha256(str(self).encode()).hexdigest()

    @cached_property
    def index(self) -> Index:
        """Which rules can be about what."""
        return Index(self.rules, self.devices)

    @cached_property
    def windows(self) -> frozenset[str]:
        """The maintenance windows that rules ask for."""
        return frozenset(rule.armed for rule in self.rules if rule.armed)

    @cached_property
    def remembered(self) -> tuple[Point, ...]:
        """The points whose last value matters."""
        return tuple(point for point in self.points.values() if point.remembers)

    def judge(self, call: Call[Any], now: Moment, memory: Memory = NOTHING, target: str = "") -> Verdict:
        """What becomes of *call* at *now*.

        Args:
            memory: what is known of earlier requests; without it nothing is.
            target: the name or endpoint of the device that is asked; empty where units alone tell.
        """
        common = self.index.common(call.peer, call.unit, target)
        chosen: list[tuple[Rule, Access]] = []
        examined = 0
        for access in accesses(call.request):
            rule = None
            for number in numbers(self.index.candidates(common, access)):
                examined += 1
                if self.holds(self.rules[number], now, memory) and is_about(self.rules[number], access):
                    rule = self.rules[number]
                    break
            if rule is None:
                return self._refused_by_default(examined)
            if rule.denies:
                return self._refused_by(rule, examined)
            chosen.append((rule, access))
        return self._within_limits(chosen, call, now, memory, examined)

    def knows(self, peer: Peer, now: Moment) -> bool:
        """Whether any rule allows anything to whoever comes from there, whatever its certificate says."""
        letting_in = numbers(self.index.letting_in(peer))
        return any(not _expired(self.rules[number], now) for number in letting_in)

    def holds(self, rule: Rule, now: Moment, memory: Memory = NOTHING) -> bool:
        """Whether *rule* counts at *now*: not expired, within its schedule, its window open."""
        if rule.expires is not None and now.wall >= rule.expires:
            return False
        if rule.when and not self.schedules[rule.when].holds(now.wall):
            return False
        return not rule.armed or memory.armed(rule.armed, now)

    # --- verdicts ---

    def _refused_by_default(self, examined: int) -> Verdict:
        default = self.default
        return Verdict(
            "deny",
            "",
            "no rule allows it",
            "default",
            default.answer,
            default.log,
            default.severity,
            examined=examined,
        )

    def _refused_by(self, rule: Rule, examined: int) -> Verdict:
        return Verdict(
            "deny",
            rule.id,
            rule.comment or "the rule denies it",
            "rule",
            rule.answer or self.default.answer,
            rule.log or self.default.log,
            rule.severity,
            (rule.id,),
            examined=examined,
        )

    def _within_limits(
        self,
        chosen: list[tuple[Rule, Access]],
        call: Call[Any],
        now: Moment,
        memory: Memory,
        examined: int,
    ) -> Verdict:
        """The rules in *chosen* let *call* pass: whether their limits do, too."""
        if len(chosen) == 1 and chosen[0][0].unlimited:
            return _passes(chosen[0][0], (chosen[0][0].id,), (), examined)
        ids = tuple(dict.fromkeys(rule.id for rule, _ in chosen))
        for rule, access in chosen:
            if fault := self._fault(rule, access, call, memory):
                answer = rule.answer or self.default.answer
                return self._over_limit(rule, *fault, answer, ids, examined)
        takes = _takes(chosen, call)
        for bucket, (rule, rate) in takes.items():
            if not memory.has_token(bucket, rate, now):
                return self._over_limit(rule, "rate", f"more than {rate} {bucket[1]}", BUSY, ids, examined)
        rule = next((rule for rule, _ in chosen if rule.action == "alert"), chosen[0][0])
        taken = tuple([(bucket, rate) for bucket, (_, rate) in takes.items()])
        return _passes(rule, ids, taken, examined)

    def _over_limit(
        self, rule: Rule, where: str, reason: str, answer: Answer, ids: tuple[str, ...], examined: int
    ) -> Verdict:
        log = rule.log if rule.log not in (None, "none") else self.default.log
        return Verdict("deny", rule.id, reason, where, answer, log, rule.severity, ids, examined=examined)

    def _fault(self, rule: Rule, access: Access, call: Call[Any], memory: Memory) -> tuple[str, str] | None:
        """Which limit of *rule* besides its rates *access* breaks, and how."""
        if rule.count is not None and access.table is not None and access.amount > rule.count:
            return "count", f"{access.amount} at once, and the rule allows {rule.count}"
        if not rule.points or access.side != WRITES:
            return None
        written = written_by(call.request)
        if written is None:
            return None
        for name in rule.points:
            for fault in faults_of_write(self.points[name], written, call.unit, memory.last):
                return "points", fault
        return None


def is_about(rule: Rule, access: Access) -> bool:
    """Whether *rule* is about the function and the addresses of *access*."""
    return rule.functions_fit(access) and rule.addresses_fit(access)


def _expired(rule: Rule, now: Moment) -> bool:
    return rule.expires is not None and now.wall >= rule.expires


def _passes(
    rule: Rule, ids: tuple[str, ...], takes: tuple[tuple[Bucket, Rate], ...], examined: int
) -> Verdict:
    alert = rule.action == "alert"
    reason = rule.comment if alert else ""
    log = rule.log or ("each" if alert else "none")
    return Verdict(rule.action, rule.id, reason, "rule", REFUSED, log, rule.severity, ids, takes, examined)


def _takes(chosen: list[tuple[Rule, Access]], call: Call[Any]) -> dict[Bucket, tuple[Rule, Rate]]:
    """The rates that the request counts for, each once."""
    found: dict[Bucket, tuple[Rule, Rate]] = {}
    for rule, access in chosen:
        limits = rule.limits
        client = "" if limits.per == "rule" else call.peer.address
        unit = call.unit if limits.per == "unit" else -1
        for what, rate in (("requests", limits.requests), ("writes", limits.writes)):
            if rate is not None and (what == "requests" or access.side == WRITES):
                found[rule.id, what, client, unit] = rule, rate
    return found
