"""One hostile input against one server: what came of it, in one word."""

from __future__ import annotations

import socket
import struct
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from robustness.hostile import PROBE, PROBE_ANSWER, READ, Hostile, Outcome, Pause, adu
from robustness.trial import RIGHT, WRONG, Verdict

OTHER, MUTE, DEAD = "other", "mute", "dead"
SERVER_CLASSES = (RIGHT, OTHER, MUTE, WRONG, DEAD)
"""From best to worst."""

_LINGER_NOT = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
_CONNECT = 3.0
_PROBE_PATIENCE = 1.0
_WATCHED = 4
_UNTOUCHED = (adu("03 0000 000A", 0x55AA), adu("01 0000 000A", 0x55AB))


class Attacker:
    """Attacks the server at *port* with one input after the other; says what is different afterwards."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._untouched = self._memory()

    def attack(self, hostile: Hostile) -> Verdict:
        """Send *hostile* and look at what comes, at the same connection, and at the server after that."""
        try:
            answers = self._with_many(hostile) if hostile.connections > 1 else [self._with_one(hostile)]
        except OSError as error:
            answers = [(b"", "refused", str(error))]
        try:
            memory = self._memory()
        except OSError as error:
            return Verdict(DEAD, f"serves no more: {error}")
        if memory != self._untouched and hostile.number != "H055":
            self._untouched = memory
            return Verdict(WRONG, "its memory has changed")
        self._untouched = memory
        worst = [_judged(hostile, *answer) for answer in answers]
        return max(worst, key=lambda verdict: SERVER_CLASSES.index(verdict.word))

    def _with_one(self, hostile: Hostile) -> tuple[bytes, str, str]:
        for _ in range(hostile.churn):
            with self._connected() as connection:
                connection.sendall(READ)
        with self._connected() as connection:
            return _exchange(connection, hostile)

    def _with_many(self, hostile: Hostile) -> list[tuple[bytes, str, str]]:
        """So many clients are connected at once, and each asks then."""
        opened: list[socket.socket] = []
        try:
            address = ("127.0.0.1", self._port)
            opened.extend(socket.create_connection(address, _CONNECT) for _ in range(hostile.connections))
            return [_exchange(connection, hostile) for connection in opened]
        finally:
            for connection in opened:
                connection.close()

    @contextmanager
    def _connected(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self._port), _CONNECT) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield connection

    def _memory(self) -> list[bytes]:
        """The first registers and coils, read over a connection of its own."""
        read = []
        with self._connected() as connection:
            for request in _UNTOUCHED:
                connection.sendall(request)
                answer, ended = _received(connection, 3.0, 9 + 2)
                if ended or not answer:
                    raise OSError("no answer to a read on a new connection")
                read.append(answer)
        return read


def _exchange(connection: socket.socket, hostile: Hostile) -> tuple[bytes, str, str]:
    """What came, what became of the connection (open, closed or mute), and a word about it."""
    with suppress(OSError):  # when the server has closed already, what it answered is read below
        _send(connection, hostile)
    if hostile.reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        return b"", "closed", ""
    if hostile.unread:
        return b"", "closed", ""
    longest = max(len(outcome.answer) for outcome in hostile.wanted)
    answer, ended = _received(connection, hostile.patience, longest)
    if ended or hostile.half_close:
        more, over = (b"", True) if ended else _received(connection, _PROBE_PATIENCE, 1)
        return answer + more, "closed" if over else "mute", ""
    with suppress(OSError):
        connection.sendall(PROBE)
    probed, ended = _received(connection, _PROBE_PATIENCE, len(PROBE_ANSWER))
    if probed.endswith(PROBE_ANSWER):
        return answer + probed.removesuffix(PROBE_ANSWER), "open", ""
    return answer + probed, "closed" if ended else "mute", ""


def _send(connection: socket.socket, hostile: Hostile) -> None:
    connection.settimeout(2.0)
    for piece in hostile.sends:
        if isinstance(piece, Pause):
            time.sleep(piece.seconds)
        else:
            connection.sendall(piece)
    if hostile.half_close:
        connection.shutdown(socket.SHUT_WR)


def _received(connection: socket.socket, patience: float, enough: int) -> tuple[bytes, bool]:
    """What comes until there is *enough*, the connection ends or *patience* is over; and whether it ended."""
    data, give_up_at = b"", time.monotonic() + patience
    while (left := give_up_at - time.monotonic()) > 0:
        connection.settimeout(left)
        try:
            more = connection.recv(65536)
        except TimeoutError:
            break
        except OSError:
            return data, True
        if not more:
            return data, True
        data += more
        if enough and len(data) >= enough:
            break
    return data, False


def _judged(hostile: Hostile, answer: bytes, then: str, word: str) -> Verdict:
    seen = f"{answer[:24].hex(' ') or 'no answer'}, {word or then}"
    if any(_fits(outcome, answer, then) for outcome in hostile.wanted):
        return Verdict(RIGHT, seen)
    return Verdict(MUTE if then == "mute" else OTHER, seen)


def _fits(outcome: Outcome, answer: bytes, then: str) -> bool:
    return answer == outcome.answer and (then == outcome.then or outcome.then == "either")
