"""Both clients over TLS: against our server, and against servers that are wrong in one respect each."""

from __future__ import annotations

import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import mbap
from mbap import CertificateRefused, ConnectFailed, LinkState, ModbusError, OutcomeUnknown, TlsFailed
from mbap.protocol.pdu import ReadHoldingRegisters, WriteSingleRegister
from support.certificates import plant
from support.fronts import FRONTS, connected
from support.peers import free_port

DEVICE = mbap.Device(holding_registers=[7, 8, 9])
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
READ = ReadHoldingRegisters(0, 3)
WRITE = WriteSingleRegister(0, 1)
both_fronts = pytest.mark.parametrize("kind", FRONTS)
both_versions = pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])


class Peer:
    """A TLS server that is not ours, in a thread; *after* says what it does once shaken hands.

    Attributes:
        handshakes: how many were tried. resumed: which of them went on from a session.
        breaks: it answers with what cannot be decrypted.
    """

    def __init__(self, context: ssl.SSLContext | None, answers: bool = True, shape: str = "whole") -> None:
        self.handshakes = 0
        self.resumed: list[bool] = []
        self.breaks = False
        self._context, self._answers, self._shape = context, answers, shape
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.url = f"tls://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Peer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _run(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            with accepted, suppress(OSError):
                accepted.settimeout(5)
                self.handshakes += 1
                self._serve(accepted)

    def _serve(self, accepted: socket.socket) -> None:
        if self._context is None:
            accepted.recv(4096)
            accepted.sendall(bytes.fromhex("000100000003018301"))
            return
        with self._context.wrap_socket(accepted, server_side=True) as client:
            self.resumed.append(bool(client.session_reused))
            while self._answers and (request := client.recv(4096)):
                self._answer(client, request)
            with suppress(OSError):
                client.unwrap()

    def _answer(self, client: ssl.SSLSocket, request: bytes) -> None:
        if self.breaks:  # a record that nobody can decrypt
            socket.socket.send(client, bytes.fromhex("17 0303 0020") + bytes(32))
            return
        read = request[7] == READ.function_code
        answer = request[:4] + bytes.fromhex("0009 01 03 06 0007 0008 0009") if read else request
        if self._shape == "whole":
            client.sendall(answer)
            return
        for at in range(0, len(answer), 5 if self._shape == "three records" else 1):
            client.sendall(answer[at : at + (5 if self._shape == "three records" else 1)])


def context_of(
    name: str = "server", version: ssl.TLSVersion | None = None, *, asks: bool = True, **limits: Any
) -> ssl.SSLContext:
    holder = plant()[name]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(holder.chain, holder.key)
    context.load_verify_locations(plant().ca)
    context.verify_mode = ssl.CERT_REQUIRED if asks else ssl.CERT_NONE
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


def refused(kind: str, url: str, request: Any = READ, **options: Any) -> ModbusError:
    """The error that a call ends with."""
    options.setdefault("tls", plant()["client"].tls())
    with connected(kind, url, **options) as client:
        with pytest.raises(ModbusError) as caught:
            client.execute(request)
        return caught.value


@both_fronts
@pytest.mark.parametrize("minimum", ["1.2", "1.3"])
def test_a_client_with_a_certificate_reads_over_tls(kind: str, minimum: str) -> None:
    ours = plant()
    with (
        mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=ours["server"].tls(minimum=minimum)) as url,
        connected(kind, url, tls=ours["client"].tls()) as client,
    ):
        assert client.read("hr0..2") == [7, 8, 9]


@both_fronts
@both_versions
def test_a_server_of_another_make_is_read(kind: str, version: ssl.TLSVersion) -> None:
    with (
        Peer(context_of(version=version)) as peer,
        connected(kind, peer.url, tls=plant()["client"].tls()) as client,
    ):
        assert [client.execute(READ) for _ in range(3)] == 3 * [[7, 8, 9]]
        assert peer.handshakes == 1


@both_fronts
@pytest.mark.parametrize("shape", ["three records", "bytes"])
def test_h144_an_answer_in_many_records_is_read(kind: str, shape: str) -> None:
    with (
        Peer(context_of(), shape=shape) as peer,
        connected(kind, peer.url, tls=plant()["client"].tls()) as client,
    ):
        assert client.execute(READ) == [7, 8, 9]


@both_fronts
@both_versions
def test_many_requests_at_once_come_back_in_order(kind: str, version: ssl.TLSVersion) -> None:
    many = [ReadHoldingRegisters(0, 1 + number % 3) for number in range(500)]
    with (
        mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=plant()["server"].tls()) as url,
        connected(kind, url, tls=plant()["client"].tls(), outstanding=16) as client,
    ):
        answers = client.execute_many(many)
    assert answers == [[7, 8, 9][: one.count] for one in many]


WRONG_SERVERS = [
    ("expired server", "expired", r"expired server,O=Plant, has expired on 20\d\d-"),
    ("future server", "not yet valid", r"future server,O=Plant, is valid from 20\d\d-.* on only"),
    ("misnamed server", "name", r"is for plc.plant and 10.0.0.5, not for 127.0.0.1"),
    (
        "strange server",
        "unknown CA",
        r"is of CN=Other CA,O=Plant, an authority that is not trusted; trusted: CN=Plant",
    ),
    ("self-signed server", "unknown CA", r"is signed by itself, and not trusted"),
    ("revoked server", "revoked", r"CN=revoked server,O=Plant, is revoked"),
    ("client", "purpose", r"is not for a server: its extended key usage says something else"),
]


@both_fronts
@both_versions
@pytest.mark.parametrize(("name", "check", "why"), WRONG_SERVERS, ids=[one[0] for one in WRONG_SERVERS])
def test_h131_a_server_with_a_wrong_certificate_is_not_talked_to_and_it_is_said_why(
    kind: str, name: str, check: str, why: str, version: ssl.TLSVersion
) -> None:
    tls = plant()["client"].tls(crl=plant().crl)
    with Peer(context_of(name, version)) as peer:
        error = refused(kind, peer.url, tls=tls)
    assert isinstance(error, CertificateRefused)
    assert (error.check, error.ours) == (check, False)
    assert re.search(why, str(error)), str(error)
    assert str(error).startswith(f"{peer.url}, unit 1, read holding registers")


WRONG_CLIENTS = [
    ("expired", "expired", r"refused the certificate of CN=expired,O=Plant: .*; it has expired on 20"),
    ("future", "other", r"it is valid from 20"),
    ("strange", "unknown CA", r"does not trust the authority that signed it"),
    ("serverauth", "purpose", r"not for this purpose"),
    ("self-signed", "unknown CA", r"does not trust the authority"),
    ("revoked", "revoked", r"CN=revoked,O=Plant: it is revoked"),
]


@both_fronts
@pytest.mark.parametrize("minimum", ["1.2", "1.3"])
@pytest.mark.parametrize(("name", "check", "why"), WRONG_CLIENTS, ids=[one[0] for one in WRONG_CLIENTS])
def test_h145_a_client_whose_certificate_is_refused_reads_why_and_does_not_come_back(
    kind: str, name: str, check: str, why: str, minimum: str
) -> None:
    """With TLS 1.3 the refusal comes after the client believes to be connected."""
    server_tls = plant()["server"].tls(crl=plant().crl)
    with mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=server_tls) as url:
        error = refused(kind, url, tls=plant()[name].tls(minimum=minimum), retries=3)
    assert isinstance(error, CertificateRefused)
    assert (error.check, error.ours) == (check, True)
    assert re.search(why, str(error)), str(error)


@both_fronts
@both_versions
def test_h145_without_a_certificate_it_is_said_that_one_is_wanted(kind: str, version: ssl.TLSVersion) -> None:
    with Peer(context_of(version=version)) as peer:
        error = refused(kind, peer.url, tls=mbap.TLS(ca=plant().ca), retries=3)
        assert peer.handshakes == 1
    assert isinstance(error, TlsFailed)
    assert "certificate" in str(error)


@both_fronts
def test_h145_a_server_that_ends_right_after_the_handshake_is_taken_for_a_refusal(kind: str) -> None:
    with Peer(context_of(version=VERSIONS[1]), answers=False) as peer:
        error = refused(kind, peer.url, retries=3)
        assert peer.handshakes == 1
    assert isinstance(error, CertificateRefused)
    assert error.guessed
    assert "right after the TLS handshake" in str(error)


@both_fronts
def test_h145_who_is_refused_again_and_again_is_left_alone_for_a_while(kind: str) -> None:
    with (
        Peer(context_of(version=VERSIONS[1]), answers=False) as peer,
        connected(kind, peer.url, tls=plant()["client"].tls()) as client,
    ):
        errors = []
        for _ in range(10):
            with pytest.raises(ModbusError) as caught:
                client.execute(READ)
            errors.append(caught.value)
        assert peer.handshakes == 3
        assert client.state is LinkState.BACKING_OFF
    assert [type(error).__name__ for error in errors] == 3 * ["CertificateRefused"] + 7 * ["NotAsked"]
    assert "right after the TLS handshake" in str(errors[-1])


@both_fronts
def test_a_write_that_is_refused_in_the_handshake_was_not_carried_out(kind: str) -> None:
    with mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=plant()["server"].tls()) as url:
        error = refused(kind, url, WRITE, tls=plant()["expired"].tls(minimum="1.3"))
    assert isinstance(error, CertificateRefused)


@both_fronts
def test_a_write_after_which_the_server_only_ends_may_have_been_carried_out(kind: str) -> None:
    with Peer(context_of(version=VERSIONS[1]), answers=False) as peer:
        assert isinstance(refused(kind, peer.url, WRITE), OutcomeUnknown)


@both_fronts
def test_what_speaks_no_tls_is_said_to(kind: str) -> None:
    with Peer(None) as peer:
        error = refused(kind, peer.url)
    assert isinstance(error, TlsFailed)
    assert "the server does not speak TLS" in str(error)


@both_fronts
def test_a_server_of_tls_1_2_alone_is_refused_where_1_3_is_the_least(kind: str) -> None:
    with Peer(context_of(version=VERSIONS[0])) as peer:
        error = refused(kind, peer.url, tls=plant()["client"].tls(minimum="1.3"))
    assert "no version of TLS in common" in str(error)


@both_fronts
def test_a_handshake_that_does_not_come_to_an_end_is_given_up_in_time(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = refused(kind, f"tls://127.0.0.1:{silent.getsockname()[1]}", timeout=0.1)
    assert isinstance(error, TlsFailed)
    assert "no TLS handshake within 0.1 s" in str(error)


@both_fronts
def test_the_name_that_the_server_has_to_have_can_be_said(kind: str) -> None:
    tls = plant()["client"].tls(server_name="plc.plant")
    with Peer(context_of("misnamed server")) as peer, connected(kind, peer.url, tls=tls) as client:
        assert client.execute(READ) == [7, 8, 9]


@both_fronts
@both_versions
def test_the_session_goes_on_over_the_next_connection(kind: str, version: ssl.TLSVersion) -> None:
    tls = plant()["client"].tls()
    with Peer(context_of(version=version)) as peer:
        for _ in range(2):
            with connected(kind, peer.url, tls=tls) as client:
                client.execute(READ)
        assert peer.resumed == [False, True]


@both_fronts
@both_versions
def test_a_session_does_not_go_on_after_a_file_was_read_anew(kind: str, version: ssl.TLSVersion) -> None:
    tls = plant()["client"].tls()
    with Peer(context_of(version=version)) as peer:
        for _ in range(2):
            with connected(kind, peer.url, tls=tls) as client:
                client.execute(READ)
            tls.reload()
        assert peer.resumed == [False, False]


@both_fronts
def test_no_session_goes_on_after_an_alert(kind: str) -> None:
    """R-11."""
    tls = plant()["client"].tls()
    with Peer(context_of(version=VERSIONS[0])) as peer:
        with connected(kind, peer.url, tls=tls) as client:
            client.execute(READ)
        place = ("127.0.0.1", int(peer.url.rpartition(":")[2]))
        assert tls.session_for(*place) is not None
        peer.breaks = True
        with connected(kind, peer.url, tls=tls) as client, pytest.raises(ModbusError):
            client.execute(READ)
        assert tls.session_for(*place) is None


@both_fronts
def test_an_exception_01_over_tls_says_that_it_may_be_the_role(kind: str) -> None:
    ours = plant()
    bare = mbap.Device(coils=[True])
    with mbap.serving(bare, "tls://127.0.0.1:0", tls=ours["server"].tls()) as url:
        error = refused(kind, url, tls=ours["roleless"].tls())
    assert isinstance(error, ModbusError)
    if isinstance(error, mbap.IllegalFunction):
        assert "role" in str(error)


@pytest.mark.parametrize("client", [mbap.Client, mbap.AsyncClient, mbap.Link])
def test_tls_needs_to_know_whom_to_trust(client: Any) -> None:
    with pytest.raises(ValueError, match=r"needs to know who you are and whom you trust: tls=mbap\.TLS\("):
        client("tls://plc")


@pytest.mark.parametrize("client", [mbap.Client, mbap.AsyncClient, mbap.Link])
def test_tls_with_a_plain_url_is_a_mistake(client: Any) -> None:
    with pytest.raises(ValueError, match="TLS goes with tls://"):
        client("tcp://plc", tls=plant()["client"].tls())


@contextmanager
def plain_and_not_tls() -> Iterator[tuple[str, str]]:
    """A plain device, and the URL that asks for TLS first; nobody listens on the port for that."""
    with mbap.serving(DEVICE) as url:
        port = url.rpartition(":")[2]
        yield url, f"tls+fallback://127.0.0.1:{free_port()}?plain={port}"


@both_fronts
def test_a_fallback_reads_and_tells_it_each_time(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[str, str]] = []
    tls = plant()["client"].tls(on_fallback=lambda url, why: told.append((url, why)))
    with plain_and_not_tls() as (_, url):
        for _ in range(2):
            with connected(kind, url, tls=tls) as client:
                assert client.execute(READ) == [7, 8, 9]
    assert [where for where, _ in told] == [url, url]
    assert "plain Modbus on port" in told[0][1]
    assert len([one for one in caplog.records if "instead of TLS, read-only" in one.message]) == 2


@both_fronts
def test_after_a_fallback_nothing_is_written(kind: str) -> None:
    with plain_and_not_tls() as (_, url):
        error = refused(kind, url, WRITE)
    assert isinstance(error, mbap.NotProtected)
    assert "read-only" in str(error)
    assert DEVICE.holding_registers[0] == 7


@both_fronts
def test_there_is_no_fallback_unless_it_was_asked_for(kind: str) -> None:
    with plain_and_not_tls() as (_, url):
        bare = url.replace("+fallback", "").partition("?")[0]
        error = refused(kind, bare)
    assert isinstance(error, ConnectFailed)


@both_fronts
@pytest.mark.parametrize("name", ["strange server", "expired server"])
def test_there_is_no_fallback_after_a_certificate_was_refused(kind: str, name: str) -> None:
    with mbap.serving(DEVICE) as plain, Peer(context_of(name)) as peer:
        url = peer.url.replace("tls", "tls+fallback") + "?plain=" + plain.rpartition(":")[2]
        assert isinstance(refused(kind, url), CertificateRefused)


@both_fronts
def test_there_is_no_fallback_where_something_else_answers(kind: str) -> None:
    with mbap.serving(DEVICE) as plain, Peer(None) as peer:
        url = peer.url.replace("tls", "tls+fallback") + "?plain=" + plain.rpartition(":")[2]
        error = refused(kind, url)
    assert isinstance(error, TlsFailed)
    assert "no fallback where somebody answers" in str(error)


@both_fronts
@pytest.mark.parametrize("in_file", [False, True])
def test_there_is_no_fallback_at_a_device_that_was_once_reached_by_tls(
    kind: str, in_file: bool, tmp_path: Any
) -> None:
    """Not even after a restart, where a file remembers it."""
    remember = tmp_path / "reached" if in_file else None
    tls = plant()["client"].tls(remember=remember)
    with mbap.serving(DEVICE) as plain:
        with Peer(context_of()) as peer:
            url = peer.url.replace("tls", "tls+fallback") + "?plain=" + plain.rpartition(":")[2]
            with connected(kind, url, tls=tls) as client:
                client.execute(READ)
                client.execute(WriteSingleRegister(0, 7))
        again = plant()["client"].tls(remember=remember) if in_file else tls
        error = refused(kind, url, tls=again)
    assert isinstance(error, ConnectFailed)
    assert "this device was reached by TLS before" in str(error)


def test_a_blocking_client_sends_nothing_once_the_certificate_of_its_server_has_expired() -> None:
    tls = plant()["client"].tls()
    ends = plant()["server"].certificate.not_valid_after_utc.timestamp()
    moments = [ends - 100.0]
    tls.clock = lambda: moments[-1]
    with (
        mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=plant()["server"].tls()) as url,
        mbap.Client(url, tls=tls) as plc,
    ):
        assert plc.read_holding_registers(0, 1) == [7]
        moments.append(ends + 1.5)
        with pytest.raises(CertificateRefused, match="CN=server,O=Plant has expired on") as refused:
            plc.write_single_register(2, 5)
        assert refused.value.check == "expired"
        assert DEVICE.holding_registers[2] == 9


def test_a_blocking_client_sends_nothing_once_its_server_is_revoked(tmp_path: Path) -> None:
    crl = tmp_path / "crl.pem"
    crl.write_bytes(plant().authority.revocation_list(without=True))
    tls = plant()["client"].tls(crl=crl)
    with (
        mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=plant()["revoked server"].tls()) as url,
        mbap.Client(url, tls=tls) as plc,
    ):
        assert plc.read_holding_registers(0, 1) == [7]
        crl.write_bytes(plant().crl.read_bytes())
        now = time.time()
        tls.clock = lambda: now + 6.0  # it looks at files every 5 s
        with pytest.raises(CertificateRefused, match="is revoked"):
            plc.write_single_register(2, 5)
        assert DEVICE.holding_registers[2] == 9
