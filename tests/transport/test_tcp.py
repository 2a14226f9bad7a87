"""mbap.transport.tcp."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Iterator

import pytest

from mbap.errors import ConnectFailed
from mbap.transport import tcp
from mbap.transport.endpoint import Endpoint, parse_endpoint
from support.peers import free_port

PLC = Endpoint("tcp", "plc", 502)


@pytest.fixture
def listening() -> Iterator[Endpoint]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield Endpoint("tcp", "127.0.0.1", server.getsockname()[1])


def option(connection: socket.socket, name: str, level: int = socket.IPPROTO_TCP) -> int:
    return connection.getsockopt(level, getattr(socket, name))


def connect(how: str, endpoint: Endpoint, timeout: float = 5) -> socket.socket:
    if how == "blocking":
        return tcp.connect(endpoint, timeout)
    return asyncio.run(tcp.open_connection(endpoint, timeout))


def test_a_connection_sends_at_once_and_notices_a_peer_that_vanished(listening: Endpoint) -> None:
    with tcp.connect(listening, 5) as connection:
        assert option(connection, "TCP_NODELAY")
        assert option(connection, "SO_KEEPALIVE", socket.SOL_SOCKET)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert option(connection, "TCP_USER_TIMEOUT") == 1000 * tcp.USER_TIMEOUT
        if hasattr(socket, "TCP_KEEPIDLE"):
            assert option(connection, "TCP_KEEPIDLE") == tcp.IDLE


async def test_the_asynchronous_connection_is_the_same_and_does_not_block(listening: Endpoint) -> None:
    with await tcp.open_connection(listening, 5) as connection:
        assert option(connection, "TCP_NODELAY")
        assert connection.gettimeout() == 0


async def test_dialling_hands_the_connection_to_the_protocol(listening: Endpoint) -> None:
    made = asyncio.get_running_loop().create_future()

    class Watcher(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.set_result(transport)

    await tcp.dial(Watcher, listening, 5)
    (await made).close()
    await asyncio.sleep(0)


def test_a_name_with_two_addresses_is_tried_at_both(
    monkeypatch: pytest.MonkeyPatch, listening: Endpoint
) -> None:
    def resolve(host: str, port: int, **options: int) -> list[object]:
        if options.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "not a number")
        dead = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", free_port()))
        return [dead, (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    tcp.connect(Endpoint("tcp", "plc", listening.port), 5).close()


@pytest.mark.parametrize("how", ["blocking", "async"])
def test_a_closed_port_is_refused_in_plain_words(how: str) -> None:
    endpoint = parse_endpoint(f"127.0.0.1:{free_port()}")
    with pytest.raises(ConnectFailed, match="the connection was refused; the host is there"):
        connect(how, endpoint)


@pytest.mark.parametrize("how", ["blocking", "async"])
def test_an_unknown_name_is_said_with_the_name(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_args: object, **_options: object) -> list[object]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(ConnectFailed, match="the name 'plc' is not known; check the spelling"):
        connect(how, PLC)


@pytest.mark.parametrize("how", ["blocking", "async"])
def test_who_does_not_answer_is_waited_for_no_longer_than_the_timeout(how: str) -> None:
    with socket.socket() as full:  # a listener whose queue is full drops what comes more
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        endpoint = Endpoint("tcp", "127.0.0.1", full.getsockname()[1])
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        with pytest.raises(ConnectFailed, match=r"no answer to the attempt to connect within 0\.2 s"):
            connect(how, endpoint, 0.2)
        for one in waiting:
            one.close()


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (OSError(errno.EHOSTUNREACH, "x"), "there is no way to the host"),
        (OSError(errno.ENETUNREACH, "x"), "there is no way to this network"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "reset while it was made"),
        (PermissionError(errno.EACCES, "x"), "does not permit"),
        (OSError(errno.EMFILE, "x"), "too many files open"),
        (TimeoutError(), "no answer to the attempt to connect within 3 s"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "no name server answers"),
        (OSError(9999, "something rare"), "something rare"),
    ],
)
def test_errors_of_connecting_are_said_in_plain_words(problem: OSError, words: str) -> None:
    assert words in str(tcp.connect_failed(PLC, problem, 3))


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (ConnectionResetError(errno.ECONNRESET, "x"), "the device reset the connection"),
        (BrokenPipeError(errno.EPIPE, "x"), "the device had closed the connection"),
        (TimeoutError(errno.ETIMEDOUT, "x"), "the connection is dead"),
        (OSError(errno.EHOSTUNREACH, "x"), "no way to the host any more"),
        (OSError(9999, "something rare"), "something rare"),
    ],
)
def test_errors_of_an_open_connection_are_said_in_plain_words(problem: OSError, words: str) -> None:
    assert words in str(tcp.connection_lost(problem))
