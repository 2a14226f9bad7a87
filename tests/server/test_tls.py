"""The server over TLS: who is let in and who is not, whatever TLS the client speaks (list E, part 9)."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest

from mbap import TLS, AsyncClient, Device, Disconnect, Limits, Server
from mbap.errors import CertificateRefused, IllegalFunction
from mbap.protocol.role import encode_role
from mbap.server.handler import Call, Peer
from support.certificates import CLIENT, SERVER, Authority, Holder, new_key, plant
from support.serving import Later, until

R = TypeVar("R")
READ = bytes.fromhex("000100000006010300000001")
ANSWER = bytes.fromhex("00010000000501030200 07")
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
both_versions = pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])


class Door:
    """A device that writes down who comes and goes, and answers those alone who have a role."""

    def __init__(self, *, by_role: bool = False) -> None:
        self.device = Device(holding_registers=[7, *range(200)])
        self.by_role = by_role
        self.here: list[Peer] = []
        self.gone: list[Peer] = []
        self.refused: list[tuple[Peer, str]] = []

    def handle(self, call: Call[R]) -> R:
        if self.by_role and call.peer.role is None:
            raise IllegalFunction
        return self.device.handle(call)

    def arrived(self, peer: Peer) -> None:
        self.here.append(peer)

    def left(self, peer: Peer) -> None:
        self.gone.append(peer)

    def turned_away(self, peer: Peer, reason: str) -> None:
        self.refused.append((peer, reason))

    def malformed(self, peer: Peer, unit: int, data: bytes, reason: str) -> None:
        pass


class LeavingDoor(Door):
    """One that also wants to know why connections are closed that were served."""

    def __init__(self) -> None:
        super().__init__()
        self.dismissed_because: list[str] = []

    def dismissed(self, peer: Peer, reason: str) -> None:
        self.dismissed_because.append(reason)


@asynccontextmanager
async def serving(
    door: Door | None = None, tls: TLS | None = None, limits: Limits | None = None
) -> AsyncIterator[tuple[Server, Door]]:
    door = door or Door()
    tls = tls or plant()["server"].tls(crl=plant().crl)
    async with Server("tls://127.0.0.1:0", door, tls=tls, limits=limits) as server:
        yield server, door


def context_of(holder: Holder | None, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    """What a client that is not ours has."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(plant().ca)
    if holder is not None:
        context.load_cert_chain(holder.chain, holder.key)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


class Ended(Exception):
    """The connection ended, with the alert that came, if any."""


def talk(port: int, context: ssl.SSLContext, data: bytes = READ, size: int = len(ANSWER)) -> bytes:
    """What a blocking client that is not ours gets for *data*."""
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as client,
        ):
            client.sendall(data)
            return _received(client, size)
    except OSError as problem:
        raise Ended(getattr(problem, "reason", None) or str(problem)) from problem


def _received(client: ssl.SSLSocket | socket.socket, size: int) -> bytes:
    came = b""
    while len(came) < size:
        part = client.recv(4096)
        if not part:
            raise Ended(f"after {len(came)} bytes")
        came += part
    return came


async def asked(
    server: Server, context: ssl.SSLContext, data: bytes = READ, size: int = len(ANSWER)
) -> bytes:
    return await asyncio.to_thread(talk, server.port, context, data, size)


@both_versions
async def test_a_client_of_another_make_is_answered(version: ssl.TLSVersion) -> None:
    async with serving() as (server, door):
        assert await asked(server, context_of(plant()["client"], version)) == ANSWER
        assert [peer.role for peer in door.here] == ["Operator"]


async def test_the_handler_learns_who_asks_and_how_it_is_protected() -> None:
    async with serving() as (server, door):
        await asked(server, context_of(plant()["client"], VERSIONS[1]))
    identity = door.here[0].identity
    assert identity is not None
    certificate = plant()["client"].certificate
    assert identity.subject == "CN=client,O=Plant"
    assert identity.issuer == "CN=Plant CA,O=Plant"
    assert int(identity.serial, 16) == certificate.serial_number
    assert (identity.protocol, identity.resumed, identity.role_problem) == ("TLSv1.3", False, "")
    assert identity.cipher.startswith("TLS_")
    assert identity.not_after == int(certificate.not_valid_after_utc.timestamp())
    assert len(identity.fingerprint) == 64


@both_versions
async def test_the_whole_chain_up_to_the_root_is_sent(version: ssl.TLSVersion) -> None:
    """R-46: also where the file has our own certificate alone."""

    def chain_at(port: int) -> int:
        with connect(port, context_of(plant()["client"], version)) as client:
            ask(client)
            return len(client._sslobj.get_unverified_chain())  # type: ignore[attr-defined]

    async with serving() as (server, _):
        assert await asyncio.to_thread(chain_at, server.port) == 2


async def test_h127_plain_modbus_gets_no_plain_answer() -> None:
    async with serving() as (server, door):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(READ)
        came = await reader.read(-1)
        writer.close()
    assert ANSWER not in came
    assert came[:1] in (b"", b"\x15")  # nothing, or a TLS alert
    assert door.refused[0][1] == "the client does not speak TLS"
    assert server.statistics().handshakes_failed == 1


HELLO_OF_TLS_1_1 = bytes.fromhex(
    # record: handshake, TLS 1.0; ClientHello of TLS 1.1, one suite (ECDHE-RSA-AES128-SHA), no extension
    "16 0301 002d 01 000029 0302" + 32 * "11" + "00 0002 c013 01 00"
)
HELLO_OF_SSL_2 = bytes.fromhex(
    "80 2e 01 0002 0015 0000 0010 010080 020080 030080 040080 050080 060040 0700c0"
)


def alert_in(came: bytes) -> int | None:
    """The description of the first alert in *came*, which is not encrypted."""
    return came[6] if len(came) >= 7 and came[0] == 0x15 else None


async def answer_to(server: Server, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    came = await reader.read(-1)
    writer.close()
    return came


async def test_h128_tls_1_1_is_refused_with_alert_70() -> None:
    async with serving() as (server, door):
        assert alert_in(await answer_to(server, HELLO_OF_TLS_1_1)) == 70
    assert door.refused[0][1] == "the client speaks TLS 1.1 or older only, which is not safe"


async def test_h128_ssl_2_is_not_answered() -> None:
    async with serving() as (server, door):
        came = await answer_to(server, HELLO_OF_SSL_2 + bytes(40))
        assert came[:1] in (b"", b"\x15")
    assert len(door.refused) == 1


@pytest.mark.parametrize("suites", ["NULL-SHA256", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES128-SHA256"])
async def test_h129_weak_suites_are_refused(suites: str) -> None:
    context = context_of(plant()["client"], VERSIONS[0])
    context.set_ciphers(f"{suites}:@SECLEVEL=0")
    async with serving() as (server, door):
        with pytest.raises(Ended, match="HANDSHAKE_FAILURE"):
            await asked(server, context)
    assert door.refused[0][1] == "the two have no suite in common"


OUTCOMES = [
    # who comes, what TLS 1.2 and TLS 1.3 send, what the server says about it
    (None, "HANDSHAKE_FAILURE", "CERTIFICATE_REQUIRED", "the client gave no certificate"),
    ("expired", "CERTIFICATE_EXPIRED", "CERTIFICATE_EXPIRED", "has expired on 20"),
    ("future", "BAD_CERTIFICATE", "BAD_CERTIFICATE", "is valid from 20.* on only"),
    ("strange", "UNKNOWN_CA", "UNKNOWN_CA", "is of CN=Other CA,O=Plant, an authority that is not trusted"),
    ("revoked", "CERTIFICATE_REVOKED", "CERTIFICATE_REVOKED", "CN=revoked,O=Plant, is revoked"),
    ("self-signed", "UNKNOWN_CA", "UNKNOWN_CA", "is signed by itself, and not trusted"),
    ("serverauth", "UNSUPPORTED_CERTIFICATE", "UNSUPPORTED_CERTIFICATE", "is not for a client"),
]


@both_versions
@pytest.mark.parametrize(("who", "older", "newer", "why"), OUTCOMES, ids=[str(one[0]) for one in OUTCOMES])
async def test_h130_h131_h137_who_has_no_good_certificate_is_refused_and_it_is_said_why(
    who: str | None, older: str, newer: str, why: str, version: ssl.TLSVersion
) -> None:
    context = context_of(None if who is None else plant()[who], version)
    async with serving() as (server, door):
        with pytest.raises(Ended, match=older if version is VERSIONS[0] else newer):
            await asked(server, context)
        await until(lambda: bool(door.refused))
    assert not door.here
    ((peer, reason),) = door.refused
    assert peer.address == "127.0.0.1"
    assert peer.port > 0
    assert re.search(why, reason), reason
    assert server.statistics().handshakes_failed == 1


@both_versions
@pytest.mark.parametrize("who", ["client", "any use"])
async def test_a_certificate_without_extended_key_usage_is_as_good_as_one_for_clients(
    who: str, version: ssl.TLSVersion
) -> None:
    async with serving() as (server, _):
        assert await asked(server, context_of(plant()[who], version)) == ANSWER


ROLE_PROBLEMS = [
    ("roleless", None, ""),
    ("printable role", None, "not a UTF8String"),
    ("ia5 role", None, "not a UTF8String"),
    ("raw role", None, "not a UTF8String"),
    ("empty role", None, "1 to 64 characters"),
    ("nul role", None, "cannot be printed"),
    ("long role", None, "1 to 64 characters"),
    ("trailing role", None, "does not fit the extension"),
    ("broken role", None, "not valid UTF-8"),
    ("doubly roled", None, "the role is there more than once"),
    ("listed role", "Operator,Admin", ""),
    ("lower role", "operator", ""),
]


@pytest.mark.parametrize(("who", "role", "problem"), ROLE_PROBLEMS, ids=[one[0] for one in ROLE_PROBLEMS])
async def test_h133_to_h136_the_handshake_succeeds_and_only_a_good_role_is_one(
    who: str, role: str | None, problem: str
) -> None:
    async with serving(Door(by_role=True)) as (server, door):
        answer = await asked(server, context_of(plant()[who]), size=9)
        again = await asked(server, context_of(plant()[who]), data=2 * READ, size=18)
    assert [peer.role for peer in door.here] == [role, role]
    identity = door.here[0].identity
    assert identity is not None
    assert problem in identity.role_problem
    assert (identity.role_problem == "") == (problem == "")
    exception = bytes.fromhex("000100000003018301")
    assert (answer == exception, again == 2 * exception) == (role is None, role is None)


class Revoking:
    """An authority of its own, whose list can be made anew: `(server's settings, a client)`."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority("Changing CA")
        self.ca, self.crl = folder / "ca.pem", folder / "crl.pem"
        self.ca.write_bytes(self.authority.pem)
        self.crl.write_bytes(self.authority.revocation_list())
        self.server = self._holder(folder, "server", server=True)
        self.client = self._holder(folder, "client", server=False)
        self.other = self._holder(folder, "other", server=False)

    def _holder(self, folder: Path, name: str, *, server: bool) -> Holder:
        key = new_key()
        certificate = self.authority.sign(
            name,
            key,
            usage=[SERVER if server else CLIENT],
            names=("localhost", "127.0.0.1") if server else (),
            roles=() if server else (encode_role("Operator"),),
        )
        return Holder(folder, name, certificate, key, self.ca)

    def revoke(self, holder: Holder) -> None:
        self.authority.revoke(holder.certificate)
        self.crl.write_bytes(self.authority.revocation_list())

    def context(self, holder: Holder, version: ssl.TLSVersion) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.ca)
        context.load_cert_chain(holder.chain, holder.key)
        context.minimum_version = context.maximum_version = version
        return context


@pytest.fixture
def revoking(tmp_path: Path) -> Revoking:
    return Revoking(tmp_path)


def connect(port: int, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=5)
    return context.wrap_socket(plain, server_hostname="localhost", session=session)


def ask(client: ssl.SSLSocket) -> bytes:
    client.sendall(READ)
    return _received(client, len(ANSWER))


def one_session(port: int, context: ssl.SSLContext) -> ssl.SSLSession:
    """A session that can be gone on with: an answer was read and it was closed well."""
    with connect(port, context) as client:
        assert ask(client) == ANSWER
        session = client.session
        assert session is not None
        with suppress(OSError):
            client.unwrap()
        return session


@both_versions
async def test_a_session_goes_on_and_its_role_is_read_anew(version: ssl.TLSVersion) -> None:
    context = context_of(plant()["client"], version)
    async with serving() as (server, door):
        session = await asyncio.to_thread(one_session, server.port, context)

        def go_on() -> bool:
            with connect(server.port, context, session) as client:
                return ask(client) == ANSWER and bool(client.session_reused)

        assert await asyncio.to_thread(go_on)
    assert [(peer.role, peer.identity and peer.identity.resumed) for peer in door.here] == [
        ("Operator", False),
        ("Operator", True),
    ]


@both_versions
async def test_h132_a_session_of_before_does_not_go_on_after_its_certificate_was_revoked(
    revoking: Revoking, version: ssl.TLSVersion
) -> None:
    tls = revoking.server.tls(crl=revoking.crl)
    context = revoking.context(revoking.client, version)
    async with serving(tls=tls) as (server, door):
        session = await asyncio.to_thread(one_session, server.port, context)
        revoking.revoke(revoking.client)

        def go_on() -> bytes:
            with connect(server.port, context, session) as client:
                return ask(client)

        with pytest.raises((OSError, Ended)):
            await asyncio.to_thread(go_on)
        await until(lambda: bool(door.refused))
    assert "is revoked" in door.refused[0][1]
    assert len(door.here) == 1


@both_versions
async def test_h132_even_with_the_same_context_a_session_of_a_revoked_certificate_is_refused(
    revoking: Revoking, version: ssl.TLSVersion
) -> None:
    """As if OpenSSL had kept it: the list that is looked at after the handshake refuses it alone."""
    tls = revoking.server.tls(crl=revoking.crl)
    context = revoking.context(revoking.client, version)
    async with serving(tls=tls) as (server, door):
        session = await asyncio.to_thread(one_session, server.port, context)
        revoking.revoke(revoking.client)
        from mbap.transport import tlsfiles

        loaded = tls._loaded
        loaded.revoked = tlsfiles.revocations(tls.settings)
        loaded.stamps = tlsfiles.stamps(tls.settings.files)

        def go_on() -> bytes:
            with connect(server.port, context, session) as client:
                assert client.session_reused
                return ask(client)

        with pytest.raises((OSError, Ended)):
            await asyncio.to_thread(go_on)
        await until(lambda: bool(door.refused))
    assert "CN=client,O=Plant is revoked since" in door.refused[0][1]


class InTime:
    """The clock of a `TLS`, set by the test."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def ends(holder: Holder) -> float:
    return holder.certificate.not_valid_after_utc.timestamp()


@both_versions
async def test_a_session_ends_when_the_certificate_of_its_client_expires(
    version: ssl.TLSVersion, caplog: pytest.LogCaptureFixture
) -> None:
    tls = plant()["server"].tls()
    tls.clock = clock = InTime(ends(plant()["client"]) - 0.01)
    door = LeavingDoor()
    async with serving(door, tls) as (server, _):
        client = await asyncio.to_thread(connect, server.port, context_of(plant()["client"], version))
        with client:
            assert await asyncio.to_thread(ask, client) == ANSWER
            clock.now += 1.0
            assert await asyncio.to_thread(client.recv, 1) == b""
            await until(lambda: bool(door.gone))
    (said,) = door.dismissed_because
    assert re.fullmatch(r"the certificate of CN=client,O=Plant has expired on .* UTC", said)
    assert f"127.0.0.1 is closed: {said.removeprefix('the certificate of ')}" in caplog.messages
    assert (server.statistics().closed_expired, server.statistics().closed_revoked) == (1, 0)


async def test_until_it_expires_a_session_goes_on() -> None:
    tls = plant()["server"].tls()
    tls.clock = clock = InTime(ends(plant()["client"]) - 100.0)
    async with serving(tls=tls) as (server, door):
        client = await asyncio.to_thread(connect, server.port, context_of(plant()["client"]))
        with client:
            clock.now += 100.0
            tls.reload()
            await asyncio.sleep(0)
            assert await asyncio.to_thread(ask, client) == ANSWER
            assert not door.gone


class BelowAnother(Revoking):
    """A client whose certificate is of an authority below the one that is trusted; both have lists."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.below = Authority("Workshop", above=self.authority)
        key = new_key()
        certificate = self.below.sign("fitter", key, usage=[CLIENT], roles=[encode_role("Operator")])
        self.fitter = Holder(folder, "fitter", certificate, key, self.ca)
        self.fitter.chain.write_bytes(self.fitter.chain.read_bytes() + self.below.pem)
        self.crl.write_bytes(self.lists)

    @property
    def lists(self) -> bytes:
        return self.authority.revocation_list() + self.below.revocation_list()


@both_versions
async def test_reloading_closes_the_connections_below_an_authority_that_is_revoked(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    site = BelowAnother(tmp_path)
    tls = site.server.tls(crl=site.crl)
    door = LeavingDoor()
    async with serving(door, tls) as (server, _):
        stays = await asyncio.to_thread(connect, server.port, site.context(site.other, version))
        goes = await asyncio.to_thread(connect, server.port, site.context(site.fitter, version))
        with stays, goes:
            assert await asyncio.to_thread(ask, goes) == ANSWER
            site.authority.revoke(site.below.certificate)
            site.crl.write_bytes(site.lists)
            tls.reload()
            assert await asyncio.to_thread(goes.recv, 1) == b""
            assert await asyncio.to_thread(ask, stays) == ANSWER
    (said,) = door.dismissed_because
    assert "CN=fitter,O=Plant: its issuer CN=Workshop,O=Plant is revoked since" in said
    assert server.statistics().closed_revoked == 1


@both_versions
async def test_a_session_that_goes_on_knows_who_is_above_its_certificate(
    tmp_path: Path, version: ssl.TLSVersion
) -> None:
    site = BelowAnother(tmp_path)
    tls = site.server.tls(crl=site.crl)
    context = site.context(site.fitter, version)
    async with serving(tls=tls) as (server, _):
        session = await asyncio.to_thread(one_session, server.port, context)
        goes = await asyncio.to_thread(connect, server.port, context, session)
        with goes:
            assert goes.session_reused
            assert await asyncio.to_thread(ask, goes) == ANSWER
            site.authority.revoke(site.below.certificate)
            site.crl.write_bytes(site.lists)
            tls.reload()
            assert await asyncio.to_thread(goes.recv, 1) == b""


async def test_a_client_ends_a_session_when_the_certificate_of_its_server_expires() -> None:
    tls = plant()["client"].tls()
    tls.clock = clock = InTime(ends(plant()["server"]) - 0.01)
    async with serving() as (server, door), AsyncClient(server.url, tls=tls) as client:
        assert await client.read_holding_registers(0, 1) == [7]
        clock.now += 1.0
        await until(lambda: bool(door.gone))
        with pytest.raises(CertificateRefused, match="CN=server,O=Plant has expired on") as refused:
            await client.read_holding_registers(0, 1)
        assert refused.value.check == "expired"


async def test_a_client_ends_a_session_when_the_certificate_of_its_server_is_revoked(tmp_path: Path) -> None:
    site = Revoking(tmp_path)
    tls = site.client.tls(crl=site.crl)
    async with serving(tls=site.server.tls()) as (server, door), AsyncClient(server.url, tls=tls) as client:
        assert await client.read_holding_registers(0, 1) == [7]
        site.revoke(site.server)
        tls.reload()
        await until(lambda: bool(door.gone))
        with pytest.raises(CertificateRefused, match="is revoked"):
            await client.read_holding_registers(0, 1)


async def test_a_request_that_waits_when_the_session_ends_is_told_why(tmp_path: Path) -> None:
    site = Revoking(tmp_path)
    tls = site.client.tls(crl=site.crl)
    handler = Later(Device(holding_registers=[7]))
    handler.release[1] = asyncio.Event()
    async with (
        Server("tls://127.0.0.1:0", handler, tls=site.server.tls()) as server,
        AsyncClient(server.url, tls=tls) as client,
    ):
        asked = asyncio.ensure_future(client.read_holding_registers(0, 1))
        await until(lambda: handler.begun == [1])
        site.revoke(site.server)
        tls.reload()
        with pytest.raises(CertificateRefused, match="the certificate of CN=server,O=Plant is revoked since"):
            await asked


@both_versions
async def test_reloading_closes_the_connections_of_those_who_are_revoked_and_of_nobody_else(
    revoking: Revoking, version: ssl.TLSVersion
) -> None:
    tls = revoking.server.tls(crl=revoking.crl)
    async with serving(tls=tls) as (server, door):
        stays = await asyncio.to_thread(connect, server.port, revoking.context(revoking.other, version))
        goes = await asyncio.to_thread(connect, server.port, revoking.context(revoking.client, version))
        with stays, goes:
            assert await asyncio.to_thread(ask, goes) == ANSWER
            revoking.revoke(revoking.client)
            tls.reload()
            await until(lambda: bool(door.gone))
            assert await asyncio.to_thread(goes.recv, 1) == b""
            assert await asyncio.to_thread(ask, stays) == ANSWER
    assert server.statistics().closed_revoked == 1


async def test_a_changed_list_is_noticed_when_the_next_client_comes(revoking: Revoking) -> None:
    async with serving(tls=revoking.server.tls(crl=revoking.crl)) as (server, door):
        client = await asyncio.to_thread(connect, server.port, revoking.context(revoking.client, VERSIONS[1]))
        with client:
            assert await asyncio.to_thread(ask, client) == ANSWER
            revoking.revoke(revoking.client)
            await asked(server, revoking.context(revoking.other, VERSIONS[1]))
            await until(lambda: bool(door.gone))
    assert door.gone[0].identity is not None
    assert door.gone[0].identity.subject == "CN=client,O=Plant"


async def test_h138_a_chain_of_fifty_certificates_is_refused(tmp_path: Path) -> None:
    ours = plant()
    from cryptography.hazmat.primitives.serialization import Encoding

    pem = ours["client"].certificate.public_bytes(Encoding.PEM)
    above = [Authority(f"CA {number}", ours.authority).pem for number in range(50)]
    chain = tmp_path / "chain.pem"
    chain.write_bytes(pem + b"".join(above))
    context = context_of(None)
    context.load_cert_chain(chain, ours["client"].key)
    async with serving() as (server, door):
        with pytest.raises(Ended):
            await asked(server, context)
        await until(lambda: bool(door.refused))
    assert "a longer chain of certificates than anybody needs" in door.refused[0][1]


async def test_h138_a_handshake_without_end_is_cut_off() -> None:
    async with serving() as (server, door):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        record = (
            bytes.fromhex("16 0303 4000")
            + struct.pack("!B", 1)
            + (0xFFFFFF).to_bytes(3, "big")
            + bytes(16380)
        )
        with suppress(OSError):
            for _ in range(8):
                writer.write(record)
                await writer.drain()
            await reader.read(-1)
        await until(lambda: bool(door.refused))
        writer.close()
    assert len(door.refused) == 1


@pytest.mark.parametrize("hello", [b"", b"\x16", HELLO_OF_TLS_1_1[:20]], ids=["nothing", "a byte", "a part"])
async def test_h139_who_does_not_finish_the_handshake_is_closed_in_time(hello: bytes) -> None:
    async with serving(limits=Limits(handshake_timeout=0.05)) as (server, door):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(hello)
        with suppress(ConnectionError):
            assert await reader.read(-1) == b""
        writer.close()
    assert door.refused[0][1] == "no TLS handshake within 0.05 s"


async def test_h139_those_who_say_nothing_make_room_for_those_who_do() -> None:
    async with serving(limits=Limits(max_handshakes=4)) as (server, door):
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(6)]
        assert await asked(server, context_of(plant()["client"])) == ANSWER
        assert server.statistics().handshakes_dropped == 3
        assert len([why for _, why in door.refused if "the oldest" in why]) == 3
        for _, writer in silent:
            writer.close()


async def test_h139_those_in_a_handshake_take_no_place_of_a_client() -> None:
    async with serving(limits=Limits(max_connections=1, max_handshakes=8)) as (server, _):
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(3)]
        await until(lambda: server.statistics().handshakes == 3)
        assert server.statistics().connections == 0
        assert await asked(server, context_of(plant()["client"])) == ANSWER
        for _, writer in silent:
            writer.close()


async def test_one_client_too_many_is_closed_after_its_handshake(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(limits=Limits(max_connections=1)) as (server, door):
        first = await asyncio.to_thread(connect, server.port, context_of(plant()["client"]))
        with first:
            assert await asyncio.to_thread(ask, first) == ANSWER
            with pytest.raises(Ended):
                await asked(server, context_of(plant()["client"]))
            await until(lambda: bool(door.refused))
    assert (len(door.here), len(door.gone), caplog.records[-1].levelname) == (1, 1, "WARNING")
    assert not [one for one in caplog.records if one.levelname == "ERROR"]


async def test_no_client_makes_room_for_somebody_who_has_proved_nothing() -> None:
    async with serving(limits=Limits(max_connections=1, when_full="drop_idle")) as (server, _):
        inside = await asyncio.to_thread(connect, server.port, context_of(plant()["client"]))
        with inside:
            assert await asyncio.to_thread(ask, inside) == ANSWER
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(READ)
            await reader.read(-1)
            writer.close()
            assert await asyncio.to_thread(ask, inside) == ANSWER
            assert await asked(server, context_of(plant()["client"])) == ANSWER
        assert server.statistics().dropped == 1


@both_versions
async def test_h142_what_came_whole_stands_and_the_rest_is_left_out(version: ssl.TLSVersion) -> None:
    """No close_notify: the end of the connection below may be an attacker's."""

    def cut_off(port: int) -> bytes:
        plain = socket.create_connection(("127.0.0.1", port), timeout=5)
        client = context_of(plant()["client"], version).wrap_socket(plain, server_hostname="localhost")
        with client:
            client.sendall(READ + READ[:7])
            came = _received(client, len(ANSWER))
            socket.socket.shutdown(client, socket.SHUT_WR)  # FIN, and nothing of TLS
            with suppress(OSError):  # an alert of OpenSSL about the missing end
                came += client.recv(4096)
            return came

    async with serving() as (server, door):
        assert await asyncio.to_thread(cut_off, server.port) == ANSWER
        await until(lambda: bool(door.gone))
    assert server.statistics().requests == 1


@both_versions
async def test_h144_one_request_in_three_records_is_answered(version: ssl.TLSVersion) -> None:
    def in_three(port: int) -> bytes:
        with connect(port, context_of(plant()["client"], version)) as client:
            for part in (READ[:3], READ[3:8], READ[8:]):
                client.sendall(part)
            return _received(client, len(ANSWER))

    async with serving() as (server, _):
        assert await asyncio.to_thread(in_three, server.port) == ANSWER


@both_versions
async def test_h144_four_requests_in_one_record_are_answered(version: ssl.TLSVersion) -> None:
    async with serving() as (server, _):
        assert await asked(server, context_of(plant()["client"], version), 4 * READ, 44) == 4 * ANSWER


@both_versions
async def test_records_of_one_byte_each_are_answered(version: ssl.TLSVersion) -> None:
    def byte_wise(port: int) -> bytes:
        with connect(port, context_of(plant()["client"], version)) as client:
            for byte in READ:
                client.sendall(bytes([byte]))
            return _received(client, len(ANSWER))

    async with serving() as (server, _):
        assert await asyncio.to_thread(byte_wise, server.port) == ANSWER


@both_versions
async def test_a_thousand_requests_in_one_go_are_all_answered(version: ssl.TLSVersion) -> None:
    """More than one record, and more than is read in a turn of the loop."""
    async with serving() as (server, _):
        came = await asked(server, context_of(plant()["client"], version), 1000 * READ, 11_000)
    assert came == 1000 * ANSWER


async def test_one_client_may_end_its_side_and_is_still_answered() -> None:
    """TLS 1.3 can be half closed; what was asked is answered."""

    def half_close(port: int) -> bytes:
        context = context_of(plant()["client"], VERSIONS[1])
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            while True:
                try:
                    session.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                    incoming.write(plain.recv(8192))
            session.write(READ)
            with suppress(ssl.SSLWantReadError):
                session.unwrap()
            plain.sendall(outgoing.read())
            came = b""
            while part := plain.recv(8192):
                came += part
            return came

    async with serving() as (server, door):
        assert len(await asyncio.to_thread(half_close, server.port)) > len(ANSWER)
        await until(lambda: bool(door.gone))
    assert server.statistics().answers == 1


class Closed(Door):
    """Lets nobody in."""

    def arrived(self, peer: Peer) -> None:
        raise Disconnect


async def test_a_doorkeeper_can_close_by_what_the_certificate_says() -> None:
    async with serving(Closed()) as (server, _):
        with pytest.raises(Ended):
            await asked(server, context_of(plant()["client"]))


@pytest.mark.parametrize(
    ("url", "tls", "complaint"),
    [
        ("tls://127.0.0.1:0", lambda: None, "needs to know who you are"),
        ("tcp://127.0.0.1:0", lambda: plant()["server"].tls(), "TLS goes with tls://"),
        ("tls://127.0.0.1:0", lambda: TLS(ca=plant().ca), "a server needs certificate"),
        ("tls+fallback://127.0.0.1:0", lambda: plant()["server"].tls(), "never either"),
    ],
)
def test_a_server_that_could_not_be_what_its_url_says_is_refused(
    url: str, tls: Callable[[], TLS | None], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        Server(url, Device(), tls=tls())


async def test_h140_of_a_thousand_that_come_at_once_few_begin_and_who_is_in_is_answered() -> None:
    """So many a second begin their handshake; the others wait, unseen, in the queue of the system."""
    limits = Limits(handshake_rate=20.0, backlog=64)
    async with serving(limits=limits) as (server, _):
        inside = await asyncio.to_thread(connect, server.port, context_of(plant()["client"]))
        with inside:
            crowd = [socket.socket() for _ in range(60)]
            for one in crowd:
                one.setblocking(False)
                with suppress(BlockingIOError):
                    one.connect(("127.0.0.1", server.port))
            for _ in range(20):
                assert await asyncio.to_thread(ask, inside) == ANSWER
            assert server.statistics().handshakes < 40
            for one in crowd:
                one.close()


async def test_a_hundred_clients_by_tls_are_held_and_answered() -> None:
    """The bench holds a thousand: `python3 -m bench.tls`."""
    tls = plant()["client"].tls()
    async with serving() as (server, _), AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(AsyncClient(server.url, tls=tls)) for _ in range(100)]
        answers = await asyncio.gather(*(client.read_holding_registers(0, 1) for client in clients))
        assert answers == 100 * [[7]]
        assert server.statistics().connections == 100
