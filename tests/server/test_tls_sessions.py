"""Sessions of a TLS server: they go on, and they end with their certificates or a list that names them."""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path

import pytest

from mbap import AsyncClient, Device, Server
from mbap.errors import CertificateRefused
from mbap.protocol.role import encode_role
from mbap.server.handler import Peer
from support.certificates import CLIENT, SERVER, Authority, Holder, new_key, plant
from support.serving import Later, until
from support.tlsclients import (
    ANSWER,
    VERSIONS,
    Door,
    Ended,
    ask,
    asked,
    both_versions,
    connect,
    context_of,
    one_session,
    serving,
)


class LeavingDoor(Door):
    """One that also wants to know why connections are closed that were served."""

    def __init__(self) -> None:
        super().__init__()
        self.dismissed_because: list[str] = []

    def dismissed(self, peer: Peer, reason: str) -> None:
        self.dismissed_because.append(reason)


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
