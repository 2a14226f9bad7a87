"""Plans of reads, made once for all devices that share a profile and its periods."""

from __future__ import annotations

from collections.abc import Sequence

from mbap.collect.device import PolledDevice
from mbap.collect.layout import Layout
from mbap.collect.plan import Block, plan
from mbap.collect.registermap import Point, Profile

MOST = 10_000
"""So many plans are kept; then all are dropped, to be made again when asked for."""


class Plans:
    """Makes plans and keeps them.

    Attributes:
        dropped: how often the kept plans were dropped because there were too many.
    """

    def __init__(self) -> None:
        self.dropped = 0
        self._plans: dict[tuple[int, tuple[str, ...]], tuple[Block, ...]] = {}
        self._profiles: dict[int, Profile] = {}

    def layouts(self, device: PolledDevice) -> list[tuple[float, Layout]]:
        """What to read of *device* at which period; groups with the same period are read together."""
        by_period: dict[float, list[Point]] = {}
        for point in device.profile.points:
            by_period.setdefault(device.period(point.group), []).append(point)
        return [(period, self._layout(device.profile, points)) for period, points in by_period.items()]

    def _layout(self, profile: Profile, points: Sequence[Point]) -> Layout:
        def split(block: Block) -> Sequence[Block]:
            half = len(block.points) // 2
            return (*self._plan(profile, block.points[:half]), *self._plan(profile, block.points[half:]))

        return Layout(self._plan(profile, points), split)

    def _plan(self, profile: Profile, points: Sequence[Point]) -> tuple[Block, ...]:
        key = id(profile), tuple(point.name for point in points)
        if key not in self._plans:
            if len(self._plans) >= MOST:
                self._plans.clear()
                self._profiles.clear()
                self.dropped += 1
            self._profiles[id(profile)] = profile
            self._plans[key] = tuple(plan(profile, points))
        return self._plans[key]
