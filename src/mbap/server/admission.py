"""How many connections a simulated device takes, and what it does with one more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

WhenFull = Literal["refuse", "drop", "mute"]
WHEN_FULL: tuple[WhenFull, ...] = get_args(WhenFull)


@dataclass(frozen=True, slots=True)
class Admission:
    """A limit of connections.

    Attributes:
        most: so many are served.
        when_full: what becomes of one more: `refuse` closes it, `drop` closes the oldest instead, `mute`
            leaves it open and never answers on it.
    """

    most: int
    when_full: WhenFull = "refuse"


@dataclass(frozen=True, slots=True)
class Preset:
    """What is usual for a kind of device: between *fewest* and *most* connections."""

    fewest: int = 1
    most: int = 1000
    when_full: WhenFull = "refuse"


PRESETS: Mapping[str, Preset] = {
    "meter": Preset(1, 2, "refuse"),
    "plc": Preset(4, 8, "refuse"),
    "industrial-plc": Preset(8, 16, "drop"),
    "gateway": Preset(4, 32, "drop"),
}
"""The kinds of devices, by the name that a device file gives them."""
