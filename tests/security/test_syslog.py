"""security.syslog and syslogtext: RFC 5424 messages, and getting them to a server in the end."""

from __future__ import annotations

import re
import ssl
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.security.events import Detail, Event
from mbap.security.syslog import Syslog, SyslogOptions, SyslogTarget, parse_syslog
from mbap.security.syslogtext import LONGEST_DATAGRAM, Sender, counted, message
from mbap.server.handler import Identity, Peer
from support.program import until
from support.syslogserver import tcp_server, udp_server

TIME = 1_770_000_000_123_456
SENDER = Sender("guard1", 42)
QUICK = SyslogOptions(SENDER, first_pause=0.01, longest_pause=0.05)
PARTS = re.compile(
    r"<(?P<priority>\d{1,3})>1 (?P<time>\S+) (?P<host>\S+) (?P<app>\S+) (?P<process>\S+) (?P<kind>\S+)"
    r' \[(?P<id>\S+)(?P<data>( [!#-<>-\\^-~]{1,32}="([^"\\\]]|\\["\\\]])*")*)\] (?P<text>.*)',
    re.DOTALL,
)
PARAMETER = re.compile(r' ([!#-<>-\\^-~]{1,32})="((?:[^"\\\]]|\\["\\\]])*)"')


def event(kind: str = "deny", peer: Peer | None = None, **details: Detail) -> Event:
    return Event(kind, TIME, peer, details)


def parsed(text: bytes) -> tuple[re.Match[str], dict[str, str]]:
    found = PARTS.fullmatch(text.decode("utf-8"))
    assert found, text
    data = {name: re.sub(r"\\(.)", r"\1", value) for name, value in PARAMETER.findall(found["data"])}
    return found, data


def test_a_message_is_as_the_standard_says() -> None:
    peer = Peer("10.0.0.5", 1_024, "tcp://0.0.0.0:502", session=3)
    text = message(event(peer=peer, unit=1, func=6, rule="no-writes", reason="not allowed"), SENDER, "abc")
    assert text.decode() == (
        "<108>1 2026-02-02T02:40:00.123Z guard1 mbap 42 deny"
        ' [mbap@32473 event="deny" category="access" policy_hash="abc" rule="no-writes" reason="not allowed"'
        ' session="3" listener="tcp://0.0.0.0:502" src_ip="10.0.0.5" src_port="1024" unit="1" func="6"]'
        " deny from 10.0.0.5, unit 1, function 6: not allowed"
    )


def test_lists_truths_and_the_certificate_are_parameters_too() -> None:
    peer = Peer("10.0.0.5", identity=Identity("CN=hmi", resumed=True))
    _, data = parsed(message(event(peer=peer, values=[1, 2], writes=True), SENDER))
    assert (data["values"], data["writes"], data["tls_subject"], data["tls_resumed"]) == (
        "1,2",
        "true",
        "CN=hmi",
        "true",
    )


@pytest.mark.parametrize(
    ("one", "level"),
    [
        (event("deny"), 4),
        (event("alert", severity="high"), 2),
        (event("alert", severity="medium"), 4),
        (event("alert", severity="low"), 5),
        (event("audit"), 5),
        (event("policy_load"), 5),
        (event("request"), 6),
    ],
)
def test_how_bad_it_is(one: Event, level: int) -> None:
    found, _ = parsed(message(one, SENDER))
    assert int(found["priority"]) == 8 * 13 + level


@given(st.text(max_size=50), st.text(min_size=1, max_size=40), st.text(max_size=20))
def test_whatever_a_stranger_sends_the_message_has_its_form_and_nothing_acts(
    text: str, name: str, host: str
) -> None:
    sent = message(Event("deny", TIME, None, {name: text, "reason": text}), Sender(host, 1))
    found, data = parsed(sent)
    assert all(one.isprintable() or one == "\ufeff" for one in sent.decode("utf-8"))
    assert found["text"].isascii() or found["text"].startswith("\ufeff")
    if text.isprintable() and text:
        assert data["reason"] == text


def test_what_is_large_is_left_out_before_the_sentence_is_cut() -> None:
    sent = message(event(values=[65_535] * 2_000, reason="because"), SENDER, longest=LONGEST_DATAGRAM)
    _, data = parsed(sent)
    assert "values" not in data
    assert data["reason"] == "because"
    assert len(sent) <= LONGEST_DATAGRAM


def test_nothing_is_longer_than_it_may_be() -> None:
    details: dict[str, Detail] = {f"name{n}": "\u00e4" * 600 for n in range(20)}
    sent = message(Event("deny", TIME, None, details), SENDER, longest=999)
    assert len(sent) <= 999
    assert sent.decode("utf-8")


def test_octets_are_counted() -> None:
    assert counted("\u00e4x".encode()) == b"3 \xc3\xa4x"


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("udp://log.plant", SyslogTarget("udp", "log.plant", 514)),
        ("tcp://10.0.0.3:601", SyslogTarget("tcp", "10.0.0.3", 601)),
        ("tls://[fd00::1]", SyslogTarget("tls", "fd00::1", 6514)),
    ],
)
def test_where_a_server_is(url: str, target: SyslogTarget) -> None:
    assert parse_syslog(url) == target


@pytest.mark.parametrize(
    "url", ["log.plant", "http://log", "udp://", "udp://log:x", "udp://log:70000", "tcp://a/b", "udp://[fd00"]
)
def test_what_is_no_server_is_refused_with_how_to_write_one(url: str) -> None:
    with pytest.raises(ValueError, match=r"write it like udp://log\.plant"):
        parse_syslog(url)


def test_over_udp_each_message_is_a_datagram() -> None:
    with udp_server() as server:
        syslog = Syslog(server.url, QUICK)
        for unit in (1, 2):
            syslog(event(unit=unit))
        texts = server.wait_for(2)
        syslog.close()
    assert [parsed(one.encode())[1]["unit"] for one in texts] == ["1", "2"]


def test_over_tcp_they_are_counted() -> None:
    with tcp_server() as server:
        syslog = Syslog(server.url, QUICK)
        for unit in range(200):
            syslog(event(unit=unit, reason="\u00e4\n"))
        texts = server.wait_for(200)
        assert syslog.connected
        syslog.close()
    assert [parsed(one.encode())[1]["unit"] for one in texts] == [str(unit) for unit in range(200)]


def test_what_waits_is_sent_at_the_end() -> None:
    with tcp_server() as server:
        syslog = Syslog(server.url, QUICK)
        for unit in range(50):
            syslog(event(unit=unit))
        until(lambda: syslog.connected, "a connection")
        syslog.close()
        server.wait_for(50)


def test_it_connects_when_the_server_comes(free_port: Callable[[], int]) -> None:
    port = free_port()
    syslog = Syslog(f"tcp://127.0.0.1:{port}", QUICK)
    syslog(event(unit=1))
    until(lambda: bool(syslog.why_not), "an attempt in vain")
    assert f"tcp://127.0.0.1:{port} does not take messages" in syslog.why_not
    with tcp_server(port) as server:
        server.wait_for(1)
        until(lambda: not syslog.why_not, "the message to be sent")
        syslog.close()
    assert syslog.metrics()["syslog_failures"].value >= 1


def test_it_connects_again_when_the_server_closes_and_loses_nothing_between() -> None:
    with tcp_server(most=1) as server:
        syslog = Syslog(server.url, QUICK)
        for unit in range(5):
            syslog(event(unit=unit))
            server.wait_for(unit + 1)
        syslog.close()
    assert syslog.metrics()["syslog_connects"].value == 5


def test_too_many_that_wait_are_lost_counted_and_said(free_port: Callable[[], int]) -> None:
    port = free_port()
    syslog = Syslog(f"tcp://127.0.0.1:{port}", SyslogOptions(SENDER, 10, 0.01, 0.05))
    for unit in range(100):
        syslog(event(unit=unit))
    until(lambda: bool(syslog.why_not), "an attempt in vain")
    lost = syslog.metrics()["syslog_lost"].value
    assert lost >= 89
    with tcp_server(port) as server:
        until(lambda: any(b"were lost" in one for one in list(server.messages)), "it to be said")
        syslog.close()
    said = next(one for one in server.messages if b"were lost" in one)
    assert int(parsed(said)[1]["lost"]) == syslog.metrics()["syslog_lost"].value
    assert b'unit="99"' in server.messages[-1]


def test_a_server_that_never_comes_does_not_keep_it_from_ending(free_port: Callable[[], int]) -> None:
    syslog = Syslog(f"tcp://127.0.0.1:{free_port()}", QUICK)
    syslog(event())
    syslog.close()
    assert syslog.metrics()["syslog_sent"].value == 0


@pytest.fixture
def certificate(tmp_path: Path, peer: Callable[..., str]) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1, which is its own authority, and its key."""
    chain, key = tmp_path / "server.pem", tmp_path / "server.key"
    command = [
        *(peer("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-days", "2", "-subj", "/CN=log", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-keyout", str(key), "-out", str(chain)),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return chain, key


def test_over_tls_with_a_certificate_that_is_trusted(certificate: tuple[Path, Path]) -> None:
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(*certificate)
    theirs = ssl.create_default_context(cafile=str(certificate[0]))
    with tcp_server(context=ours) as server:
        syslog = Syslog(server.url, QUICK, context=theirs)
        for unit in range(20):
            syslog(event(unit=unit))
            server.wait_for(unit + 1)
        syslog.close()
    assert syslog.metrics()["syslog_connects"].value == 1


def test_over_tls_without_one_nothing_is_sent(certificate: tuple[Path, Path]) -> None:
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(*certificate)
    with tcp_server(context=ours) as server:
        syslog = Syslog(server.url, QUICK)
        syslog(event())
        until(lambda: "certificate verify failed" in syslog.why_not, "the certificate to be refused")
        syslog.close()
    assert server.messages == []


RSYSLOG = """
module(load="imtcp")
module(load="imudp")
template(name="all" type="string" string="%msgid% %app-name% %structured-data% %msg%\\n")
input(type="imtcp" port="{port}" address="127.0.0.1")
input(type="imudp" port="{port}" address="127.0.0.1")
action(type="omfile" file="{file}" template="all")
"""


@pytest.mark.parametrize("scheme", ["tcp", "udp"])
def test_rsyslog_understands_it(
    tmp_path: Path, peer: Callable[..., str], free_port: Callable[[], int], scheme: str
) -> None:
    port, file = free_port(), tmp_path / "out.log"
    settings = tmp_path / "rsyslog.conf"
    settings.write_text(RSYSLOG.format(port=port, file=file))
    program = peer("rsyslogd", "/usr/sbin/rsyslogd")
    command = [program, "-n", "-f", str(settings), "-i", str(tmp_path / "pid")]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        syslog = Syslog(f"{scheme}://127.0.0.1:{port}", QUICK)

        def arrived() -> bool:
            syslog(event(unit=1, reason='say "no]" \\'))
            return file.exists() and file.read_text().count("\n") > 1

        until(arrived, "rsyslog to write it")
        syslog.close()
        process.terminate()
    line = file.read_text().splitlines()[0]
    assert line.startswith('deny mbap [mbap@32473 event="deny"')
    assert r'reason="say \"no\]\" \\"' in line
    assert line.endswith('deny, unit 1: say "no]" \\')
