"""The server over TLS: who is let in and who is not, whatever TLS the client speaks (list E, part 9)."""

from __future__ import annotations

import asyncio
import re
import ssl

import pytest

from mbap import Server
from support.certificates import plant
from support.serving import until
from support.tlsclients import (
    ANSWER,
    HELLO_OF_TLS_1_1,
    READ,
    VERSIONS,
    Door,
    Ended,
    ask,
    asked,
    both_versions,
    connect,
    context_of,
    serving,
)


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
