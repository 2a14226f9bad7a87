"""TLS with programs that are not ours: openssl on either side, pymodbus and tmodbus on either side."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest
from bench.environments import python_with

import mbap
from mbap import Client, Device
from support.certificates import Holder, plant
from support.fronts import FRONTS, connected

pytestmark = pytest.mark.peer

READ = bytes.fromhex("000100000006010300000001")
ANSWER = bytes.fromhex("0001000000050103020007")
READ_125 = bytes.fromhex("00010000000601030000007d")
DEVICE = Device(holding_registers=[7, *range(1, 500)])
VERSIONS = ("-tls1_2", "-tls1_3")


@pytest.fixture
def openssl(peer: Callable[..., str]) -> str:
    return peer("openssl")


@contextmanager
def served() -> Iterator[int]:
    """The port of our server."""
    tls = plant()["server"].tls(crl=plant().crl)
    with mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=tls) as url:
        yield int(url.rpartition(":")[2])


def words_of(holder: Holder) -> list[str]:
    return ["-cert", str(holder.chain), "-key", str(holder.key), "-CAfile", str(holder.ca)]


def s_client(openssl: str, port: int, holder: Holder, *more: str) -> subprocess.Popen[bytes]:
    command = [openssl, "s_client", "-connect", f"127.0.0.1:{port}", *words_of(holder), *more]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@contextmanager
def client_of(openssl: str, port: int, holder: Holder, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    process = s_client(openssl, port, holder, *more)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def received(process: subprocess.Popen[bytes], size: int) -> bytes:
    assert process.stdout is not None
    came = b""
    while len(came) < size and (part := process.stdout.read(1)):
        came += part
    return came


def send(process: subprocess.Popen[bytes], data: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(data)
    process.stdin.flush()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("holder", ["client", "rsa client"])
def test_s_client_is_answered(openssl: str, version: str, holder: str) -> None:
    with served() as port, client_of(openssl, port, plant()[holder], version, "-quiet") as client:
        send(client, READ)
        assert received(client, len(ANSWER)) == ANSWER


@pytest.mark.parametrize(
    ("suite", "holder"),
    [
        ("ECDHE-RSA-AES128-GCM-SHA256", "rsa server"),
        ("ECDHE-ECDSA-AES128-GCM-SHA256", "server"),
    ],
)
def test_the_suites_that_the_standard_demands_are_spoken(openssl: str, suite: str, holder: str) -> None:
    """R-14 with an RSA key, R-62 with one of P-256."""
    with mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=plant()[holder].tls()) as url:
        port = int(url.rpartition(":")[2])
        more = ("-tls1_2", "-cipher", suite, "-quiet")
        with client_of(openssl, port, plant()["client"], *more) as client:
            send(client, READ)
            assert received(client, len(ANSWER)) == ANSWER


def test_h141_who_wants_to_negotiate_anew_is_refused_and_nobody_else_notices(openssl: str) -> None:
    with served() as port, Client(f"tls://127.0.0.1:{port}", tls=plant()["client"].tls()) as other:
        assert other.read_holding_registers(0, 1) == [7]
        with client_of(openssl, port, plant()["client"], "-tls1_2") as client:
            send(client, b"R\n")
            out, err = client.communicate(timeout=10)
        assert b"RENEGOTIATING" in out + err
        assert b"no renegotiation" in out + err
        assert other.read_holding_registers(0, 1) == [7]


def test_the_indication_of_secure_renegotiation_is_there(openssl: str) -> None:
    """R-60."""
    with served() as port, client_of(openssl, port, plant()["client"], "-tls1_2") as client:
        out, _ = client.communicate(b"Q\n", timeout=10)
    assert b"Secure Renegotiation IS supported" in out


def test_nothing_is_compressed(openssl: str) -> None:
    """R-59."""
    with served() as port, client_of(openssl, port, plant()["client"], "-tls1_2", "-comp") as client:
        out, _ = client.communicate(b"Q\n", timeout=10)
    assert b"Compression: NONE" in out


@asynccontextmanager
async def relayed(port: int, came: bytearray) -> AsyncIterator[int]:
    """A port that leads to *port*; what the server sends is kept in *came*."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(4096):
                kept += data
                writer.write(data)
        writer.close()

    ended = asyncio.Event()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(
            pump(reader, to_server, bytearray()), pump(from_server, writer, came), return_exceptions=True
        )
        with suppress(ConnectionError):
            await writer.wait_closed()
            await to_server.wait_closed()
        ended.set()

    async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        await ended.wait()


def records_of(data: bytes) -> list[tuple[int, int]]:
    """The kind and the length of each TLS record."""
    found, at = [], 0
    while at + 5 <= len(data):
        size = int.from_bytes(data[at + 3 : at + 5], "big")
        found.append((data[at], size))
        at += 5 + size
    return found


async def test_h143_with_fragments_of_512_bytes_long_answers_come_whole(openssl: str) -> None:
    """R-58: the client asks for them, and no record with data is longer."""
    came = bytearray()
    with served() as port:
        async with relayed(port, came) as between:
            client = await asyncio.to_thread(
                s_client, openssl, between, plant()["client"], "-tls1_2", "-maxfraglen", "512", "-quiet"
            )
            try:
                await asyncio.to_thread(send, client, 8 * READ_125)
                answers = await asyncio.to_thread(received, client, 8 * 259)
            finally:
                client.kill()
                await asyncio.to_thread(client.communicate)
    assert [answers[259 * n : 259 * n + 9].hex() for n in range(8)] == 8 * ["0001000000fd0103fa"]
    data = [size for kind, size in records_of(bytes(came)) if kind == 23]
    assert data
    assert max(data) <= 512 + 24


@pytest.mark.parametrize("kind", FRONTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_our_clients_read_from_behind_s_server(
    openssl: str, kind: str, version: str, free_port: Callable[[], int]
) -> None:
    """`s_server` knows no Modbus: what it receives is answered by the test."""
    port = free_port()
    holder = plant()["server"]
    command = [
        *(openssl, "s_server", "-accept", f"127.0.0.1:{port}", *words_of(holder)),
        *("-Verify", "4", "-verify_return_error", version, "-brief"),
    ]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
    )
    answering = threading.Thread(target=_answer, args=(process,), daemon=True)
    answering.start()
    try:
        with connected(kind, f"tls://127.0.0.1:{port}", tls=plant()["client"].tls()) as client:
            _until_it_listens(port)
            assert client.read("hr0") == 7
    finally:
        process.kill()
        process.wait()
        answering.join(5)
        for stream in (process.stdin, process.stdout):
            assert stream is not None
            stream.close()


def _answer(process: subprocess.Popen[bytes]) -> None:
    """Answer the request that is in what is printed: its end is known, its number is not."""
    assert process.stdout is not None
    came = b""
    while part := process.stdout.read(1):
        came += part
        if came.endswith(READ[2:]) and len(came) >= len(READ):
            send(process, came[-len(READ) : -len(READ) + 2] + ANSWER[2:])


def _until_it_listens(port: int) -> None:
    import socket
    import time

    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    pytest.fail("openssl s_server did not begin to listen")


PYMODBUS_CLIENT = """
    import ssl, sys
    from pymodbus.client import ModbusTlsClient

    port, ca, certificate, key = sys.argv[1:]
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
    context.load_cert_chain(certificate, key)
    context.check_hostname = False  # it passes no name on
    client = ModbusTlsClient("127.0.0.1", port=int(port), sslctx=context, timeout=5)
    assert client.connect()
    for _ in range(3):
        print(client.read_holding_registers(0, count=3).registers)
    print(client.write_register(100, 4711).isError())
    client.close()
"""
PYMODBUS_SERVER = """
    import asyncio, ssl, sys
    from pymodbus.server import ModbusTlsServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    port, ca, certificate, key = sys.argv[1:]

    async def main():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_verify_locations(ca)
        context.load_cert_chain(certificate, key)
        context.verify_mode = ssl.CERT_REQUIRED
        device = SimDevice(1, simdata=[SimData(0, values=[7, 8, 9] + 200 * [0], datatype=DataType.REGISTERS)])
        server = ModbusTlsServer(device, address=("127.0.0.1", int(port)), sslctx=context)
        await server.serve_forever(background=True)
        print("ready", flush=True)
        await asyncio.Event().wait()

    asyncio.run(main())
"""
TMODBUS_CLIENT = """
    import asyncio, ssl, sys
    from tmodbus import create_async_tcp_client

    port, ca, certificate, key = sys.argv[1:]

    async def main():
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
        context.load_cert_chain(certificate, key)
        client = create_async_tcp_client("127.0.0.1", int(port), unit_id=1, ssl=context)
        async with client:
            for _ in range(3):
                print(await client.read_holding_registers(0, 3))
            await client.write_single_register(100, 4711)
            print(False)

    asyncio.run(main())
"""
TMODBUS_SERVER = """
    import asyncio, ssl, sys
    from tmodbus import pdu
    from tmodbus.server import AsyncTcpServer, ModbusRequestRouter

    port, ca, certificate, key = sys.argv[1:]
    router = ModbusRequestRouter()
    values = [7, 8, 9] + 200 * [0]

    @router.register(pdu.ReadHoldingRegistersPDU, unit_id=1)
    async def read(unit, request):
        return values[request.start_address : request.start_address + request.quantity]

    async def main():
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_verify_locations(ca)
        context.load_cert_chain(certificate, key)
        context.verify_mode = ssl.CERT_REQUIRED
        server = AsyncTcpServer(host="127.0.0.1", port=int(port), handler=router, ssl_context=context)
        serving = asyncio.create_task(server.serve_forever())
        for _ in range(500):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", int(port))
                writer.close()
                break
            except OSError:
                await asyncio.sleep(0.01)
        print("ready", flush=True)
        await serving

    asyncio.run(main())
"""


def python_of(package: str) -> str:
    if package == "pymodbus":
        return sys.executable
    found = python_with(package, "cryptography")  # which its server wants for certificates of clients
    if found is None:  # it cannot be installed everywhere, so that it is not required anywhere
        pytest.skip(f"needs {package}, which needs Python 3.12: python3 dev robustness installs it")
    return found


def program(package: str, text: str, port: int, holder: Holder) -> list[str]:
    files = (str(holder.ca), str(holder.chain), str(holder.key))
    return [python_of(package), "-c", textwrap.dedent(text), str(port), *files]


CLIENTS = [("pymodbus", PYMODBUS_CLIENT), ("tmodbus", TMODBUS_CLIENT)]
SERVERS = [("pymodbus", PYMODBUS_SERVER), ("tmodbus", TMODBUS_SERVER)]


@pytest.mark.parametrize(("package", "text"), CLIENTS, ids=["pymodbus", "tmodbus"])
def test_clients_of_other_libraries_are_answered(package: str, text: str) -> None:
    with served() as port:
        command = program(package, text, port, plant()["client"])
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout.splitlines() == [*3 * ["[7, 1, 2]"], "False"], done.stderr
    assert DEVICE.holding_registers[100] == 4711


@pytest.mark.parametrize("kind", FRONTS)
@pytest.mark.parametrize(("package", "text"), SERVERS, ids=["pymodbus", "tmodbus"])
def test_servers_of_other_libraries_are_read(
    kind: str, package: str, text: str, free_port: Callable[[], int]
) -> None:
    port = free_port()
    process = subprocess.Popen(
        program(package, text, port, plant()["server"]),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        with connected(kind, f"tls://127.0.0.1:{port}", tls=plant()["client"].tls()) as client:
            assert [client.read("hr0..2") for _ in range(3)] == 3 * [[7, 8, 9]]
    finally:
        process.kill()
        process.communicate()
