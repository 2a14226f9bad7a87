"""What one read gave: a device's values with their time and quality, as columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

Value = bool | int | float | str

_EXCEPTION_BASE = 100


class Quality(int):
    """GOOD, or BAD with a reason. An int, so that a store keeps it in one byte.

    STALE is not here: whoever shows a value computes it from the value's age.
    """

    GOOD: ClassVar[Quality]
    CLOCK: ClassVar[Quality]
    TIMEOUT: ClassVar[Quality]
    CONNECTION: ClassVar[Quality]
    PROTOCOL: ClassVar[Quality]
    SENTINEL: ClassVar[Quality]
    LIMITS: ClassVar[Quality]

    @classmethod
    def exception(cls, code: int) -> Quality:
        """BAD because the device answered with exception *code*."""
        return cls(_EXCEPTION_BASE + code)

    @property
    def good(self) -> bool:
        """True when the value can be used (CLOCK: the value is good, its time was uncertain)."""
        return self <= 1

    @property
    def reason(self) -> str:
        """In words: `good`, `timeout`, `exception 2`, ..."""
        if self >= _EXCEPTION_BASE:
            return f"exception {self - _EXCEPTION_BASE}"
        return _REASONS.get(int(self), f"unknown {int(self)}")

    def __repr__(self) -> str:
        return f"<Quality {self.reason}>"


_REASONS = {
    0: "good",
    1: "good, clock uncertain",
    2: "timeout",
    3: "connection",
    4: "protocol",
    5: "sentinel",
    6: "limits",
}

Quality.GOOD = Quality(0)
Quality.CLOCK = Quality(1)
Quality.TIMEOUT = Quality(2)
Quality.CONNECTION = Quality(3)
Quality.PROTOCOL = Quality(4)
Quality.SENTINEL = Quality(5)
Quality.LIMITS = Quality(6)


@dataclass(frozen=True, slots=True)
class Readings:
    """The values of one read, or the failure of one: as many values as points.

    Attributes:
        device: the device's name in the site.
        time: UTC, microseconds since 1970: when the answer's last byte was here.
        points: the points' names; one tuple shared by all readings of a block.
        values: in the order of *points*; None wherever the quality is BAD.
        qualities: in the order of *points*; None means that all are GOOD.
    """

    device: str
    time: int
    points: tuple[str, ...]
    values: Sequence[Value | None]
    qualities: Sequence[Quality] | None = None

    def quality(self, index: int) -> Quality:
        """The quality of the value at *index*."""
        return Quality.GOOD if self.qualities is None else self.qualities[index]
