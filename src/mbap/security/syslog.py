"""Sends events to a syslog server over UDP, TCP or TLS; a thread of its own connects, again and again."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections import deque
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from mbap.records import Record
from mbap.security.events import Detail, Event
from mbap.security.metrics import GAUGE, Metric
from mbap.security.syslogtext import LONGEST, LONGEST_DATAGRAM, Sender, counted, message

PORTS: Final = {"udp": 514, "tcp": 601, "tls": 6_514}
MOST_WAITING: Final = 10_000
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 30.0
PATIENCE: Final = 5.0


class SyslogTarget(NamedTuple):
    """Where a syslog server is: `udp`, `tcp` or `tls`, host and port."""

    scheme: str
    host: str
    port: int


def parse_syslog(url: str) -> SyslogTarget:
    """The target that *url* is: `udp://log.plant`, `tcp://10.0.0.3:601`, `tls://log.plant:6514`.

    Raises:
        ValueError: it is none; the sentence shows how to write one.
    """
    examples = "udp://log.plant, tcp://10.0.0.3:601 or tls://log.plant:6514"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{url} is not a syslog server ({error}): write it like {examples}") from None
    if parts.scheme not in PORTS or not parts.hostname or parts.path or parts.query or parts.username:
        raise ValueError(f"{url} is not a syslog server: write it like {examples}")
    return SyslogTarget(parts.scheme, parts.hostname, port or PORTS[parts.scheme])


class SyslogOptions(Record):
    """How to send.

    Attributes:
        sender: what messages say of who sends; without a host the machine's name is taken.
        waiting: so many messages wait for the connection at most; the oldest of more are lost, and counted.
        first_pause, longest_pause: seconds between attempts to connect; doubled after each in vain.
    """

    sender: Sender = Sender()
    waiting: int = MOST_WAITING
    first_pause: float = FIRST_PAUSE
    longest_pause: float = LONGEST_PAUSE


class Syslog:
    """An `EventSink` that sends to the syslog server at *url*.

    TCP and TLS count octets (RFC 6587, RFC 5425). What is sent just before a server dies may be lost, which
    no sender of syslog can tell; the trail in the file has it.

    Args:
        context: for `tls`; without it the certificate is checked against the system's.

    Attributes:
        policy_hash: said with each event.

    Raises:
        ValueError: *url* is not one of a syslog server.
    """

    def __init__(
        self, url: str, options: SyslogOptions | None = None, *, context: ssl.SSLContext | None = None
    ) -> None:
        self.target = parse_syslog(url)
        self._options = options or SyslogOptions()
        self._context = context
        self.policy_hash = ""
        sender = self._options.sender
        self._sender = Sender(
            sender.host or socket.gethostname(),
            sender.process or os.getpid(),
            sender.facility,
            sender.enterprise,
        )
        self._longest = LONGEST_DATAGRAM if self.target.scheme == "udp" else LONGEST
        self._changed = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._closing = False
        self._socket: socket.socket | None = None
        self._sent = self._lost = self._connects = self._failures = self._said_lost = 0
        self._why = ""
        self._thread = threading.Thread(target=self._run, name="syslog", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Take *event*; never waits for the network, and never raises."""
        text = message(event, self._sender, self.policy_hash, self._longest)
        with self._changed:
            self._take(text)
            self._changed.notify_all()

    @property
    def connected(self) -> bool:
        """Whether the last message went out."""
        return self._socket is not None

    @property
    def why_not(self) -> str:
        """Why it is not connected, in a sentence; empty where it is, or was not tried yet."""
        return self._why

    def close(self, timeout: float = 2.0) -> None:
        """Send what waits, for at most *timeout* seconds, and end."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting or self._socket is None, timeout)
            self._closing = True
            self._changed.notify_all()
        self._thread.join(PATIENCE)

    def metrics(self) -> dict[str, Metric]:
        """What it has counted."""
        return {
            "syslog_sent": Metric(self._sent, "Messages sent to the syslog server."),
            "syslog_lost": Metric(self._lost, "Messages lost because too many waited."),
            "syslog_connects": Metric(self._connects, "Connections to the syslog server."),
            "syslog_failures": Metric(self._failures, "Attempts to connect or send in vain."),
            "syslog_waiting": Metric(len(self._waiting), "Messages that wait.", GAUGE),
            "syslog_connected": Metric(int(self.connected), "1 while there is a connection.", GAUGE),
        }

    def _take(self, text: bytes) -> None:
        if len(self._waiting) >= self._options.waiting:
            self._waiting.popleft()
            self._lost += 1
        self._waiting.append(text)

    # --- the thread ---

    def _run(self) -> None:
        pause = self._options.first_pause
        while (text := self._next()) is not None:
            try:
                self._send(text)
                pause = self._options.first_pause
            except OSError as error:
                self._fail(error, text)
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, pause)
                pause = min(2 * pause, self._options.longest_pause)
        self._disconnect()

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if self._closing and (not self._waiting or self._socket is None):
                return None
            return self._waiting.popleft()

    def _send(self, text: bytes) -> None:
        connection = self._socket or self._connect()
        if self.target.scheme == "udp":
            connection.send(text)
        else:
            _check_open(connection)
            connection.sendall(counted(text))
        self._why = ""
        with self._changed:
            self._sent += 1
            self._tell_lost()
            self._changed.notify_all()

    def _tell_lost(self) -> None:
        lost = self._lost - self._said_lost
        if lost:
            self._said_lost = self._lost
            reason = f"{lost} messages to this server were lost: too many waited"
            details: dict[str, Detail] = {"reason": reason, "lost": lost, "severity": "high"}
            event = Event("audit", time.time_ns() // 1_000, None, details)
            self._waiting.appendleft(message(event, self._sender, self.policy_hash, self._longest))

    def _connect(self) -> socket.socket:
        scheme, host, port = self.target
        if scheme == "udp":
            family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            connection = socket.socket(family, kind, protocol)
            connection.connect(address)
        else:
            connection = socket.create_connection((host, port), timeout=PATIENCE)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if scheme == "tls":
                connection = _secured(connection, host, self._context)
        self._connects += 1
        self._socket = connection
        return connection

    def _fail(self, error: OSError, text: bytes) -> None:
        self._disconnect()
        scheme, host, port = self.target
        self._why = f"the syslog server {scheme}://{host}:{port} does not take messages: {error}"
        with self._changed:
            self._failures += 1
            if len(self._waiting) < self._options.waiting:
                self._waiting.appendleft(text)
            else:
                self._lost += 1
            self._changed.notify_all()

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _secured(connection: socket.socket, host: str, context: ssl.SSLContext | None) -> socket.socket:
    try:
        return (context or ssl.create_default_context()).wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


def _check_open(connection: socket.socket) -> None:
    """A server that has closed says so, to whoever looks: what is sent then would be lost."""
    connection.settimeout(0.0)
    try:
        if not connection.recv(4_096):
            raise ConnectionResetError("the server closed the connection")
    except (BlockingIOError, ssl.SSLWantReadError):
        pass  # it says nothing, as it should
    finally:
        connection.settimeout(PATIENCE)
