"""The blocking client over a long way: a socket and a clock by script, so that nobody waits."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mbap import Client, ReadHoldingRegisters, ResponseTimeout
from mbap.client import blocking, exchange, line
from mbap.protocol.pdu import Request
from mbap.protocol.server import ServerSession
from mbap.protocol.wire import Registers
from mbap.transport import opening
from mbap.transport.endpoint import Endpoint

READ = ReadHoldingRegisters(0, 2)


class FarAway:
    """A clock, and a device whose answers come *delay* seconds after what was asked; None is never.

    Attributes:
        now: the time. asked: when requests came. dials: how many connections were made.
    """

    def __init__(self, connect_time: float = 0.6) -> None:
        self.now = 1000.0
        self.delay: float | None = 0.6
        self.asked: list[float] = []
        self.dials = 0
        self._connect_time = connect_time

    def monotonic(self) -> float:
        return self.now

    def connect(self, endpoint: Endpoint, timeout: float, *, user_timeout: float, tls: None) -> FarWire:
        self.dials += 1
        self.now += self._connect_time
        return FarWire(self)


class FarWire:
    """One connection to it: waiting moves the clock."""

    def __init__(self, device: FarAway) -> None:
        self._device = device
        self._session = ServerSession()
        self._coming: deque[tuple[float, bytes]] = deque()
        self._patience: float | None = None

    def settimeout(self, seconds: float | None, /) -> None:
        self._patience = seconds

    def send(self, data: bytes, /) -> int:
        for indication in self._session.receive_data(data):
            self._device.asked.append(self._device.now)
            if self._device.delay is not None:
                answer = self._session.pack_response(indication, _answer(indication.request))
                self._coming.append((self._device.now + self._device.delay, answer))
        return len(data)

    def recv(self, size: int, /) -> bytes:
        until = self._device.now + (self._patience or 0.0)
        if self._coming and self._coming[0][0] <= until:
            at, data = self._coming.popleft()
            self._device.now = max(self._device.now, at)
            return data
        self._device.now = until
        raise TimeoutError if self._patience else BlockingIOError

    def shutdown(self, how: int, /) -> None:
        pass

    def close(self) -> None:
        pass


def _answer(request: Any) -> Registers:
    assert isinstance(request, Request)
    return Registers.of(range(request.address, request.address + request.count))  # type: ignore[attr-defined]


class Pause:
    """Instead of the event that a closing client sets: to wait for it moves the clock."""

    def __init__(self, device: FarAway) -> None:
        self._device = device

    def is_set(self) -> bool:
        return False

    def set(self) -> None:
        pass

    def wait(self, seconds: float) -> bool:
        self._device.now += seconds
        return False


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> FarAway:
    far = FarAway()
    for module in (blocking, exchange, line):
        monkeypatch.setattr(module, "time", far)
    monkeypatch.setattr(opening, "connect", far.connect)
    return far


@pytest.fixture
def connect(device: FarAway) -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def connect(**options: Any) -> Client:
        client = Client("tcp://plc", **options)
        client._line._closing = Pause(device)  # type: ignore[assignment]
        clients.append(client)
        return client

    yield connect
    for client in clients:
        client.close()


def test_over_a_satellite_an_answer_after_30_s_is_waited_for(
    device: FarAway, connect: Callable[..., Client]
) -> None:
    device.delay = 30.6
    assert connect(link="satellite").execute(READ) == [0, 1]
    assert device.now == pytest.approx(1031.2, abs=0.01)


def test_over_a_satellite_requests_side_by_side_make_600_ms_fast(
    device: FarAway, connect: Callable[..., Client]
) -> None:
    plc = connect(link="satellite", outstanding=16)
    assert plc.execute_many([READ] * 64) == [[0, 1]] * 64
    assert device.now - 1000 == pytest.approx(0.6 + 4 * 0.6, abs=0.05)


def test_over_a_satellite_a_late_answer_is_not_the_next_ones(
    device: FarAway, connect: Callable[..., Client]
) -> None:
    plc, device.delay = connect(link="satellite"), 41
    with pytest.raises(ResponseTimeout, match="no answer within 40 s"):
        plc.execute(READ)
    device.delay = 0.6
    assert plc.execute(ReadHoldingRegisters(7, 2)) == [7, 8]
    assert device.dials == 1


def test_over_a_lan_the_same_device_is_given_up_after_3_s(
    device: FarAway, connect: Callable[..., Client]
) -> None:
    plc, device.delay = connect(), 30.6
    with pytest.raises(ResponseTimeout, match="no answer within 3 s"):
        plc.execute(READ)
    assert device.now == pytest.approx(1003.6, abs=0.01)


def test_a_read_is_repeated_after_1_2_and_4_seconds_more_or_less(
    device: FarAway, connect: Callable[..., Client]
) -> None:
    plc, device.delay = connect(timeout=0.5, retries=4), None
    with pytest.raises(ResponseTimeout):
        plc.execute(READ)
    gaps = [b - a - 0.5 for a, b in itertools.pairwise(device.asked)]
    assert len(gaps) == 4
    for gap, pause in zip(gaps, (1, 2, 4, 4), strict=True):
        assert 0.7 * pause <= gap <= 1.3 * pause + 0.7  # after three silences it connects anew


def test_the_deadline_bounds_connecting_attempts_and_pauses(
    device: FarAway, connect: Callable[..., Client]
) -> None:
    plc, device.delay = connect(timeout=2, retries=50), None
    with pytest.raises(ResponseTimeout):
        plc.execute(READ, deadline=20)
    assert device.now <= 1020.01
