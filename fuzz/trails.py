"""What the protection keeps in files: any bytes in them are a fault in a sentence, or are taken up right."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from fuzz.scratch import folder
from fuzz.source import Source

from mbap.errors import ExceptionResponse
from mbap.protocol.exchanges import Exchange
from mbap.protocol.pdu import Opaque, Request, decode_request
from mbap.security.alerts import Alerts
from mbap.security.anomaly import Anomaly, AnomalyOptions
from mbap.security.auditfile import AuditFile, files_of
from mbap.security.baseline import restored
from mbap.security.chain import Checker, link_of
from mbap.security.events import Event
from mbap.security.syslogtext import LONGEST_DATAGRAM, Sender, message
from mbap.security.trailcheck import verify
from mbap.server.handler import Identity, Peer


@cache
def _trail() -> Path:
    return folder() / "trail" / "audit.jsonl"


def audit_trail(data: bytes) -> None:
    """A file of any bytes is verified without an error, and taken up so that what is added is right."""
    for line in data.split(b"\n"):
        assert isinstance(Checker().wrong(line), str)
    path = _trail()
    path.parent.mkdir(exist_ok=True)
    for old in (*files_of(path), path.with_name(path.name + ".head")):
        old.unlink(missing_ok=True)
    path.write_bytes(data)
    assert verify(path).lines >= 0
    file = AuditFile(path)
    file.append([{"event": "deny"}])
    file.close()
    lines = path.read_bytes().splitlines()
    added = Checker()
    assert [added.wrong(line) for line in lines[-2:]] == ["", ""], "what was added is not right"
    assert link_of(lines[-1]) == file.last


def learned(data: bytes) -> None:
    """What was kept and changed since is refused with a sentence, or gives the same when it is kept again."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(document, dict):
        return
    try:
        baseline = restored(document, most=1_000, most_periods=100)
    except ValueError as error:
        assert str(error)
        return
    kept = baseline.as_json()
    assert restored(json.loads(json.dumps(kept)), most=1_000, most_periods=100).as_json() == kept


def unusual(data: bytes) -> None:
    """Any exchanges are learned and judged without an error, in tables that stay small."""
    source = Source(data)
    clock = [0.0]
    alerts = Alerts(most=50)
    anomaly = Anomaly(alerts, AnomalyOptions(20.0, entries=60, periods=20), lambda: clock[0])
    while source.left:
        clock[0] += source.number()
        anomaly.saw(_exchange(source))
    assert len(alerts.items()) <= 51
    assert all(one.text.isprintable() for one in alerts.items())
    assert len(anomaly.as_json()["periods"]) <= 20  # type: ignore[arg-type]


def _exchange(source: Source) -> Exchange:
    client, server, unit = source.choose(("10.0.0.1", "10.0.0.2", "::1")), "plc", source.number()
    pdu, response = source.take(source.number()), source.take(source.number() % 8)
    request: Request[Any] | None
    try:
        request = decode_request(pdu)
    except ExceptionResponse:
        request = Opaque(pdu[0], pdu[1:250]) if pdu and 0 < pdu[0] < 128 and source.number() % 2 else None
    return Exchange(0, client, 1, server, 502, unit, 1, request, pdu, response or None, 1)


def syslog(data: bytes) -> None:
    """Whatever a stranger sends, a message has its length and nothing that acts on a terminal."""
    source = Source(data)
    text = source.take(source.number()).decode("utf-8", "replace")
    name = source.take(source.number()).decode("utf-8", "replace")
    peer = Peer(text, 1, role=name, identity=Identity(text))
    event = Event("deny", 0, peer, {name: text, "reason": data.decode("latin-1")})
    sent = message(event, Sender(name, 1), text, LONGEST_DATAGRAM)
    assert len(sent) <= LONGEST_DATAGRAM
    assert all(one.isprintable() or one == "\ufeff" for one in sent.decode("utf-8"))
