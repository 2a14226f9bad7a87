"""The sessions of one endpoint: a new one for each connection, with what the ones before have taught."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from mbap.client.leeway import EchoedFraming, Leeway, OverlongFraming
from mbap.client.options import LinkOptions
from mbap.client.window import Window
from mbap.protocol.client import NOTHING_OWED, ClientSession
from mbap.protocol.framing import Framing
from mbap.transport.endpoint import Endpoint

if TYPE_CHECKING:
    from mbap.protocol.absence import Absence


class Sessions:
    """Makes the session of each connection to *endpoint*.

    Attributes:
        window: how many requests the device stands at once.
        leeway: its quirks at work.
    """

    __slots__ = ("_byte_time", "_echo", "_endpoint", "_options", "_owed", "leeway", "window")

    def __init__(self, endpoint: Endpoint, options: LinkOptions) -> None:
        self.window = Window(options.outstanding, endpoint.url)
        self.leeway = Leeway(options.quirks, endpoint.url, options.quirks_by_unit)
        self._endpoint = endpoint
        self._options = options
        line = endpoint.line
        self._echo: bool | None = options.quirks.echo or (line.echo if line else None)
        self._byte_time = line.character * (2 if endpoint.scheme == "ascii" else 1) if line else None
        self._owed: Mapping[int, Absence] = NOTHING_OWED

    def new(self) -> ClientSession:
        """A session for a new connection."""
        leniency = self.leeway if self.leeway.forgives else None
        # A gateway may mix up the answers of two connections: they should not have the same numbers.
        last_number = int.from_bytes(os.urandom(2), "big") & 0x7FFF
        if self._byte_time is not None:
            from mbap.protocol.lineclient import LineSession

            return LineSession(
                self._framing(),
                byte_time=self._byte_time,
                leniency=leniency,
                quarantine=self._options.quarantine,
                last_number=last_number,
                owed=self._owed,
            )
        return ClientSession(
            self._framing(),
            outstanding=self.window.size,
            leniency=leniency,
            quarantine=self._options.quarantine,
            last_number=last_number,
        )

    def ended(self, session: ClientSession) -> None:
        """The connection of *session* is over: keep what it has found out."""
        self._owed = session.owed
        if getattr(session.framing, "echoes", 0):
            self._echo = True

    def _framing(self) -> Framing:
        quirks = self._options.quirks
        if (quirks.exception_length or quirks.long_length) and self._endpoint.scheme == "tcp":
            return OverlongFraming(self.leeway)
        framing = self._endpoint.framing(echo=self._echo)
        return EchoedFraming(framing, self.leeway) if quirks.echo else framing
