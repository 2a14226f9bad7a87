"""`mbap poll -v`: the bytes of every frame on the console, as they go and as they came."""

from __future__ import annotations

import click

from mbap.client.line import Line
from mbap.transport.opening import Wire


class ShownWire:
    """A way to a device whose bytes are shown: what is sent at once, what came when `tell` is called.

    Attributes:
        read_only: as of the way inside: nothing that writes may be sent.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self.read_only = bool(getattr(wire, "read_only", False))
        self._came = b""

    def send(self, data: bytes, /) -> int:
        """As a socket does it."""
        sent = self._wire.send(data)
        click.echo("".join(f"[{byte:02X}]" for byte in data[:sent]))
        click.echo("Waiting for a confirmation...")
        return sent

    def recv(self, size: int, /) -> bytes:
        """As a socket does it."""
        data = self._wire.recv(size)
        self._came += data
        return data

    def tell(self) -> None:
        """Show what came since the last time, on one line however it was cut."""
        if self._came:
            click.echo("".join(f"<{byte:02X}>" for byte in self._came))
        self._came = b""

    def settimeout(self, seconds: float | None, /) -> None:
        """As a socket does it."""
        self._wire.settimeout(seconds)

    def shutdown(self, how: int, /) -> None:
        """As a socket does it."""
        self._wire.shutdown(how)

    def close(self) -> None:
        """As a socket does it."""
        self._wire.close()


class ShownLine(Line):
    """A client's way to its device that shows every frame."""

    _wire: ShownWire | None = None

    def dial(self, timeout: float) -> Wire:
        """As any line, with what shows its bytes around it."""
        self._wire = ShownWire(super().dial(timeout))
        return self._wire

    def tell(self) -> None:
        """Show what came of the answer to the last request."""
        if self._wire is not None:
            self._wire.tell()
