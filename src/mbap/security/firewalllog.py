"""What a firewall writes down: one event for what happened, or for many alike their number."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from mbap.protocol.pdu.base import Request
from mbap.security.events import Detail, Event, EventSink
from mbap.security.functions import sub_function
from mbap.security.points import written_by
from mbap.security.policy import Moment, Policy, Verdict
from mbap.server.handler import TOO_FAST, Call, Peer

MINUTE: Final = 60.0
MOST_KINDS: Final = 4_096
"""Different lines whose number is kept; what is beyond is counted together."""
LONGEST_RAW: Final = 260
"""Bytes of what is no request."""

_Kind = tuple[str, ...]
_OTHERS: Final[_Kind] = ("others",)


class _Lines:
    """How many lines of one kind there were in this minute, and what one of them said."""

    __slots__ = ("event", "since", "suppressed", "written")

    def __init__(self, since: float) -> None:
        self.since = since
        self.written = self.suppressed = 0
        self.event: Event | None = None


class FirewallLog:
    """Makes events, and keeps floods of them short: so many a minute of each kind, then one with the number.

    Attributes:
        suppressed: how many were only counted; nothing is left out of that.
    """

    def __init__(self, record: EventSink | None, policy: Policy, target: str) -> None:
        self._record = record
        self._target = target
        self._kinds: OrderedDict[_Kind, _Lines] = OrderedDict()
        self.suppressed = 0
        self.adopt(policy)

    def adopt(self, policy: Policy) -> None:
        """Go on with *policy*."""
        self._policy = policy
        self._most = policy.default.lines_per_minute

    # --- what happens ---

    def denied(self, call: Call[Any], verdict: Verdict, moment: Moment) -> None:
        """*call* was refused, or would have been."""
        self._judged("deny", call, verdict, moment, {"answer": str(verdict.answer)})

    def answered(
        self,
        call: Call[Any],
        verdict: Verdict,
        moment: Moment,
        after: Moment,
        *,
        code: int | None = None,
        failure: str = "",
    ) -> None:
        """*call* passed, and this came of it."""
        if not verdict.passes:
            return
        came: dict[str, Detail] = {"latency_ms": round((after.monotonic - moment.monotonic) * 1000, 3)}
        if code is not None:
            came["exception_code"] = code
        elif failure:
            came["failure"] = failure
        self._judged("alert" if verdict.action == "alert" else "request", call, verdict, moment, came)

    def policy_loaded(self, before: str, moment: Moment) -> None:
        """Another policy counts."""
        policy = self._policy
        details: dict[str, Detail] = {
            "policy_before": before,
            "mode": policy.mode,
            "rules": len(policy.rules),
        }
        self._put("policy_load", None, moment, details)

    def maintenance(self, window: str, seconds: float, by: str, moment: Moment) -> None:
        """A maintenance window was opened, or with 0 seconds closed."""
        details: dict[str, Detail] = {"window": window, "seconds": seconds, "by": by}
        self._put("maintenance", None, moment, details)

    def session(self, peer: Peer, moment: Moment, *, begins: bool) -> None:
        """A connection begins, or ends."""
        kind = "session_open" if begins else "session_close"
        self._seldom((kind, peer.address), Event(kind, moment.wall, peer, self._with({})), moment)
        problem = peer.identity.role_problem if peer.identity else ""
        if begins and problem:
            event = Event("auth_fail", moment.wall, peer, self._with({"reason": problem}))
            self._seldom(("auth_fail", peer.address), event, moment)

    def unknown_source(self, peer: Peer, moment: Moment) -> None:
        """A connection came from where no rule allows anything."""
        default = self._policy.default
        details: dict[str, Detail] = {
            "rule": "",
            "decision": "deny",
            "reason": "no rule allows anything to this address",
            "field": "source",
            "answer": default.unknown_source,
            "severity": default.severity,
            "enforced": self._enforced,
        }
        event = Event("deny", moment.wall, peer, self._with(details))
        self._seldom(("source", peer.address), event, moment)

    def turned_away(self, peer: Peer, reason: str, moment: Moment) -> None:
        """A connection never became one."""
        kind = "auth_fail" if peer.listener.startswith(("tls:", "mbaps:")) else "deny"
        details: dict[str, Detail] = {"decision": "deny", "reason": reason, "field": "connection"}
        event = Event(kind, moment.wall, peer, self._with(details))
        # Who comes too fast may come from any number of addresses: they are counted together.
        self._seldom(("away", "" if reason == TOO_FAST else peer.address), event, moment)

    def dismissed(self, peer: Peer, reason: str, moment: Moment) -> None:
        """A connection that was served is closed because of its certificate."""
        details: dict[str, Detail] = {"decision": "deny", "reason": reason, "field": "certificate"}
        self._put("auth_fail", peer, moment, details)

    def malformed(self, peer: Peer, unit: int, data: bytes, reason: str, moment: Moment) -> None:
        """*data* is no request."""
        details: dict[str, Detail] = {
            "decision": "deny",
            "reason": reason,
            "unit": unit,
            "func": data[0] if data else 0,
            "request_len": len(data),
            "raw_hex": data[:LONGEST_RAW].hex(),
        }
        event = Event("malformed", moment.wall, peer, self._with(details))
        self._seldom(("malformed", peer.address, str(unit), str(details["func"])), event, moment)

    def flush(self, moment: Moment) -> None:
        """Write down the numbers of what was only counted."""
        while self._kinds:
            _, lines = self._kinds.popitem(last=False)
            self._sum_up(lines, moment)

    # --- events ---

    @property
    def _enforced(self) -> bool:
        return self._policy.mode == "enforce"

    def _judged(
        self, kind: str, call: Call[Any], verdict: Verdict, moment: Moment, came: Mapping[str, Detail]
    ) -> None:
        if verdict.log == "none":
            return
        details: dict[str, Detail] = {
            "rule": verdict.rule,
            "decision": verdict.action,
            "reason": verdict.reason,
            "field": verdict.field,
            "severity": verdict.severity,
            "enforced": self._enforced,
            **request_details(call.request, call.unit, values=verdict.log == "values"),
            **came,
        }
        event = Event(kind, moment.wall, call.peer, self._with(details))
        of = kind, verdict.rule, call.peer.address, str(call.unit), str(call.request.function_code)
        if verdict.log == "summary":
            self._count(of, event, moment)
        elif verdict.passes:
            self._write(event)
        else:
            self._seldom(of, event, moment)

    def _with(self, details: Mapping[str, Detail]) -> dict[str, Detail]:
        target: dict[str, Detail] = {"dst_device": self._target} if self._target else {}
        return {"policy_hash": self._policy.hash, **target, **details}

    def _put(self, kind: str, peer: Peer | None, moment: Moment, details: Mapping[str, Detail]) -> None:
        self._write(Event(kind, moment.wall, peer, self._with(details)))

    def _write(self, event: Event) -> None:
        if self._record is not None:
            self._record(event)

    # --- floods ---

    def _seldom(self, kind: _Kind, event: Event, moment: Moment) -> None:
        """Write *event*, unless there were enough of its kind in this minute: then count it."""
        lines = self._lines(kind, moment)
        if lines.written < self._most:
            lines.written += 1
            self._write(event)
        else:
            self.suppressed += 1
            lines.suppressed += 1
            lines.event = event

    def _count(self, kind: _Kind, event: Event, moment: Moment) -> None:
        """Only count *event*."""
        lines = self._lines(kind, moment)
        self.suppressed += 1
        lines.suppressed += 1
        lines.event = event

    def _lines(self, kind: _Kind, moment: Moment) -> _Lines:
        """Those of this minute; whose minute is over are summed up, the oldest first."""
        while self._kinds:
            oldest = next(iter(self._kinds.values()))
            if moment.monotonic - oldest.since < MINUTE:
                break
            self._kinds.popitem(last=False)
            self._sum_up(oldest, moment)
        if kind not in self._kinds:
            if len(self._kinds) >= MOST_KINDS and kind != _OTHERS:
                return self._lines(_OTHERS, moment)
            self._kinds[kind] = _Lines(moment.monotonic)
        return self._kinds[kind]

    def _sum_up(self, lines: _Lines, moment: Moment) -> None:
        if lines.event is not None:
            event = lines.event
            details = {**event.details, "count": lines.suppressed, "suppressed": True}
            self._write(Event(event.kind, moment.wall, event.peer, details))


def request_details(request: Request[Any], unit: int, *, values: bool = False) -> dict[str, Detail]:
    """What the audit trail says of *request*; the values that it writes only where that is wanted."""
    code = request.function_code
    details: dict[str, Detail] = {
        "unit": unit,
        "func": code,
        "func_name": request.title,
        "request_len": len(request.encode()),
    }
    if code in (8, 43):
        details["subfunc"] = sub_function(request)
    spans = request.spans()
    if spans:
        table, address, count, _ = spans[0]
        details |= {"table": table.value, "address": address, "quantity": count}
    if len(spans) > 1:
        _, address, count, _ = spans[1]
        details |= {"read_address": address, "read_quantity": count}
    written = written_by(request) if values else None
    if written is not None:
        details["values"] = [int(value) for value in written.values]
        if written.and_mask:
            details["and_mask"] = written.and_mask
    return details
