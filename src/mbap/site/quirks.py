"""The quirks of a site's devices: which are of a connection, which of a unit, and what they come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from mbap.client.quirks import NO_QUIRKS, Quirks
from mbap.collect.device import PolledDevice
from mbap.site.plan import LinkPlan
from mbap.transport.endpoint import parse_endpoint

NAMED = 3
"""So many devices with the same quirks are named, the others counted."""


class SharedQuirks:
    """The quirks of connections and of units, which devices share."""

    def __init__(self) -> None:
        self._connections: dict[str, tuple[Quirks, str]] = {}
        self._units: dict[tuple[str, int], tuple[Quirks, str]] = {}

    def add(self, device: PolledDevice) -> None:
        """Take in the quirks of *device*.

        Raises:
            ValueError: another device on its connection, or of its unit, has others; the sentence says which.
        """
        url, unit = device.connection, device.unit
        own = device.profile.quirks.of_connection()
        others, name = self._connections.setdefault(url, (own, device.name))
        if others != own:
            raise ValueError(
                f"{url} would have {_said(own)} for this device and {_said(others)} for {name}, but these "
                "are quirks of the whole connection: say in the quirks of its [connections.NAME] which it has"
            )
        own = device.profile.quirks.of_unit()
        others, name = self._units.setdefault((url, unit), (own, device.name))
        if others != own:
            raise ValueError(
                f"{url} unit {unit} would have {_said(own)} for this device and {_said(others)} for {name}, "
                "and it is one unit: say the same in the quirks of both"
            )

    def on(self, links: Mapping[str, LinkPlan]) -> dict[str, LinkPlan]:
        """*links*, each with its quirks and those of its units."""
        units: dict[str, dict[int, Quirks]] = {}
        for (url, unit), (quirks, _) in self._units.items():
            if quirks != NO_QUIRKS:
                units.setdefault(url, {})[unit] = quirks
        return {
            url: replace(link, quirks=self._connections[url][0], unit_quirks=units.get(url, {}))
            if url in self._connections
            else link
            for url, link in links.items()
        }


def quirk_warnings(links: Mapping[str, LinkPlan]) -> Iterator[str]:
    """What quirks are asked for in vain, or take from what else was asked for."""
    for url, link in links.items():
        scheme = parse_endpoint(url).scheme
        for name in link.quirks.without_effect(scheme):
            yield f"{url}: the quirk {name.replace('_', '-')} changes nothing on {scheme}://"
        if link.at_once < link.outstanding:
            yield (
                f"{url}: with the quirk transaction only one request is on its way at a time, "
                f"not {link.outstanding}"
            )


def quirk_lines(devices: Sequence[PolledDevice]) -> Iterator[str]:
    """Which devices have which quirks, a line for all that have the same."""
    alike: dict[Quirks, list[str]] = {}
    for device in devices:
        alike.setdefault(device.profile.quirks, []).append(device.name)
    for quirks, names in alike.items():
        if quirks != NO_QUIRKS:
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            yield f"quirks of {', '.join(names[:NAMED])}{more}: {quirks}"


def _said(quirks: Quirks) -> str:
    return str(quirks) or "none"
