"""mbap guard under attack: over TLS and without, by the numbers of the security study (list E)."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import mbap
from mbap import Device, Units
from support.program import PATIENCE, Running, running
from support.program import mbap as command

READ = bytes.fromhex("000100000006010300000001")
ANSWER = bytes.fromhex("00010000000501030200 00")
WRITE = bytes.fromhex("00020000000601060005 0007")
WRITTEN = WRITE
OTHER_WRITE = bytes.fromhex("00030000000601060006 0007")
REFUSED = bytes.fromhex("000300000003018601")
RULES = "HOST hmi=127.0.0.0/8\nALLOW SRC=hmi FC=3 REG=0-9\nALLOW SRC=hmi FC=6 REG=5\n"
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
both_versions = pytest.mark.parametrize("version", VERSIONS, ids=["1.2", "1.3"])


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a CA with a guard and two clients, made as users make it."""
    folder = tmp_path_factory.mktemp("site")
    for words in (
        ["init"],
        ["server", "guard", "--ip", "127.0.0.1"],
        ["client", "panel"],
        ["client", "other"],
    ):
        done = command("certs", *words, cwd=folder)
        assert done.returncode == 0, done.stderr
    return folder / "certs"


class Site:
    """A guard, the device behind it, and its files."""

    def __init__(self, folder: Path, certificates: Path, device: Device) -> None:
        self.folder, self.device = folder, device
        self.certificates = folder / "certs"
        shutil.copytree(certificates, self.certificates)
        self.policy = folder / "plant.rules"
        self.policy.write_text(RULES, encoding="utf-8")
        self.audit, self.alerts = folder / "audit.jsonl", folder / "alerts"
        self.program: Running
        self.port = 0

    def options(self, device: str, *, secure: bool) -> list[str]:
        kept = ["--policy", str(self.policy), "--audit", str(self.audit), "--alerts", str(self.alerts)]
        listen = f"{'tls' if secure else 'tcp'}://127.0.0.1:0"
        named = {"ca": "ca.pem", "crl": "crl.pem", "certificate": "guard.pem", "key": "guard.key"}
        files = [(f"--listen-{name}", str(self.certificates / file)) for name, file in named.items()]
        own = [word for pair in files for word in pair] if secure else []
        return ["guard", "--to", device, "--listen", listen, *kept, *own]

    def context(self, version: ssl.TLSVersion, name: str = "panel") -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.certificates / "ca.pem")
        context.load_cert_chain(self.certificates / f"{name}.pem", self.certificates / f"{name}.key")
        context.minimum_version = context.maximum_version = version
        return context

    def plain(self, source: str = "127.0.0.1") -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 10, source_address=(source, 0))

    def secure(self, context: ssl.SSLContext, session: ssl.SSLSession | None = None) -> ssl.SSLSocket:
        return context.wrap_socket(self.plain(), server_hostname="127.0.0.1", session=session)

    def certs(self, *words: str) -> None:
        done = command("certs", *words, "--folder", str(self.certificates))
        assert done.returncode == 0, done.stderr

    def trail(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.audit.read_text(encoding="utf-8").splitlines()]

    def kinds_of_alerts(self) -> set[str]:
        done = command("alerts", "list", str(self.alerts), "--json")
        return {str(one["kind"]) for one in json.loads(done.stdout)}


@contextmanager
def guarded(folder: Path, certificates: Path, *more: str, secure: bool = False) -> Iterator[Site]:
    device = Device(holding_registers=[0] * 50)
    with mbap.serving(Units({0: device, 1: device}), "tcp://127.0.0.1:0") as url:
        site = Site(folder, certificates, device)
        with running(*site.options(url, secure=secure), *more) as site.program:
            assert site.program.process.stdout is not None
            line = site.program.process.stdout.readline()
            site.port = int(line.split(": 1 route")[0].rpartition(":")[2])
            yield site


def ask(client: socket.socket, data: bytes = READ, size: int = len(ANSWER)) -> bytes:
    client.sendall(data)
    return received(client, size)


def received(client: socket.socket, size: int) -> bytes:
    came = b""
    while len(came) < size and (part := client.recv(size - len(came))):
        came += part
    return came


def ends(client: socket.socket) -> bool:
    """Whether the connection ends, in whichever way."""
    with suppress(OSError):
        return not client.recv(1)
    return True


def soon(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


# --- records ---


@both_versions
def test_h144_two_requests_in_one_record_are_judged_each_by_itself(
    tmp_path: Path, certificates: Path, version: ssl.TLSVersion
) -> None:
    with guarded(tmp_path, certificates, secure=True) as site, site.secure(site.context(version)) as client:
        expected = ANSWER + WRITTEN + REFUSED
        assert ask(client, READ + WRITE + OTHER_WRITE, len(expected)) == expected
        assert list(site.device.holding_registers[5:7]) == [7, 0]


@both_versions
def test_h144_a_request_in_three_records_is_judged_as_a_whole(
    tmp_path: Path, certificates: Path, version: ssl.TLSVersion
) -> None:
    with guarded(tmp_path, certificates, secure=True) as site, site.secure(site.context(version)) as client:
        for data, expected in ((READ, ANSWER), (OTHER_WRITE, REFUSED)):
            for part in (data[:3], data[3:8]):
                client.sendall(part)
            assert ask(client, data[8:], len(expected)) == expected


@both_versions
def test_h142_a_write_of_which_the_end_is_missing_is_not_carried_out(
    tmp_path: Path, certificates: Path, version: ssl.TLSVersion
) -> None:
    with guarded(tmp_path, certificates, secure=True) as site:
        client = site.secure(site.context(version))
        assert ask(client, READ + WRITE[:-1]) == ANSWER
        socket.socket.shutdown(client, socket.SHUT_WR)  # FIN, and nothing of TLS
        assert ends(client)
        client.close()
        with site.secure(site.context(version)) as other:
            assert ask(other) == ANSWER
        assert site.device.holding_registers[5] == 0


def test_a_record_of_which_the_end_is_missing_is_nothing(tmp_path: Path, certificates: Path) -> None:
    """Half a record: what is within it cannot be trusted, and is not carried out."""
    with guarded(tmp_path, certificates, secure=True) as site:
        into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = site.context(ssl.TLSVersion.TLSv1_3)
        inside = context.wrap_bio(into, out, server_hostname="127.0.0.1")
        with site.plain() as plain:
            shake_hands(inside, plain, into, out)
            inside.write(WRITE)
            plain.sendall(out.read()[:-5])
            plain.shutdown(socket.SHUT_WR)
            while plain.recv(4096):
                pass
        with site.secure(context) as other:
            assert ask(other) == ANSWER
        assert site.device.holding_registers[5] == 0


def shake_hands(inside: ssl.SSLObject, plain: socket.socket, into: ssl.MemoryBIO, out: ssl.MemoryBIO) -> None:
    while True:
        try:
            inside.do_handshake()
        except ssl.SSLWantReadError:
            plain.sendall(out.read())
            into.write(plain.recv(16_384))
        else:
            plain.sendall(out.read())
            return


# --- who was let in, and is not any more ---


def test_h132_who_is_revoked_is_closed_and_does_not_resume_and_the_others_stay(
    tmp_path: Path, certificates: Path
) -> None:
    with guarded(tmp_path, certificates, "-v", secure=True) as site:
        context, other = site.context(ssl.TLSVersion.TLSv1_2), site.context(ssl.TLSVersion.TLSv1_2, "other")
        with site.secure(context) as first:
            assert ask(first) == ANSWER
            session = first.session
        with site.secure(context, session) as again, site.secure(other) as stays:
            assert again.session_reused
            assert ask(again) == ask(stays) == ANSWER
            site.policy.write_text(RULES + "# the same\n", encoding="utf-8")
            site.program.process.send_signal(signal.SIGHUP)
            assert ask(again) == ANSWER
            site.certs("crl")
            site.program.process.send_signal(signal.SIGHUP)
            assert ask(again) == ANSWER
            site.certs("revoke", "panel")
            site.program.process.send_signal(signal.SIGHUP)
            again.settimeout(PATIENCE)
            assert ends(again)
            assert refused(site, context, session)
            assert refused(site, site.context(ssl.TLSVersion.TLSv1_2), None)
            assert refused(site, site.context(ssl.TLSVersion.TLSv1_3), None)
            assert ask(stays) == ANSWER
    assert "auth_fail" in {line["event"] for line in site.trail()}


def refused(site: Site, context: ssl.SSLContext, session: ssl.SSLSession | None) -> bool:
    """Whether a client of *context* gets no answer."""
    try:
        with site.secure(context, session) as client:
            return ask(client) == b""
    except OSError:
        return True


# --- floods ---


def test_h140_a_flood_of_handshakes_that_never_end_keeps_nobody_out(
    tmp_path: Path, certificates: Path
) -> None:
    with guarded(tmp_path, certificates, secure=True) as site, ExitStack() as crowd:
        context = site.context(ssl.TLSVersion.TLSv1_3)
        inside = crowd.enter_context(site.secure(context))
        for number in range(300):
            one = crowd.enter_context(site.plain(f"127.0.1.{1 + number % 50}"))
            one.sendall(bytes.fromhex("16030100c8010000c40303")[: number % 12])
        assert ask(inside) == ANSWER
        with site.secure(context) as late:
            assert ask(late) == ANSWER


def test_a_flood_of_requests_that_never_end_keeps_nobody_out(tmp_path: Path, certificates: Path) -> None:
    with guarded(tmp_path, certificates) as site, ExitStack() as crowd:
        for number in range(300):
            one = crowd.enter_context(site.plain(f"127.0.1.{1 + number % 50}"))
            one.sendall(READ[: number % 12])
        with site.plain() as late:
            assert ask(late) == ANSWER
            assert ask(late, OTHER_WRITE, len(REFUSED)) == REFUSED


# --- what the watch says ---


def test_h090_to_h093_a_scan_a_stranger_and_what_nobody_ever_wrote_are_alarms_and_change_nothing(
    tmp_path: Path, certificates: Path
) -> None:
    with guarded(tmp_path, certificates, "--learn-for", "1s") as site:
        with site.plain() as usual:
            end = time.monotonic() + 1.5
            while time.monotonic() < end:
                assert ask(usual) == ANSWER
                time.sleep(0.01)
            for unit in range(256):  # H092
                size = len(ANSWER) if unit == 1 else 9
                ask(usual, READ[:6] + bytes((unit,)) + READ[7:], size)
            for unit in (0, 1):  # H093, H090: a broadcast, a register that configures the device
                configure = bytes.fromhex(f"0004000000 06{unit:02x} 06 e300 03e8")
                assert ask(usual, configure, 9)[7:] == b"\x86\x01"
        with site.plain("127.0.0.9") as stranger:  # H091
            assert ask(stranger, OTHER_WRITE, len(REFUSED)) == REFUSED
        wanted = {"client", "unit", "function", "pair"}
        soon(lambda: wanted <= site.kinds_of_alerts())
        assert not any(site.device.holding_registers[0:50])
    assert {line["event"] for line in site.trail()} >= {"deny", "alert"}


# --- between clients and the device ---


def test_h115_two_clients_with_the_same_transactions_each_get_their_own(
    tmp_path: Path, certificates: Path
) -> None:
    with guarded(tmp_path, certificates) as site, site.plain() as one, site.plain() as two:
        site.device.holding_registers[0:2] = [11, 22]
        second = READ[:9] + b"\x01" + READ[10:]
        for _ in range(50):
            one.sendall(READ)
            two.sendall(second)
            assert received(two, 11)[-2:] == b"\x00\x16"
            assert received(one, 11)[-2:] == b"\x00\x0b"


def test_h116_a_write_whose_client_left_is_carried_out_once(tmp_path: Path, certificates: Path) -> None:
    with guarded(tmp_path, certificates) as site:
        for _ in range(20):
            with site.plain() as client:
                client.sendall(WRITE)
        soon(lambda: site.device.holding_registers[5] == 7)
        with site.plain() as other:
            assert ask(other) == ANSWER
