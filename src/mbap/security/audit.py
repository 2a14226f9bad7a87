"""The audit trail: takes events from anywhere at once, and a thread of its own brings them to the disk."""

from __future__ import annotations

import errno
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from mbap.records import Record
from mbap.security.auditfile import AuditFile, Keeping
from mbap.security.auditrecord import fields
from mbap.security.events import Detail, Event, EventSink
from mbap.security.flood import Flood
from mbap.security.metrics import GAUGE, Metric

WITHIN: Final = 1.0
"""Seconds within which every event is on the disk."""
MOST_WAITING: Final = 20_000
MARK_EVERY: Final = 3_600.0
NEARLY_FULL: Final = 0.8
_BATCH: Final = 500
_AT_ONCE: Final = frozenset({"deny", "alert", "auth_fail", "policy_load", "configuration", "maintenance"})

_DISK_FAULTS: Final = frozenset(
    {errno.ENOSPC, errno.EIO, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}
)
_WRITING: Final = frozenset({5, 6, 15, 16, 21, 22, 23})

OnFull = Literal["open", "closed"]


class AuditOptions(Record):
    """How a trail is kept.

    Attributes:
        keeping: how large, how long, how many files.
        on_full: what becomes of requests while nothing can be written: `open` lets them pass, with an alarm,
            `closed` wants them refused; see `AuditLog.healthy`.
        key: a secret; without it nobody can make a chain that holds. Empty: whoever may write the file can.
        flood: so many lines of one sort a minute; 0: all of them.
        waiting: so many events wait for the disk at most; more are lost, and counted.
    """

    keeping: Keeping = Keeping()
    on_full: OnFull = "open"
    key: bytes = b""
    flood: int = 60
    waiting: int = MOST_WAITING


class AuditLog:
    """An `EventSink` that writes chained JSON lines to *path*; see docs/reference/audit-log.md.

    A denied request, a write and whatever concerns the protection itself are on the disk as soon as the disk
    allows, everything else within a second.

    Args:
        announce: is told, on another way, when the trail fails or recovers, and every hour where it stands.
        now, clock: UTC microseconds, and seconds that never jump.

    Attributes:
        policy_hash: of the policy in force; written with every event that does not name another.

    Raises:
        OSError: the file cannot be written, or another process writes it; a full disk is no reason where
            *options* let requests pass then.
    """

    def __init__(
        self,
        path: Path,
        options: AuditOptions | None = None,
        *,
        announce: EventSink | None = None,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._options = path, options or AuditOptions()
        self._announce, self._now, self._clock = announce, now, clock
        self.policy_hash = ""
        self._flood = Flood(self._options.flood, clock)
        self._changed = threading.Condition()
        self._waiting: deque[Event] = deque()
        self._urgent = self._closing = self._failing = self._nearly_full = False
        self._taken = self._finished = 0
        self._written = self._lost = self._failures = self._lost_before = 0
        self._failing_since = 0
        self._marked = clock()
        self._file: AuditFile | None = None
        self._begin()
        self._thread = threading.Thread(target=self._run, name="audit trail", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Take *event*; never waits for the disk, and never raises."""
        with self._changed:
            if self._flood.admits(event):
                self._take(event)

    @property
    def healthy(self) -> bool:
        """Whether requests may pass, as far as the trail is concerned."""
        return self._options.on_full == "open" or not (self._failing or self._is_full())

    @property
    def failing(self) -> bool:
        """Whether what was written last did not reach the disk."""
        return self._failing

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until all that was taken is on the disk; False when that was not within *timeout* seconds."""
        with self._changed:
            until, self._urgent = self._taken, True
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._finished >= until, timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Write what waits, and end."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout)

    def metrics(self) -> dict[str, Metric]:
        """What it has counted."""
        size = 0 if self._file is None else self._file.total
        return {
            "audit_lines": Metric(self._written, "Lines of the audit trail that are on the disk."),
            "audit_lost": Metric(self._lost, "Events that were lost because the disk did not take them."),
            "audit_suppressed": Metric(
                self._flood.suppressed, "Events counted in one line instead of written."
            ),
            "audit_failures": Metric(self._failures, "Attempts to write the audit trail in vain."),
            "audit_waiting": Metric(len(self._waiting), "Events that wait for the disk.", GAUGE),
            "audit_bytes": Metric(size, "Bytes of all files of the audit trail.", GAUGE),
            "audit_failing": Metric(int(self._failing), "1 while the audit trail cannot be written.", GAUGE),
        }

    # --- called by anybody, with the lock ---

    def _is_full(self) -> bool:
        return len(self._waiting) >= self._options.waiting

    def _take(self, event: Event) -> None:
        if self._is_full():
            self._lost += 1
            return
        self._waiting.append(event)
        self._taken += 1
        if not self._urgent and _is_urgent(event):
            self._urgent = True
            self._changed.notify_all()

    # --- the thread ---

    def _run(self) -> None:
        while self._turn():
            pass
        if self._file is not None:
            self._file.close()

    def _turn(self) -> bool:
        with self._changed:
            self._changed.wait_for(self._awake, WITHIN)
            closing = self._closing
            for event in self._flood.due(all_of_them=closing):
                self._take(event)
            self._urgent = False
            batch = [self._waiting.popleft() for _ in range(min(_BATCH, len(self._waiting)))]
        stored = self._store(batch)
        with self._changed:
            if stored:
                self._finished += len(batch)
            else:
                self._waiting.extendleft(reversed(batch))
            self._urgent |= stored and bool(self._waiting)
            self._changed.notify_all()
            return not closing or (stored and bool(self._waiting))

    def _awake(self) -> bool:
        """While the disk does not take anything, asking it once a second is enough."""
        return self._closing or (self._urgent and not self._failing)

    def _store(self, batch: list[Event]) -> bool:
        try:
            file = self._file = self._file or self._opened()
            file.append([fields(event, self.policy_hash) for event in batch])
        except OSError as error:
            self._fail(error)
            return False
        self._written += len(batch)
        try:
            if self._failing:
                self._recover(file)
            file.sync()
        except OSError as error:
            self._fail(error)  # the lines are in the file, and synchronising it is tried again
        else:
            self._look_after(file)
        return True

    def _begin(self) -> None:
        try:
            self._file = self._opened()
        except OSError as error:
            if error.errno not in _DISK_FAULTS or self._options.on_full == "closed":
                raise OSError(
                    f"the audit trail {self._path} cannot be written: {error.strerror or error}"
                ) from error
            self._fail(error)

    def _opened(self) -> AuditFile:
        return AuditFile(self._path, self._options.keeping, self._options.key, self._now)

    def _fail(self, error: OSError) -> None:
        self._failures += 1
        if self._failing:
            return
        self._failing, self._failing_since, self._lost_before = True, self._now(), self._lost
        outcome = (
            "requests pass without a trail" if self._options.on_full == "open" else "requests are refused"
        )
        reason = f"the audit trail {self._path} cannot be written: {error.strerror or error}; {outcome}"
        self._tell("alert", reason, {"severity": "high"})

    def _recover(self, file: AuditFile) -> None:
        lost = self._lost - self._lost_before
        seconds = round((self._now() - self._failing_since) / 1e6, 3)
        details: dict[str, Detail] = {"lost": lost, "seconds": seconds}
        file.sync()
        file.note("written again", details)
        self._failing = False
        self._tell(
            "audit", f"the audit trail {self._path} is written again; {lost} events were lost", details
        )

    def _look_after(self, file: AuditFile) -> None:
        """Say once when its room is nearly used, and every hour where the chain stands."""
        if not self._nearly_full and file.total > NEARLY_FULL * self._options.keeping.bytes:
            self._nearly_full = True
            room = f"{self._options.keeping.bytes:,} bytes in {self._options.keeping.files} files"
            text = (
                f"the audit trail {self._path} has used 80 % of its room, {room}: its oldest file goes next"
            )
            event = Event("alert", self._now(), None, {"reason": text, "severity": "low"})
            self(event)
            self._pass_on(event)
        if self._clock() - self._marked >= MARK_EVERY:
            self._marked = self._clock()
            place = file.last
            self._tell("audit", "mark", {"line": place.number, "digest": place.digest})

    def _tell(self, kind: str, reason: str, details: dict[str, Detail]) -> None:
        self._pass_on(Event(kind, self._now(), None, {"reason": reason, **details}))

    def _pass_on(self, event: Event) -> None:
        if self._announce is not None:
            self._announce(event)


def _is_urgent(event: Event) -> bool:
    return event.kind in _AT_ONCE or event.details.get("func") in _WRITING


def tee(*sinks: EventSink) -> EventSink:
    """One sink that gives every event to all *sinks*."""

    def all_of_them(event: Event) -> None:
        for sink in sinks:
            sink(event)

    return all_of_them
