"""What the server of a site consists of, as plain data: listeners, the map, what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mbap import __version__
from mbap.collect.concentratorcells import Otherwise
from mbap.collect.concentratormap import Entry
from mbap.protocol.pdu.identification import LONGEST_OBJECT, ObjectId

if TYPE_CHECKING:
    from mbap.server.limits import WhenFull
    from mbap.transport.tls import TLS


@dataclass(frozen=True, slots=True)
class ServerPlan:
    """Serving what was read.

    Attributes:
        listen: where clients come in.
        map_path: where the map is kept.
        entries: the map, with places for what is new.
        saved: how many of the entries, the first ones, are in the file already.
        otherwise: what is answered for a value that is stale or bad.
        refuse_holes: addresses without a point are answered with 02.
        stale: seconds; None: three periods of the point.
        writes: clients may write what the profile says is writable; it is read back when *verify*.
        allow: networks whose clients are served; None: all.
        when_full, connect_rate, keep: as in `Limits`; a rate of 0 is no limit.
        public: the whole internet may reach it.
        site: its name, which clients that ask who answers are told.
        tls: who the listeners by TLS are, and which clients they trust.
    """

    listen: tuple[str, ...]
    map_path: Path
    entries: tuple[Entry, ...]
    saved: int = 0
    otherwise: Otherwise = "exception"
    refuse_holes: bool = False
    stale: float | None = None
    writes: bool = False
    verify: bool = True
    allow: tuple[str, ...] | None = None
    max_clients: int | None = None
    when_full: WhenFull = "drop_idle"
    connect_rate: float | None = None
    keep: tuple[str, ...] = ()
    public: bool = False
    site: str = ""
    tls: TLS | None = None

    def identification(self) -> dict[int, bytes]:
        """Who answers, as objects of function code 43."""
        texts = {
            ObjectId.VENDOR_NAME: "mbap",
            ObjectId.PRODUCT_CODE: "mbap concentrator",
            ObjectId.MAJOR_MINOR_REVISION: __version__,
            ObjectId.PRODUCT_NAME: "Modbus data concentrator",
            ObjectId.USER_APPLICATION_NAME: self.site,
        }
        return {int(number): _object(text) for number, text in texts.items() if text}

    def by_unit(self) -> Mapping[int, list[Entry]]:
        """The entries of each unit, in order of the units."""
        found: dict[int, list[Entry]] = {}
        for entry in sorted(self.entries, key=lambda entry: entry.unit):
            found.setdefault(entry.unit, []).append(entry)
        return found


def _object(text: str) -> bytes:
    """*text* as far as it fits into one object, without half a character at its end."""
    return text.encode()[:LONGEST_OBJECT].decode(errors="ignore").encode()
