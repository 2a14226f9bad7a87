"""What differs between two plans of a site; pure."""

from __future__ import annotations

from dataclasses import dataclass

from mbap.collect.device import PolledDevice
from mbap.site.plan import SitePlan


@dataclass(frozen=True, slots=True)
class Changes:
    """What has to be done to come from one plan to another.

    Attributes:
        gone: names of devices to stop polling: removed, or changed and in *new* again.
        new: devices to begin polling.
        links: endpoints whose link is to be closed: unused, or to be treated otherwise.
        said: what is done, in sentences.
        restart: what is not done, in sentences: it takes a restart.
    """

    gone: tuple[str, ...]
    new: tuple[PolledDevice, ...]
    links: tuple[str, ...]
    said: tuple[str, ...]
    restart: tuple[str, ...]


def changes_between(old: SitePlan, new: SitePlan) -> Changes:
    """What leads from *old* to *new*."""
    links = tuple(url for url, link in old.links.items() if new.links.get(url) != link)
    before = {device.name: device for device in old.devices}
    after = {device.name: device for device in new.devices}
    gone = tuple(n for n, d in before.items() if after.get(n) != d or d.connection in links)
    fresh = tuple(d for n, d in after.items() if n in gone or n not in before)
    return Changes(gone, fresh, links, _said(before, after, gone), _restart(old, new))


def _said(
    before: dict[str, PolledDevice], after: dict[str, PolledDevice], gone: tuple[str, ...]
) -> tuple[str, ...]:
    groups = {
        "added": [name for name in after if name not in before],
        "removed": [name for name in before if name not in after],
        "changed": [name for name in gone if name in after],
    }
    return tuple(f"{what}: {_listed(names)}" for what, names in groups.items() if names)


def _listed(names: list[str], most: int = 8) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _restart(old: SitePlan, new: SitePlan) -> tuple[str, ...]:
    sentences = []
    if old.name != new.name:
        sentences.append("the site's name changes on the page with the next start")
    if old.history != new.history:
        sentences.append("what changed in [history] takes a restart")
    if old.max_open_connections != new.max_open_connections:
        sentences.append("another max_open_connections takes a restart")
    if (old.gateway is None) != (new.gateway is None):
        sentences.append("a gateway that comes or goes takes a restart")
    if old.certificates != new.certificates:
        sentences.append("what changed in [certificates] takes a restart")
    if old.web != new.web:
        sentences.append("what changed in [web] takes a restart")
    if (old.server is None) != (new.server is None):
        sentences.append("a [server] that comes or goes takes a restart")
    if (old.guard is None) != (new.guard is None):
        sentences.append("a [guard] that comes or goes takes a restart")
    return tuple(sentences)
