"""Certificates that a running system needs: said in the log before they end, and counted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mbap.security.expiry import ExpiryWatch, Severity

_log = logging.getLogger("mbap.certificates")

LOOK_EVERY: Final = 3600.0
"""Seconds between two looks: files are replaced by hand, and a day is the unit."""
_LEVELS: Final[dict[Severity, int]] = {
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
}


def today() -> datetime:
    """The machine's time."""
    return datetime.now(UTC)


class Expiring:
    """Looks at *paths* at once and then every hour.

    Args:
        paths: PEM files with certificates or revocation lists.
        clock: the time, with a zone.
        tell: gets each warning as well, with how bad it is.

    Attributes:
        problems: sentences about what ends within a week, has ended, or cannot be read.
    """

    def __init__(
        self,
        paths: Iterable[Path],
        clock: Callable[[], datetime] = today,
        tell: Callable[[str, Severity], None] | None = None,
    ) -> None:
        self._tell = tell
        self._watch = ExpiryWatch(paths, clock)
        self.problems: list[str] = []

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(LOOK_EVERY)

    def look(self) -> None:
        """Look now, and log what was not said yet."""
        for one in self._watch.look():
            _log.log(_LEVELS[one.severity], one.sentence)
            if self._tell is not None:
                self._tell(one.sentence, one.severity)
        self.problems = [one.sentence for one in self._watch.urgent]

    def as_prometheus(self) -> str:
        """The days that each file is still good for, in the text format that Prometheus reads."""
        return "".join(f"{line}\n" for line in self._lines())

    def _lines(self) -> Iterator[str]:
        yield "# HELP mbap_certificate_days_left Days until a certificate or list in the file ends."
        yield "# TYPE mbap_certificate_days_left gauge"
        for path, days in self._watch.days_left().items():
            name = str(path).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
            yield f'mbap_certificate_days_left{{file="{name}"}} {days:.3f}'
