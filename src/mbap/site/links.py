"""The link of a site's plan."""

from __future__ import annotations

from mbap.client.link import Link
from mbap.client.links import Links
from mbap.site.plan import LinkPlan


def link_of(links: Links, plan: LinkPlan) -> Link:
    """The link of *links* that treats its endpoint as *plan* says."""
    return links.link(
        plan.url,
        timeout=plan.timeout,
        retries=plan.retries,
        slots=plan.slots,
        outstanding=plan.outstanding,
        pause=plan.pause,
        connect_pause=plan.connect_pause,
        quirks=plan.quirks,
        tls=plan.tls,
        unit_quirks=plan.unit_quirks,
        unit_pause=plan.unit_pause,
        quarantine=plan.quarantine,
        queue=plan.queue,
        queue_per_origin=plan.queue_per_origin,
        patience=plan.patience,
        probing=plan.probing,
        coalesce=plan.coalesce,
        units=plan.units,
    )
