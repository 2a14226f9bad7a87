"""What speaks for reading registers as one kind: points with a reason each, their sum is the score.

A point is about a bit: how much shorter the registers can be said when they are what the kind expects, than
when they are anything. So kinds of different widths can be compared, and points be added.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from mbap.diagnose.probemovement import IMPOSSIBLE, movement, unchanged
from mbap.diagnose.probeword import (
    EXPONENT_BITS,
    MANTISSA_BITS,
    Kind,
    Part,
    as_float,
    float_pattern,
    number,
    position,
)

EMPTY_WORD: Final = 15.5
SENTINEL_COST: Final = 6.0
STEP_COST: Final = 4.0
USUAL_SIZE: Final = {1: 12.5, 2: 27.0, 4: 34.0}
"""Up to how many bits long the whole numbers of devices usually are, by registers."""
UNUSUAL: Final = 1.0
"""What each further bit costs, beside itself."""
ZERO_COST: Final = {1: 1.5, 2: 2.0, 4: 2.0}
"""What 0 costs beside: what stands still at 0 in a map is mostly no value."""
NEGATIVE_COST: Final = 4.0
POSITIVE_COST: Final = 1.0
"""The sign of a signed number: few values are negative."""
FLOAT_ZERO_COST: Final = 6.0
MOST_DIGITS: Final = {1: 4, 2: 6, 4: 9}
ALIKE_COST: Final = 5.0
ALIKE_MOST: Final = 8.0
"""What it is worth at most that a value is about its neighbour's, as those of three phases are."""


def evidence(kind: Kind, patterns: Sequence[int]) -> list[Part]:
    """What the *patterns*, one of each sample, say for and against *kind*."""
    parts = [Part(kind.prior, f"{kind.name} is rare in devices")] if kind.prior else []
    match kind.name:
        case "empty":
            return [*parts, _empty(patterns), *unchanged(kind, patterns, 0.0)]
        case "text":
            return [*parts, _text(patterns), *unchanged(kind, patterns)]
        case "bits":
            return [*parts, *_bits(kind, patterns)]
    real = [pattern for pattern in patterns if not is_sentinel(kind, pattern)]
    absent = len(patterns) - len(real)
    if absent:
        said = f"{_first_sentinel(kind, patterns):0{kind.bits // 4}X} is what {kind.type} has for no value"
        parts.append(Part(absent * (kind.bits - SENTINEL_COST), said))
    if not real:
        return parts
    return [*parts, *first_seen(kind, real[0]), *movement(kind, real)]


def _first_sentinel(kind: Kind, patterns: Sequence[int]) -> int:
    return next(pattern for pattern in patterns if is_sentinel(kind, pattern))


def is_sentinel(kind: Kind, pattern: int) -> bool:
    """Whether devices use *pattern* for "no value" in this kind."""
    bits, family = kind.bits, kind.type.rstrip("0123456789")
    if family == "uint" or family == "bcd":
        return pattern == (1 << bits) - 1
    if family == "int":
        return pattern in (1 << bits - 1, (1 << bits - 1) - 1)
    infinity = (1 << EXPONENT_BITS[kind.width]) - 1 << MANTISSA_BITS[kind.width]
    quiet = infinity | 1 << MANTISSA_BITS[kind.width] - 1
    top = 1 << bits - 1
    return pattern in (quiet, quiet | top, infinity, infinity | top, top - 1, 2 * top - 1)


def first_seen(kind: Kind, pattern: int) -> list[Part]:
    """What one sample says."""
    if kind.type.startswith("float"):
        return _float(kind, pattern)
    value = number(kind, pattern)
    if value is None:
        return [Part(IMPOSSIBLE, "a digit is above 9")]
    return [_whole(kind, int(value), pattern)]


def _whole(kind: Kind, value: int, pattern: int) -> Part:
    points = kind.bits - whole_cost(kind, value)
    return Part(points, _whole_reason(kind, value, points))


def whole_cost(kind: Kind, value: int) -> float:
    """The bits that say *value*: how long it is, its digits, and its sign."""
    usual = USUAL_SIZE[kind.width]
    size = math.log2(abs(value) + 1)
    cost = math.log2(usual) - 1 + size + max(size - usual, 0) * UNUSUAL
    if kind.type.startswith("int"):
        cost += NEGATIVE_COST if value < 0 else POSITIVE_COST
    return cost + (ZERO_COST[kind.width] if value == 0 else 0.0)


def alike(kind: Kind, before: int, pattern: int) -> float:
    """What it is worth that *pattern* follows *before*, one of its kind: much when they are about equal."""
    first, second = position(kind, before), position(kind, pattern)
    if first is None or second is None or not first or not second:
        return 0.0
    is_float = kind.type.startswith("float")
    alone = MANTISSA_BITS[kind.width] + 5.0 if is_float else whole_cost(kind, second)
    return min(max(alone - ALIKE_COST - math.log2(2 * abs(second - first) + 1), 0.0), ALIKE_MOST)


def _whole_reason(kind: Kind, value: int, points: float) -> str:
    if points < 0:
        return f"{value} is large for {kind.type}"
    if kind.type.startswith("bcd"):
        return "every hex digit is a decimal one"
    if kind.width > 1 and value < 0 and abs(value) < 1 << kind.bits // 2:
        return "its high half only carries the sign"
    if kind.width > 1 and abs(value) < 1 << kind.bits // 2:
        return "its high half is 0"
    return f"{value} is of a usual size"


def _float(kind: Kind, pattern: int) -> list[Part]:
    value = as_float(pattern, kind.width)
    if value == 0:
        zero = kind.bits - FLOAT_ZERO_COST if pattern == 0 else kind.bits - FLOAT_ZERO_COST - 3
        return [Part(zero, "0 is 0.0")]
    size = abs(value)
    exponent = _exponent_cost(size)
    magnitude = EXPONENT_BITS[kind.width] - exponent + (0.5 if value > 0 else -0.5)
    word = (
        "is a usual magnitude"
        if exponent < 8
        else "is a possible magnitude"
        if exponent < 20
        else "is no measurement"
    )
    said = f"{value:.4g} {word}"
    if exponent >= 20:
        return [Part(magnitude, said)]
    short = MANTISSA_BITS[kind.width] - _mantissa_cost(kind, pattern, value)
    return [Part(magnitude, said)] + ([Part(short, f"{value:.6g} is a round number")] if short > 0 else [])


def _exponent_cost(size: float) -> float:
    if not math.isfinite(size):
        return 30.0
    if 0.01 <= size < 1e5:
        return 5.0
    if 1e-4 <= size < 1e9:
        return 7.5
    return 20.0 if size >= 1e-7 and size < 1e12 else 30.0


def _mantissa_cost(kind: Kind, pattern: int, value: float) -> float:
    """Bits for the digits: few binary or few decimal ones are cheap."""
    every = MANTISSA_BITS[kind.width]
    mantissa = pattern & (1 << every) - 1
    used = every - ((mantissa & -mantissa).bit_length() - 1) if mantissa else 0
    digits = next((d for d in range(1, MOST_DIGITS[kind.width] + 1) if _same(kind, pattern, value, d)), None)
    costs = [float(every), used + 6.0] + ([] if digits is None else [digits * 3.33 + 5.0])
    return min(costs)


def _same(kind: Kind, pattern: int, value: float, digits: int) -> bool:
    return float_pattern(float(f"{value:.{digits}g}"), kind.width) == pattern


def _empty(patterns: Sequence[int]) -> Part:
    if any(patterns):
        return Part(IMPOSSIBLE, "it is not 0")
    return Part(EMPTY_WORD, "it is always 0")


def _text(patterns: Sequence[int]) -> Part:
    if len(set(patterns)) > 1:
        return Part(-8.0, "text does not change")
    first, second = divmod(patterns[0], 256)
    if second and not first:
        return Part(-8.0, "a letter follows the end of the text")
    costs = [_letter_cost(byte) for byte in (first, second)]
    points = 16.0 - sum(costs)
    return Part(points, "its bytes are letters and digits" if points > 0 else "its bytes are no text")


def _letter_cost(byte: int) -> float:
    character = chr(byte)
    if byte in (0, 32):
        return 2.5
    if character.isascii() and character.isalnum():
        return 5.5
    return 6.5 if character in ".-_/:+#()" else 9.0 if 32 < byte < 127 else 30.0


def _bits(kind: Kind, patterns: Sequence[int]) -> list[Part]:
    """Few bits set, and few of them changing: a register of flags."""
    ever = math.comb(16, patterns[0].bit_count())
    points = 16.0 - math.log2(ever) - 4.0 - max(patterns[0].bit_count() - 4, 0)
    parts = [Part(points, "few bits are set" if points > 4 else "its bits look like any")]
    steps = [(before ^ after).bit_count() for before, after in pairwise(patterns)]
    if not any(steps):
        return [*parts, *unchanged(kind, patterns)]
    changed = sum(16.0 - math.log2(math.comb(16, step)) - STEP_COST - step for step in steps)
    return [*parts, Part(changed, "single bits change" if max(steps) <= 2 else "many bits change")]
