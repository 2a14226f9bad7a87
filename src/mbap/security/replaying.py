"""What a policy would have done with traffic that was recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from mbap.protocol.exchanges import Exchange
from mbap.security.ledger import Ledger
from mbap.security.policy import Moment, Policy, Verdict
from mbap.server.handler import Call, Peer

MOST_EXAMPLES: Final = 200
MOST_PEERS: Final = 10_000


@dataclass(slots=True)
class Replayed:
    """What came of it.

    Attributes:
        requests: judged. allowed, denied: of these.
        malformed: messages that are no requests: they would not have passed either.
        rules: how often each rule decided; "" where none was about a request.
        examples: of each kind of refusal (rule, reason, client, unit, function) the first, and how many.
    """

    requests: int = 0
    allowed: int = 0
    denied: int = 0
    malformed: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    examples: dict[tuple[str, ...], tuple[Exchange, Verdict, int]] = field(default_factory=dict)


def replay(policy: Policy, exchanges: Iterable[Exchange]) -> Replayed:
    """Judge every request of *exchanges* at its time, as if all rates began with the first."""
    found = Replayed()
    for exchange, verdict in verdicts(policy, exchanges):
        if verdict is None:
            found.malformed += 1
            continue
        found.requests += 1
        found.rules[verdict.rule] += 1
        if verdict.passes:
            found.allowed += 1
        else:
            found.denied += 1
            _note(found, exchange, verdict)
    return found


def verdicts(policy: Policy, exchanges: Iterable[Exchange]) -> Iterator[tuple[Exchange, Verdict | None]]:
    """Each exchange with its verdict; None where it is no request."""
    ledger = Ledger(policy)
    peers: dict[tuple[str, int, str | None], Peer] = {}
    for exchange in exchanges:
        if not exchange.pdu:
            continue
        if exchange.request is None:
            yield exchange, None
            continue
        moment = Moment(exchange.time / 1e6, exchange.time)
        key = exchange.client, exchange.client_port, exchange.role
        if key not in peers:
            if len(peers) >= MOST_PEERS:
                peers.clear()
            peers[key] = Peer(exchange.client, exchange.client_port, "tcp://", exchange.role)
        call: Call[Any] = Call(exchange.request, exchange.unit, peers[key])
        verdict = policy.judge(call, moment, ledger, _target(exchange))
        ledger.note(verdict, moment)
        yield exchange, verdict
        if verdict.passes:
            _remember(ledger, exchange)


def _remember(ledger: Ledger, exchange: Exchange) -> None:
    """What was read or written, for rules that look at the last value."""
    request = exchange.request
    if request is None or not ledger.concerns(request):
        return
    sent = ledger.sent(exchange.unit, request)
    if exchange.response is None or exchange.exception is not None:
        ledger.failed(exchange.unit, request, sent)
        return
    try:
        result = request.decode_response(exchange.response)
    except Exception:  # noqa: BLE001 - a wrong answer in a recording says nothing about values
        ledger.failed(exchange.unit, request, sent)
    else:
        ledger.answered(exchange.unit, request, result, sent)


def _target(exchange: Exchange) -> str:
    if "://" in exchange.server or not exchange.server:
        return exchange.server
    host = f"[{exchange.server}]" if ":" in exchange.server else exchange.server
    return f"tcp://{host}:{exchange.server_port or 502}"


def _note(found: Replayed, exchange: Exchange, verdict: Verdict) -> None:
    kind = (
        verdict.rule,
        verdict.reason,
        exchange.client,
        exchange.server,
        str(exchange.unit),
        str(exchange.function_code),
    )
    if kind in found.examples:
        first, judged, count = found.examples[kind]
        found.examples[kind] = first, judged, count + 1
    elif len(found.examples) < MOST_EXAMPLES:
        found.examples[kind] = exchange, verdict, 1
