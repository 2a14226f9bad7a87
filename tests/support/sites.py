"""Plans of small sites, for tests that run one."""

from __future__ import annotations

from pathlib import Path

from mbap.collect.device import PolledDevice
from mbap.site.plan import HistoryPlan, LinkPlan, SitePlan, WebPlan
from support import meters

DAY = 86_400.0


def site_plan(
    *urls: str,
    folder: Path | None = None,
    period: float = 0.05,
    most: int = 100,
    web: WebPlan | None = None,
    timeout: float = 1.0,
) -> SitePlan:
    """A device at each of *urls*, d0, d1, ...; with *folder* there is a history in it."""
    profile = meters.profile()
    return SitePlan(
        "Test",
        {url: LinkPlan(url, timeout=timeout) for url in urls},
        tuple(
            PolledDevice(f"d{number}", "", profile, 1, url, {}, {"default": period})
            for number, url in enumerate(urls)
        ),
        HistoryPlan(folder / "history.db", DAY, DAY, None, 0.05) if folder else None,
        web,
        most,
    )
