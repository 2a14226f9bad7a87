"""All that watches, in one: gets exchanges and connections, tells alerts, keeps what it learned."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from mbap.protocol.exchanges import Exchange
from mbap.records import Record
from mbap.security.alertfiles import ALERTS, LEARNED, AlertFolder, Wish
from mbap.security.alerts import Alert, Alerts
from mbap.security.anomaly import Anomaly, AnomalyOptions
from mbap.security.connections import Connections, Expected
from mbap.security.events import Detail, Event, EventSink
from mbap.security.metrics import GAUGE, Metric
from mbap.security.saver import Saver
from mbap.server.handler import Peer

SAVE_EVERY: Final = 60.0
LOOK_EVERY: Final = 2.0
SAVE_ALERTS_EVERY: Final = 5.0


class WatchOptions(Record):
    """What to watch, and how.

    Attributes:
        anomaly: None: no learning of what is usual.
        expected: None: connections are not watched.
    """

    anomaly: AnomalyOptions | None = AnomalyOptions()
    expected: Expected | None = Expected()


class Watch:
    """The observer of a firewall, a gateway or a server: `saw`, `arrived`, `left`, and `tick` once a second.

    Args:
        folder: where alerts and what was learned are kept; None: nowhere.
        record: gets each new alert as an event.

    Attributes:
        alerts: those that there are.

    Raises:
        OSError: *folder* cannot be made, or another process uses it.
        ValueError: what was learned there is of another version, or damaged.
    """

    def __init__(
        self,
        folder: Path | None = None,
        options: WatchOptions | None = None,
        record: EventSink | None = None,
        *,
        now: Callable[[], int] = lambda: time.time_ns() // 1_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        options = options or WatchOptions()
        self._record, self._now, self._clock = record, now, clock
        self.alerts = Alerts(self._tell)
        self._anomaly = None if options.anomaly is None else Anomaly(self.alerts, options.anomaly, clock)
        self._connections = (
            None
            if options.expected is None
            else Connections(self.alerts, options.expected, now=now, clock=clock)
        )
        self._seeing = [one.saw for one in self._learners if one.looks_at_requests]
        self._folder = None if folder is None else AlertFolder(folder, for_writing=True)
        self._saver: Saver | None = None
        self._unsaved = True
        self._saved = self._saved_alerts = self._looked = clock()
        if self._folder is not None:
            try:
                self._restore(self._folder)
            except BaseException:
                self._folder.close()
                raise
            self._saver = Saver(self._folder.write)

    # --- what it is told ---

    def saw(self, exchange: Exchange) -> None:
        """A request was carried out, or not, and answered."""
        for see in self._seeing:
            see(exchange)

    def arrived(self, peer: Peer) -> None:
        """A connection was made."""
        if self._connections is not None:
            self._connections.arrived(peer)

    def left(self, peer: Peer) -> None:
        """It has ended."""
        if self._connections is not None:
            self._connections.left(peer)

    def tick(self) -> None:
        """Look after everything that has its time: to be called about once a second."""
        now = self._clock()
        if self._connections is not None:
            self._connections.tick()
        if self._folder is None:
            return
        if now - self._looked >= LOOK_EVERY:
            self._looked = now
            self._fulfil(self._folder)
        if now - self._saved_alerts >= SAVE_ALERTS_EVERY:
            self._save_alerts()
        if now - self._saved >= SAVE_EVERY:
            self.save()

    def save(self) -> None:
        """Have what was learned and the alerts written; what the disk does not take is tried again."""
        self._saved = self._clock()
        if self._saver is None:
            return
        if self.learning or self._unsaved or self._saver.failed(LEARNED):
            self._unsaved = self.learning
            self._saver.save(LEARNED, self._learned())
        self._save_alerts()

    def flush(self) -> None:
        """Wait until what is to be saved is on the disk, or was tried."""
        if self._saver is not None:
            self._saver.flush()

    def close(self) -> None:
        """Keep everything, and let others have the folder."""
        if self._folder is not None and self._saver is not None:
            self._fulfil(self._folder)
            self._unsaved = True
            self.save()
            self._saver.close()
            self._folder.close()

    @property
    def learning(self) -> bool:
        """Whether something is still learned."""
        return any(one.learning for one in self._learners)

    @property
    def _learners(self) -> list[Anomaly | Connections]:
        return [one for one in (self._anomaly, self._connections) if one is not None]

    def metrics(self) -> dict[str, Metric]:
        """What all of them have counted."""
        found = {**self.alerts.metrics()}
        for one in self._learners:
            found |= one.metrics()
        failures = 0 if self._saver is None else self._saver.failures
        found["watch_learning"] = Metric(int(self.learning), "1 while something is still learned.", GAUGE)
        found["watch_save_failures"] = Metric(failures, "Attempts in vain to keep what was learned.")
        return found

    # --- files ---

    def _restore(self, folder: AlertFolder) -> None:
        learned: dict[str, Any] = folder.learned()
        if self._anomaly is not None and "anomaly" in learned:
            self._anomaly.restore(learned["anomaly"])
        if self._connections is not None and "connections" in learned:
            self._connections.restore(learned["connections"])
        self.alerts.restore(folder.alerts())

    def _learned(self) -> dict[str, object]:
        learned: dict[str, object] = {}
        if self._anomaly is not None:
            learned["anomaly"] = self._anomaly.as_json()
        if self._connections is not None:
            learned["connections"] = self._connections.as_json()
        return learned

    def _save_alerts(self) -> None:
        assert self._saver is not None
        self._saved_alerts = self._clock()
        if self.alerts.changed or self._saver.failed(ALERTS):
            self.alerts.changed = False
            self._saver.save(ALERTS, {"alerts": [one.as_json() for one in self.alerts.items()]})

    def _fulfil(self, folder: AlertFolder) -> None:
        for wish in folder.take_wishes():
            self._grant(wish)

    def _grant(self, wish: Wish) -> None:
        self._unsaved = True
        if wish.learn_for:
            for one in self._learners:
                one.learn_again(wish.learn_for)
            self._note("learning again", {"seconds": wish.learn_for, "by": wish.by})
            return
        alert = self.alerts.accept(wish.key)
        if alert is None:
            return
        for fact in alert.facts:
            for one in self._learners:
                one.learn(fact)
        self._note("alert accepted", {"key": alert.key, "by": wish.by})

    # --- the trail ---

    def _tell(self, alert: Alert) -> None:
        details: dict[str, Detail] = {
            "reason": alert.text,
            "key": alert.key,
            "severity": alert.severity,
            "alert": alert.kind,
            "learned": alert.learned,
            "seen": alert.seen,
        }
        self._send(Event("alert", alert.first, None, details))

    def _note(self, reason: str, details: dict[str, Detail]) -> None:
        self._send(Event("configuration", self._now(), None, {"reason": reason, **details}))

    def _send(self, event: Event) -> None:
        if self._record is not None:
            self._record(event)
