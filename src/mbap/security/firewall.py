"""A handler around another: judges every request before it, and writes down what it decides."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar

from mbap.errors import Disconnect, ExceptionResponse, ServerDeviceFailure
from mbap.protocol.exchanges import Exchange
from mbap.records import Record
from mbap.security.events import EventSink
from mbap.security.firewalllog import FirewallLog
from mbap.security.following import Followed
from mbap.security.ledger import Ledger
from mbap.security.policy import Moment, Policy, Verdict
from mbap.security.settled import Settled, Verdicts
from mbap.server.handler import Call, Doorkeeper, Forwards, Handler, OnBus, Peer, Refusing

if TYPE_CHECKING:
    from mbap.security.passage import Passage
    from mbap.server.diagnostics import Bus
    from mbap.server.forwarding import Lane

R = TypeVar("R")


class Observer(Protocol):
    """Sees what passes, and what does not; every method returns at once, and never raises."""

    def saw(self, exchange: Exchange) -> None:
        """A request, and what became of it."""
        ...

    def arrived(self, peer: Peer) -> None:
        """A connection was made."""
        ...

    def left(self, peer: Peer) -> None:
        """It has ended."""
        ...


LONGEST_WINDOW: Final = 24 * 3_600.0
"""Seconds for which a maintenance window may be opened."""


class FirewallStatistics(Record):
    """What a firewall has done so far.

    Attributes:
        policy: the hash of its policy.
        mode: `enforce`, or `observe`.
        allowed, denied: by verdict; in observe mode what was denied has passed, too.
        alerts: how many of those allowed somebody was to know of.
        rate_limited: how many of those denied came too fast.
        malformed: messages that were no requests.
        refused_connections: from where no rule allows anything.
        lines_suppressed: events that were counted, and not written down one by one.
        rates: how many rates are in use.
        hits: by rule, how often it decided and when last; "" are those that no rule was about.
    """

    policy: str
    mode: str
    allowed: int = 0
    denied: int = 0
    alerts: int = 0
    rate_limited: int = 0
    malformed: int = 0
    refused_connections: int = 0
    lines_suppressed: int = 0
    rates: int = 0
    hits: dict[str, tuple[int, int]] | None = None


def now() -> Moment:
    """The moment that the clocks of this machine show."""
    return Moment(time.monotonic(), time.time_ns() // 1000)


class Firewall:
    """Hands on to *handler* what *policy* allows; answers the rest.

    What it hands on is the very request it has judged: whoever sends it on encodes it anew, so nothing
    travels along with it. It answers at once where *handler* does. Where that is a gateway, plain
    requests whose verdict can be no other the next time are passed on as they came (`lane`).

    Args:
        policy: what is allowed.
        handler: a device, several units, a gateway, a concentrator, another firewall.
        record: where events go: what is refused, and what rules want written down.
        clock: what time it is.
        observers: see every connection, and every request with its answer, those that are refused, too.
        healthy: whether requests may pass at all: a trail that has to be kept cannot always be kept. While
            it says no, every request is answered with exception 04.
        target: the name, or the endpoint, of the device behind it, for the `to` of rules; not needed where
            units tell devices apart.

    Raises:
        ValueError: the policy names devices, and *target* is none of them.
    """

    opaque = True
    """It wants functions that are not known here, too: whether they pass is for the policy to say."""
    answers_every_unit = True
    """It refuses what is for units of others, which on a serial line must be left to them."""

    def __init__(
        self,
        policy: Policy,
        handler: Handler,
        *,
        record: EventSink | None = None,
        clock: Callable[[], Moment] = now,
        observers: Sequence[Observer] = (),
        healthy: Callable[[], bool] | None = None,
        target: str = "",
    ) -> None:
        check_target(policy, target)
        self.policy = policy
        self.target = target
        self._handler = handler
        # Whether it is one is looked up once: each time it would take longer than all else that is done here.
        self._doorkeeper = handler if isinstance(handler, Doorkeeper) else None
        self._refusing = handler if isinstance(handler, Refusing) else None
        self.clock = clock
        self.observers = tuple(observers)
        self.healthy = healthy
        self._ledger = Ledger(policy)
        self._log = FirewallLog(record, policy, target)
        own_way = type(self).handle is not Firewall.handle
        self._forwards = None if own_way or not isinstance(handler, Forwards) else handler
        self._passages: dict[int, Passage] = {}
        self.verdicts = Verdicts(policy, self._ledger, target)
        self._allowed = self._denied = self._alerts = self._rate_limited = 0
        self._malformed = self._refused_connections = 0

    def replace(self, policy: Policy) -> None:
        """From the next request on *policy* counts; rates, last values and hits that it still has go on.

        Raises:
            ValueError: it names devices, and the target is none of them; the old policy goes on.
        """
        check_target(policy, self.target)
        before, self.policy = self.policy.hash, policy
        self._ledger.adopt(policy)
        self.verdicts = Verdicts(policy, self._ledger, self.target)
        self._passages.clear()
        self._log.adopt(policy)
        self._log.policy_loaded(before, self.clock())

    def statistics(self) -> FirewallStatistics:
        """What it has done so far: a copy, which does not change any more."""
        return FirewallStatistics(
            self.policy.hash,
            self.policy.mode,
            self._allowed,
            self._denied,
            self._alerts,
            self._rate_limited,
            self._malformed,
            self._refused_connections,
            self._log.suppressed,
            self._ledger.buckets,
            {rule: (hits.count, hits.last) for rule, hits in self._ledger.hits.items()},
        )

    # --- maintenance ---

    def arm(self, window: str, seconds: float, by: str = "") -> None:
        """Open the maintenance window *window* of the policy for so long; *by* whom is written down.

        Raises:
            ValueError: no rule has such a window, or it would be open for longer than a day.
        """
        if window not in self.policy.windows:
            known = ", ".join(sorted(self.policy.windows)) or "none"
            raise ValueError(f'no rule has the window "{window}"; there are: {known}')
        if not 0 < seconds <= LONGEST_WINDOW:
            raise ValueError(f"a window is open for up to 24h, not {seconds:g}s")
        moment = self.clock()
        self._ledger.arm(window, seconds, moment)
        self._log.maintenance(window, seconds, by, moment)

    def disarm(self, window: str, by: str = "") -> None:
        """Close it."""
        self._ledger.disarm(window)
        self._log.maintenance(window, 0.0, by, self.clock())

    def windows(self) -> dict[str, float]:
        """The open windows, and for how many seconds they still are."""
        return dict(self._ledger.windows(self.clock()))

    def flush(self) -> None:
        """Write down what was only counted until now; else the next request after a minute does."""
        self._log.flush(self.clock())

    # --- requests ---

    def handle(self, call: Call[R]) -> R | Awaitable[R]:
        """What the handler gives, where the policy lets *call* pass.

        Raises:
            ExceptionResponse, NoAnswer, Disconnect: what the policy, or the handler, wants to be answered.
        """
        if self.healthy is not None and not self.healthy():
            raise ServerDeviceFailure
        moment = self.clock()
        verdict = self.policy.judge(call, moment, self._ledger, self.target)
        self._ledger.note(verdict, moment)
        if verdict.passes:
            self._allowed += 1
            self._alerts += verdict.action == "alert"
        else:
            self._denied += 1
            self._rate_limited += verdict.field == "rate"
            self._log.denied(call, verdict, moment)
            if self.policy.mode == "enforce":
                self._show_refusal(call, verdict, moment)
                raise verdict.answer.error()
        written_down = verdict.passes and verdict.log != "none"
        if written_down or self.observers or self._ledger.concerns(call.request):
            return self._followed(call, verdict, moment)
        return self._handler.handle(call)

    def refuse(self, unit: int, refusal: ExceptionResponse) -> ExceptionResponse:
        """What the handler makes of *refusal*: what is no request never reaches it."""
        return refusal if self._refusing is None else self._refusing.refuse(unit, refusal)

    def _followed(self, call: Call[R], verdict: Verdict, moment: Moment) -> R | Awaitable[R]:
        sent = self._ledger.sent(call.unit, call.request)
        try:
            outcome = self._handler.handle(call)
        except Exception as error:
            self._ended(call, verdict, moment, error, sent)
            raise
        if isinstance(outcome, Awaitable):
            return Followed(
                outcome,
                lambda result: self._answered(call, verdict, moment, result, sent),
                lambda error: self._ended(call, verdict, moment, error, sent),
            )
        self._answered(call, verdict, moment, outcome, sent)
        return outcome

    def _answered(self, call: Call[R], verdict: Verdict, moment: Moment, result: R, sent: int) -> None:
        self._ledger.answered(call.unit, call.request, result, sent)
        after = self.clock()
        self._log.answered(call, verdict, moment, after)
        if self.observers:
            self._show(call, moment, after, _response(call, result))

    def _ended(
        self, call: Call[Any], verdict: Verdict, moment: Moment, error: BaseException, sent: int
    ) -> None:
        self._ledger.failed(call.unit, call.request, sent)
        after = self.clock()
        code = error.code if isinstance(error, ExceptionResponse) else None
        self._log.answered(call, verdict, moment, after, code=code, failure=type(error).__name__)
        if self.observers:
            self._show(call, moment, after, _exception(call, code))

    def _show_refusal(self, call: Call[Any], verdict: Verdict, moment: Moment) -> None:
        if self.observers:
            error = verdict.answer.error()
            code = error.code if isinstance(error, ExceptionResponse) else None
            self._show(call, moment, moment, _exception(call, code))

    def _show(self, call: Call[Any], moment: Moment, after: Moment, response: bytes | None) -> None:
        peer = call.peer
        exchange = Exchange(
            moment.wall,
            peer.address,
            peer.port,
            self.target or peer.listener,
            0,
            call.unit,
            None,
            call.request,
            call.request.encode(),
            response,
            None if response is None else after.wall,
            peer.role,
        )
        for observer in self.observers:
            observer.saw(exchange)

    # --- requests that are settled ---

    def lane(self, unit: int) -> Lane | None:
        """Where the plain requests for *unit* go whose verdict is settled; None: all go to `handle`."""
        inner = None if self._forwards is None else self._forwards.lane(unit)
        if inner is None or inner.begun is not None:  # one that is followed already is a firewall's
            return None
        passage = self._passages.get(unit)
        if passage is None or passage.inner is not inner:
            from mbap.security.passage import Passage  # not needed around devices

            passage = self._passages[unit] = Passage(self, inner, unit)
        return passage.lane

    def passed(self, settled: Settled, moment: Moment) -> None:
        """A request that is *settled* goes on: it counts as one that was judged."""
        self._allowed += 1
        self._ledger.count(settled.rules, moment)

    # --- connections ---

    def arrived(self, peer: Peer) -> None:
        """A connection was made.

        Raises:
            Disconnect: no rule allows anything to whoever comes from there.
        """
        moment = self.clock()
        for observer in self.observers:
            observer.arrived(peer)
        if self.policy.knows(peer, moment):
            self._log.session(peer, moment, begins=True)
        else:
            self._refused_connections += 1
            self._log.unknown_source(peer, moment)
            if self.policy.mode == "enforce" and self.policy.default.unknown_source == "close":
                raise Disconnect
        if self._doorkeeper is not None:
            self._doorkeeper.arrived(peer)

    def left(self, peer: Peer) -> None:
        """A connection has ended."""
        for observer in self.observers:
            observer.left(peer)
        self._log.session(peer, self.clock(), begins=False)
        if self._doorkeeper is not None:
            self._doorkeeper.left(peer)

    def turned_away(self, peer: Peer, reason: str) -> None:
        """A connection never became one."""
        self._log.turned_away(peer, reason, self.clock())
        if self._doorkeeper is not None:
            self._doorkeeper.turned_away(peer, reason)

    def dismissed(self, peer: Peer, reason: str) -> None:
        """A connection that was served is closed because of its certificate."""
        self._log.dismissed(peer, reason, self.clock())

    def malformed(self, peer: Peer, unit: int, data: bytes, reason: str) -> None:
        """*data* is no request."""
        self._malformed += 1
        self._log.malformed(peer, unit, data, reason, self.clock())
        if self._doorkeeper is not None:
            self._doorkeeper.malformed(peer, unit, data, reason)

    # --- a serial line behind it ---

    def join(self, bus: Bus) -> None:
        """The handler hears *bus* from now on."""
        if isinstance(self._handler, OnBus):
            self._handler.join(bus)

    def part(self, bus: Bus) -> None:
        """It does not hear it any more."""
        if isinstance(self._handler, OnBus):
            self._handler.part(bus)


def check_target(policy: Policy, target: str) -> None:
    """A rule about a device that is spelled otherwise would never be about this one, also one that denies.

    Raises:
        ValueError: *policy* names devices, and *target* is none of them.
    """
    named = {name for rule in policy.rules for name in rule.to}
    if not target or not named:
        return
    if not any(policy.index.devices(unit, target) for unit in range(256)):
        raise ValueError(
            f"the policy has rules for {', '.join(sorted(named))}, and none of its devices is {target}:"
            " give one of them that endpoint (connect, or HOST in the compact form)"
        )


def _response(call: Call[R], result: R) -> bytes | None:
    try:
        return call.request.encode_response(result)
    except (ValueError, TypeError):
        return None


def _exception(call: Call[Any], code: int | None) -> bytes | None:
    return None if code is None else bytes((call.request.function_code | 0x80, code))
