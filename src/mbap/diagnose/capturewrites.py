"""Every write in a capture: by whom, where, from which value to which."""

from __future__ import annotations

from dataclasses import dataclass

from mbap.addresses import Table
from mbap.diagnose.capture import Captured
from mbap.diagnose.seen import Seen, device
from mbap.diagnose.wording import writes


@dataclass(slots=True)
class Write:
    """One write; a plain object that can change, which is made in a third of the time.

    Attributes:
        old: what was there before, as far as reads and writes have shown it; None where they have not.
        new: what was to be written; None where that depends on an old value that nobody knows.
        table: None for a write that is not into a table: of a file, or one that is malformed.
    """

    exchange: Captured
    table: Table | None
    address: int
    old: tuple[int | None, ...]
    new: tuple[int, ...] | None

    @property
    def done(self) -> bool:
        """Whether the device said that it is done."""
        return self.exchange.response is not None and self.exchange.exception is None

    @property
    def changes(self) -> bool | None:
        """Whether it changes anything; None where the old values are not all known."""
        if self.new is None or None in self.old:
            return None
        return self.old != self.new


class Writes:
    """Finds the writes among exchanges; what the others read is remembered for the old values."""

    def __init__(self) -> None:
        self.seen = Seen()

    def take(self, exchange: Captured) -> Write | None:
        """*exchange* as a write; None where it is none."""
        if writes(exchange):
            return self._write(exchange)
        self.seen.take(exchange)
        return None

    def _write(self, exchange: Captured) -> Write:
        again = self.seen.wrote_again(exchange)
        if again is not None:
            return Write(exchange, *again)
        spans = () if exchange.request is None else exchange.request.spans()
        span = next((one for one in spans if one[3]), None)
        if span is None:
            return Write(exchange, None, 0, (), None)
        table, address, count, _ = span
        values = self.seen.after(exchange)
        new = None if values is None else tuple(map(int, values.values))
        old = tuple(self.seen.get(device(exchange), table, address, count))
        self.seen.wrote(exchange, values)
        return Write(exchange, table, address, old, new)
