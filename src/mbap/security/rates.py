"""How often something may be asked: rates with bursts, as buckets of tokens."""

from __future__ import annotations

import re
from typing import Final, Literal

from mbap.records import Record

_SECONDS: Final = {"s": 1.0, "min": 60.0, "h": 3_600.0}
_RATE: Final = re.compile(r"(\d+)\s*/\s*(s|min|h)", re.ASCII)
MOST: Final = 1_000_000
"""That may come in the time of a rate, or at once."""
_DIGITS: Final = 20
_SHOWN: Final = 40

Per = Literal["unit", "client", "rule"]
"""What has a bucket of its own: each client's use of each unit, each client, or all use of the rule."""
PER: Final[tuple[Per, ...]] = ("unit", "client", "rule")


class Rate(Record):
    """So many in a time; *burst* of them may come at once.

    Attributes:
        amount: how many.
        every: in how many seconds.
    """

    amount: int
    every: float
    burst: int

    @property
    def per_second(self) -> float:
        """Tokens that come back in a second."""
        return self.amount / self.every

    def __str__(self) -> str:
        unit = next(unit for unit, seconds in _SECONDS.items() if seconds == self.every)
        return f"{self.amount}/{unit}"


class Limits(Record):
    """The rates of a rule.

    Attributes:
        requests: of all that the rule lets through; None: no limit.
        writes: of the writes among them.
        per: who shares them.
    """

    requests: Rate | None = None
    writes: Rate | None = None
    per: Per = "unit"


NO_LIMITS: Final = Limits()


def parse_rate(text: str, burst: int | None = None) -> Rate:
    """The rate in `50/s`, `6/min`, `100/h`; without *burst* that many may come at once.

    Raises:
        ValueError: it is none, is 0, or is more than `MOST`.
    """
    found = _RATE.fullmatch(text.strip())
    if found is None or not found[1].strip("0"):
        raise ValueError(f'"{text}" is no rate: write 50/s, 6/min or 100/h')
    if len(found[1]) > _DIGITS or int(found[1]) > MOST:
        raise ValueError(f'"{text[:_SHOWN]}" is more than {MOST:,}: without a rate there is no limit')
    return Rate(int(found[1]), _SECONDS[found[2]], burst or int(found[1]))
