"""What a service manager hands over and wants to hear: open sockets, "ready", a sign of life."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Mapping, MutableMapping
from contextlib import suppress

FIRST_DESCRIPTOR = 3


def given_sockets(environment: MutableMapping[str, str] = os.environ) -> list[socket.socket]:
    """The sockets that systemd has opened for this process (LISTEN_FDS); none without it."""
    mine = environment.get("LISTEN_PID") == str(os.getpid())
    count = environment.get("LISTEN_FDS", "")
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        environment.pop(name, None)  # not for programs that this one starts
    if not mine or not count.isdigit():
        return []
    found = [
        socket.socket(fileno=number) for number in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + int(count))
    ]
    for one in found:
        os.set_inheritable(one.fileno(), False)
    return found


class Notifier:
    """Tells the service manager how the service is doing; without one it does nothing."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        microseconds = environment.get("WATCHDOG_USEC", "")
        mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog = int(microseconds) / 1e6 if mine and microseconds.isdigit() else None
        """Seconds within which it wants a sign of life; None: it does not."""

    def tell(self, *lines: str) -> None:
        """Send *lines*, `READY=1` for instance; what cannot be sent is left out."""
        if not self._address or not hasattr(socket, "AF_UNIX"):
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto("\n".join(lines).encode(), address)

    def ready(self, status: str) -> None:
        """The service is up."""
        self.tell("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """It reads its configuration anew; `ready` ends that."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """It ends."""
        self.tell("STOPPING=1")

    async def keep_alive(self) -> None:
        """Give a sign of life as often as it is wanted, as long as the event loop turns."""
        while self.watchdog is not None:
            self.tell("WATCHDOG=1")
            await asyncio.sleep(self.watchdog / 2)
