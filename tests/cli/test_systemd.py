"""mbap.cli.systemd: what a service manager hands over and hears."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from mbap.cli import systemd
from mbap.cli.systemd import Notifier, given_sockets

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs sockets with a path")


class Manager:
    """Hears what a service says."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(5)
        self.environment = {"NOTIFY_SOCKET": str(path)}

    def heard(self) -> list[str]:
        """The lines of the next message."""
        return self._socket.recv(4096).decode().splitlines()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Manager:
    return Manager(tmp_path / "notify")


def test_it_says_that_it_is_ready_with_a_sentence(manager: Manager) -> None:
    Notifier(manager.environment).ready("2 routes to 1 line")
    assert manager.heard() == ["READY=1", "STATUS=2 routes to 1 line"]
    manager.close()


def test_a_reload_names_its_time(manager: Manager) -> None:
    Notifier(manager.environment).reloading()
    first, second = manager.heard()
    assert first == "RELOADING=1"
    assert second.startswith("MONOTONIC_USEC=")
    manager.close()


def test_it_says_that_it_stops(manager: Manager) -> None:
    Notifier(manager.environment).stopping()
    assert manager.heard() == ["STOPPING=1"]
    manager.close()


def test_without_a_service_manager_nothing_is_said() -> None:
    assert Notifier({}).watchdog is None
    Notifier({}).ready("")  # there is nobody who could hear it, and nothing to raise


def test_a_service_manager_that_went_away_does_no_harm(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready("")


async def test_a_sign_of_life_comes_twice_as_often_as_it_is_wanted(manager: Manager) -> None:
    notifier = Notifier(manager.environment | {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(os.getpid())})
    assert notifier.watchdog == 0.02
    life = asyncio.create_task(notifier.keep_alive())
    await asyncio.sleep(0.03)
    assert manager.heard() == ["WATCHDOG=1"]
    assert manager.heard() == ["WATCHDOG=1"]
    life.cancel()
    manager.close()


@pytest.mark.parametrize("environment", [{}, {"WATCHDOG_USEC": "20000", "WATCHDOG_PID": "1"}])
async def test_without_a_wish_for_it_there_is_no_sign_of_life(environment: dict[str, str]) -> None:
    await Notifier(environment).keep_alive()


def test_sockets_that_were_opened_for_this_process_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number = os.dup(listening.fileno())
        monkeypatch.setattr(systemd, "FIRST_DESCRIPTOR", number)
        environment = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid()), "PATH": "/bin"}
        (found,) = given_sockets(environment)
        assert found.getsockname() == listening.getsockname()
        assert environment == {"PATH": "/bin"}
        found.close()


@pytest.mark.parametrize(
    "environment", [{}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}, {"LISTEN_PID": str(os.getpid())}]
)
def test_sockets_of_others_are_left_alone(environment: dict[str, str]) -> None:
    assert given_sockets(environment) == []
