"""Certificates and revocation lists that end soon: said once at 60, 30 and 7 days, and at their end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from mbap.records import Record

Severity = Literal["info", "warning", "error", "critical"]

THRESHOLDS: Final[tuple[tuple[int, Severity], ...]] = ((7, "error"), (30, "warning"), (60, "info"))
"""Days that are left, and how bad that is; the first that fits. What ended is critical."""
_DAY: Final = timedelta(days=1)


class Ending(Record):
    """Something that ends: what it is, for people, and when."""

    what: str
    end: datetime


class Warned(Record):
    """One warning: of which file, how bad, and a sentence."""

    path: Path
    severity: Severity
    sentence: str


def expiry_warning(not_after: datetime, now: datetime) -> tuple[Severity, str] | None:
    """How bad it is that something ends at *not_after*, and a sentence without its subject; None while more
    than 60 days are left."""
    severity = _severity(not_after, now)
    if severity is None:
        return None
    if severity == "critical":
        return severity, f"expired on {_date(not_after)}: renew it now, nobody accepts it any more"
    days = (not_after - now) // _DAY
    left = "in less than a day" if days < 1 else "in 1 day" if days == 1 else f"in {days} days"
    return severity, f"expires {left}, on {_date(not_after)}: renew it"


def endings(path: Path) -> list[Ending]:
    """What ends in the PEM file *path*: each certificate and each revocation list.

    Raises:
        ValueError: there is none, or one is damaged.
        OSError: the file cannot be read.
    """
    from mbap.security.facts import certificate_facts, crl_facts
    from mbap.security.pemfiles import blocks, bytes_of, parse_certificates, read_crl

    data = bytes_of(path)
    labels = {label for label, _ in blocks(data)}
    found = []
    if "X509 CRL" in labels:
        crl = crl_facts(read_crl(path))
        if crl.next_update is not None:
            found.append(Ending(f"the revocation list of {crl.issuer}", crl.next_update))
    if "CERTIFICATE" in labels or "X509 CRL" not in labels:
        facts = map(certificate_facts, parse_certificates(data, path))
        found += [Ending(f"the certificate of {one.asked.name}", one.not_after) for one in facts]
    return found


class ExpiryWatch:
    """Looks at files again and again, and says once for each threshold what ends soon.

    A file that cannot be read is said once, too, and again after it could be.

    Args:
        paths: PEM files with certificates or revocation lists.
        clock: the time, with a zone.

    Attributes:
        urgent: what the last look found to end within a week, to have ended, or not to be readable.
    """

    def __init__(self, paths: Iterable[Path], clock: Callable[[], datetime]) -> None:
        self._paths = tuple(dict.fromkeys(paths))
        self._clock = clock
        self._said: dict[tuple[Path, str], tuple[datetime | None, Severity | None]] = {}
        self._left: dict[Path, float] = {}
        self.urgent: list[Warned] = []

    def look(self) -> list[Warned]:
        """What is to be said now, and was not yet; reads every file."""
        now = self._clock()
        self._left, self.urgent = {}, []
        return [one for path in self._paths for one in self._look_at(path, now)]

    def days_left(self) -> dict[Path, float]:
        """For metrics: days that each file is still good for, as of the last look; below 0 when it is over.
        A file that could not be read is left out."""
        return dict(self._left)

    def _look_at(self, path: Path, now: datetime) -> list[Warned]:
        try:
            found = endings(path)
        except (ValueError, OSError) as wrong:
            unknown = Warned(path, "error", f"the end of {path} is not known: {wrong}")
            self.urgent.append(unknown)
            return [unknown] if self._is_new(path, "", None, "error") else []
        self._said.pop((path, ""), None)
        if found:
            self._left[path] = min((one.end - now) / _DAY for one in found)
        return [warned for one in found if (warned := self._warning(path, one, now))]

    def _warning(self, path: Path, one: Ending, now: datetime) -> Warned | None:
        found = expiry_warning(one.end, now)
        new = self._is_new(path, one.what, one.end, found[0] if found else None)
        if found is None:
            return None
        severity, sentence = found
        warned = Warned(path, severity, f"{one.what} in {path} {sentence}")
        if severity in ("error", "critical"):
            self.urgent.append(warned)
        return warned if new else None

    def _is_new(self, path: Path, what: str, end: datetime | None, severity: Severity | None) -> bool:
        """Whether that was not said yet; a renewed certificate begins anew, a clock put back does not."""
        before = self._said.get((path, what))
        if before is not None and before[0] == end and _rank(severity) <= _rank(before[1]):
            return False
        self._said[path, what] = (end, severity)
        return True


def _severity(end: datetime, now: datetime) -> Severity | None:
    if end < now:
        return "critical"
    return next((how for days, how in THRESHOLDS if end - now <= days * _DAY), None)


def _rank(severity: Severity | None) -> int:
    order: tuple[Severity | None, ...] = (None, "info", "warning", "error", "critical")
    return order.index(severity)


def _date(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d}"
