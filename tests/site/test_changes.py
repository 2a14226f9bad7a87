"""What differs between two plans of a site."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mbap import Quirks
from mbap.addresses import Table
from mbap.collect.device import PolledDevice
from mbap.collect.registermap import Point, Profile
from mbap.site.changes import changes_between
from mbap.site.plan import HistoryPlan, LinkPlan, SitePlan, WebPlan
from mbap.values import Encoding

PROFILE = Profile("p", "P", (Point("a", Table.HOLDING_REGISTERS, 0, Encoding("uint16")),))


def device(name: str, url: str = "tcp://a:502", unit: int = 1) -> PolledDevice:
    return PolledDevice(name, name, PROFILE, unit, url, {}, {"default": 5.0})


def site(*devices: PolledDevice, timeout: float = 3.0) -> SitePlan:
    links = {d.connection: LinkPlan(d.connection, timeout=timeout) for d in devices}
    return SitePlan("site", links, devices)


def test_the_same_plan_changes_nothing() -> None:
    changes = changes_between(site(device("one")), site(device("one")))
    assert (changes.gone, changes.new, changes.links, changes.said, changes.restart) == ((), (), (), (), ())


def test_a_new_device_is_added_and_the_others_left_alone() -> None:
    changes = changes_between(site(device("one")), site(device("one"), device("two", unit=2)))
    assert changes.gone == ()
    assert [d.name for d in changes.new] == ["two"]
    assert changes.said == ("added: two",)


def test_a_device_that_is_gone_takes_its_unused_link_along() -> None:
    changes = changes_between(site(device("one"), device("two", "tcp://b:502")), site(device("one")))
    assert changes.gone == ("two",)
    assert changes.links == ("tcp://b:502",)
    assert changes.said == ("removed: two",)


def test_a_changed_device_is_taken_out_and_put_in_again() -> None:
    changes = changes_between(site(device("one")), site(device("one", unit=7)))
    assert changes.gone == ("one",)
    assert [d.unit for d in changes.new] == [7]
    assert changes.said == ("changed: one",)


def test_a_changed_link_renews_all_devices_on_it() -> None:
    changes = changes_between(site(device("one")), site(device("one"), timeout=1.0))
    assert changes.links == ("tcp://a:502",)
    assert changes.gone == ("one",)
    assert [d.name for d in changes.new] == ["one"]


@pytest.mark.parametrize(
    "change",
    [
        {"history": HistoryPlan(Path("h.db"), 1.0, 1.0, None, 2.0)},
        {"web": WebPlan("127.0.0.1", 8502)},
        {"name": "other"},
    ],
)
def test_what_takes_a_restart_is_said(change: dict[str, object]) -> None:
    old = site(device("one"))
    (sentence,) = changes_between(old, replace(old, **change)).restart  # type: ignore[arg-type]
    assert "restart" in sentence or "next start" in sentence


def test_other_quirks_of_a_unit_make_the_link_anew() -> None:
    before, after = site(device("one")), site(device("one"))
    link = replace(after.links["tcp://a:502"], unit_quirks={1: Quirks(answer_unit=0)})
    changes = changes_between(before, replace(after, links={link.url: link}))
    assert changes.links == ("tcp://a:502",)
    assert changes.said == ("changed: one",)
