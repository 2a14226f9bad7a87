"""How busy each line of a site will be, predicted from its plan; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from mbap.collect.device import PolledDevice
from mbap.collect.plan import Block, plan
from mbap.collect.registermap import Profile
from mbap.site.plan import LinkPlan, SitePlan

TYPICAL_ANSWER = 0.020
"""Seconds a device on a local network takes to answer; behind a serial gateway two to five times that."""
TOO_BUSY = 0.7


@dataclass(frozen=True, slots=True)
class LineLoad:
    """What one connection will have to carry.

    Attributes:
        busy: the share of its time that a connection is waiting for answers of 20 ms; above 0.7 there is no
            room for slow answers, above 1 reads are left out.
    """

    url: str
    devices: int
    requests_per_second: float
    values_per_second: float
    bits_per_second: float
    busy: float

    @property
    def warning(self) -> str:
        """What should be changed; empty when nothing need be."""
        if self.busy <= TOO_BUSY:
            return ""
        return (
            f"{self.url} would be busy {self.busy:.0%} of the time with answers of 20 ms: "
            "read slower (groups), or over more slots, or larger blocks (gap in the profile)"
        )

    def as_row(self) -> tuple[str, ...]:
        """The cells of a table."""
        return (
            self.url,
            str(self.devices),
            f"{self.requests_per_second:.1f}",
            f"{self.values_per_second:.0f}",
            f"{self.bits_per_second / 1000:.1f}",
            f"{self.busy:.0%}",
        )

    def as_json(self) -> dict[str, object]:
        """The same with names."""
        return asdict(self) | {"warning": self.warning}


def load_of_lines(site: SitePlan) -> list[LineLoad]:
    """The load of every connection of *site*, the busiest first."""
    devices: dict[str, list[PolledDevice]] = {url: [] for url in site.links}
    for device in site.devices:
        devices[device.connection].append(device)
    loads = [_load(link, devices[url]) for url, link in site.links.items()]
    return sorted(loads, key=lambda load: load.busy, reverse=True)


def _load(link: LinkPlan, devices: Sequence[PolledDevice]) -> LineLoad:
    rates = [
        (block, 1 / device.period(group)) for device in devices for group, block in blocks_of(device.profile)
    ]
    requests = sum(rate for _, rate in rates)
    return LineLoad(
        url=link.url,
        devices=len(devices),
        requests_per_second=requests,
        values_per_second=sum(len(block.points) * rate for block, rate in rates),
        bits_per_second=8 * sum(sum(block.bytes_on_wire) * rate for block, rate in rates),
        busy=requests * (TYPICAL_ANSWER + link.pause) / (link.slots * link.at_once),
    )


def blocks_of(profile: Profile) -> list[tuple[str, Block]]:
    """Every read that *profile* takes, with the group it is for."""
    groups = sorted({point.group for point in profile.points})
    return [
        (group, block)
        for group in groups
        for block in plan(profile, [point for point in profile.points if point.group == group])
    ]
