"""Durations as people write them, "500ms" or "1h30m" <-> seconds."""

from __future__ import annotations

import math
import re

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}
_EXAMPLES = "500ms, 3s, 1.5s, 5m, 2h, 1h30m, 400d, 4w"
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*", re.ASCII)
_WHOLE = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)


def parse_duration(text: str) -> float:
    """The seconds in *text*: numbers with a unit each, ms, s, m (minutes), h, d or w.

    Raises:
        ValueError: there is no unit, or it is not a duration; the sentence shows how to write one.
    """
    plain = text.strip()
    if not _WHOLE.fullmatch(plain):
        raise ValueError(_complaint(text, plain))
    return math.fsum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(plain))


def _complaint(text: str, plain: str) -> str:
    if re.fullmatch(r"\d+(\.\d+)?", plain, re.ASCII):
        return f"{text!r} has no unit of time: write {plain}s, or {plain}ms, {plain}m, {plain}h, {plain}d"
    return f"{text!r} is not a duration: write it like {_EXAMPLES}"


def format_duration(seconds: float) -> str:
    """*seconds* in the shortest exact form that `parse_duration` reads, to the millisecond.

    Raises:
        ValueError: *seconds* is negative or not finite.
    """
    if not (math.isfinite(seconds) and seconds >= 0):
        raise ValueError(f"a duration is not negative and not endless, unlike {seconds}")
    left = round(seconds * 1_000)
    if left % 1_000 and left < 60_000:
        return f"{left}ms" if left < 1_000 else f"{left / 1_000:g}s"
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)):
        whole, left = divmod(left, size)
        if whole:
            parts.append(f"{whole}{unit}")
    return "".join(parts) or "0s"
