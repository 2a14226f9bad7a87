"""Times as people write them on the command line <-> UTC microseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mbap.durations import parse_duration

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
FIRST = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
LAST = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
_EXAMPLES = "2025-06-01, 2025-06-01T14:30, 2025-06-01T14:30:00+02:00, 24h (ago), now"


def parse_time(text: str, now: int) -> int:
    """The UTC microseconds that *text* means: ISO 8601, `now`, or a duration before *now* such as `24h`.

    Without a zone it is UTC, like everything that is printed.

    Raises:
        ValueError: it is none of these; the sentence shows how to write one.
    """
    plain = text.strip()
    if plain == "now":
        return now
    try:
        return _microseconds(datetime.fromisoformat(plain))
    except ValueError:
        pass
    try:
        return now - int(parse_duration(plain.removeprefix("-")) * 1e6)
    except ValueError:
        raise ValueError(f"{text!r} is not a time: write it like {_EXAMPLES}") from None


def format_time(time: int) -> str:
    """*time* in UTC as ISO 8601, to the microsecond where it has any: `2025-06-01T12:30:00.250000Z`."""
    return moment(time).replace(tzinfo=None).isoformat() + "Z"


def moment(time: int) -> datetime:
    """*time* in UTC; what a hostile file says is beyond all years is the first or the last moment of them."""
    return _EPOCH + timedelta(microseconds=min(max(time, FIRST), LAST))


def _microseconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND
