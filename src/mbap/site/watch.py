"""Which devices stopped giving values and which give them again: a sentence a change, never a flood.

Pure: it is told the time and the troubles, and gives sentences.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mbap.collect.device import PolledDevice
from mbap.collect.readings import Quality
from mbap.durations import format_duration

MOST_SAID = 4
QUIET = 60.0
"""Of one device, no more than so many sentences in so many seconds."""
SPELLED_OUT = 5
"""So many devices get a sentence each; when more change at once, they share one."""
UNSTEADY = 4
"""So many changes while nothing was said are worth a sentence of their own."""

_REASONS = {
    Quality.TIMEOUT: "does not answer",
    Quality.CONNECTION: "cannot be reached",
    Quality.PROTOCOL: "answers with what does not fit",
}


class Said(NamedTuple):
    """A sentence for the log, and whether it is a bad one."""

    bad: bool
    text: str


@dataclass(slots=True)
class _Seen:
    """One device: what it is in, since when, and what was said of it."""

    trouble: Quality | None = None
    went: float = 0.0
    came: float = 0.0
    said_bad: bool = False
    said_at: tuple[float, ...] = ()
    changes: int = 0

    @property
    def bad(self) -> bool:
        return self.trouble is not None

    def note(self, trouble: Quality | None, now: float) -> None:
        if trouble is not None and not self.bad:
            self.went, self.changes = now, self.changes + 1
        elif trouble is None and self.bad:
            self.came, self.changes = now, self.changes + 1
        self.trouble = trouble

    def what_to_say(self, now: float) -> Said | None:
        """A sentence without its subject; None when there is nothing new, or when it is too soon."""
        too_much = len(self.said_at) == MOST_SAID and now - self.said_at[0] < QUIET
        if too_much or not self.changes:
            return None
        changes, self.changes = self.changes, 0
        if self.bad == self.said_bad and changes < UNSTEADY:
            return None
        self.said_at = (*self.said_at, now)[-MOST_SAID:]
        self.said_bad = self.bad
        often = f"comes and goes ({changes} changes since the last word about it): it now "
        return Said(self.bad, (often if changes >= UNSTEADY else "") + self._state())

    def _state(self) -> str:
        if self.trouble is not None:
            return _REASONS.get(self.trouble) or f"gives no values: {self.trouble.reason}"
        return f"gives values again, after {format_duration(round(self.came - self.went))}"


class Watch:
    """Notices changes from one look to the next."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def look(
        self, devices: Iterable[PolledDevice], troubles: Mapping[str, Quality | None], now: float
    ) -> list[Said]:
        """What there is to say about *devices*, whose *troubles* are of *now*, in seconds that never jump.

        When more than `SPELLED_OUT` change alike, they share a sentence. Of a device that comes and goes no
        more than `MOST_SAID` sentences are said in `QUIET` seconds, the next one with what was passed over.
        """
        known = {device.name: device for device in devices}
        self._seen = {name: self._seen.get(name) or _Seen() for name in known}
        found: dict[bool, list[tuple[PolledDevice, str]]] = {True: [], False: []}
        for name, seen in self._seen.items():
            seen.note(troubles.get(name), now)
            if (said := seen.what_to_say(now)) is not None:
                found[said.bad].append((known[name], said.text))
        return [Said(bad, text) for bad, changes in found.items() for text in _sentences(changes, bad)]


def _sentences(changes: Sequence[tuple[PolledDevice, str]], bad: bool) -> list[str]:
    if len(changes) <= SPELLED_OUT:
        return [f"{device.name} ({device.connection} unit {device.unit}) {text}" for device, text in changes]
    names = ", ".join(device.name for device, _ in changes[:SPELLED_OUT])
    what = "give no values" if bad else "give values again"
    first, text = changes[0]
    more = len(changes) - SPELLED_OUT
    return [f"{len(changes)} devices {what}: {names} and {more} more; {first.name} {text}"]
