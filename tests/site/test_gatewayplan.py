"""mbap.site.gatewayplan and the table [gateway] of a site file."""

from __future__ import annotations

from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from mbap import Priority, Quirks
from mbap.client.links import Links
from mbap.client.options import UnitOptions
from mbap.filefaults import FileFaults
from mbap.server.permission import Permission
from mbap.site.gatewayplan import GatewayPlan, Lines, checked, described, spans
from mbap.site.links import link_of
from mbap.site.load import load_site
from mbap.site.plan import LinkPlan, SitePlan
from mbap.site.routing import parse_route
from support.certificates import plant


def a_plan(*routes: str, listen: tuple[str, ...] = ("tcp://127.0.0.1:1502",)) -> GatewayPlan:
    plans = tuple(parse_route(text) for text in routes)
    return checked(GatewayPlan(listen, plans, Lines().of(plans)))


def loaded(tmp_path: Path, text: str) -> SitePlan:
    file = tmp_path / "site.toml"
    file.write_text(text)
    return load_site(file)


def the_gateway(tmp_path: Path, text: str) -> GatewayPlan:
    plan = loaded(tmp_path, text).gateway
    assert plan is not None
    return plan


def faults(tmp_path: Path, text: str) -> str:
    with pytest.raises(FileFaults) as raised:
        loaded(tmp_path, text)
    return str(raised.value)


def test_routes_to_the_same_line_share_it() -> None:
    assert list(a_plan("1=plc", "2=tcp://PLC:502#9").links) == ["tcp://plc:502"]


def test_a_unit_with_two_routes_is_said_with_both() -> None:
    with pytest.raises(ValueError, match="unit 3 has two routes: 1-5=a and 3-9=b"):
        a_plan("1-5=a", "3-9=b")


@pytest.mark.parametrize(
    ("listen", "route"),
    [
        ("tcp://127.0.0.1:1502", "1=tcp://127.0.0.1:1502"),
        ("tcp://:1502", "1=tcp://127.0.0.1:1502"),
        ("tcp://0.0.0.0:1502", "1=tcp://localhost:1502"),
        ("tcp://0.0.0.0:1502", "1=tcp://0.0.0.0:1502"),
        ("tcp://127.0.0.1:1502", "1=tcp://localhost:1502"),
        ("tcp://localhost:1502", "1=tcp://[::1]:1502"),
    ],
)
def test_a_route_back_to_the_gateway_is_refused(listen: str, route: str) -> None:
    """H122."""
    with pytest.raises(ValueError, match="leads back to the gateway itself"):
        a_plan(route, listen=(listen,))


def test_a_route_to_another_port_of_this_machine_is_none() -> None:
    assert a_plan("1=tcp://127.0.0.1:1503")


def test_it_is_shown_as_it_is_understood() -> None:
    assert described(a_plan("1-3,9=plc", "101-102=plc#5-6")) == [
        ("tcp://127.0.0.1:1502", "1-3, 9", "tcp://plc:502", ""),
        ("tcp://127.0.0.1:1502", "101-102", "tcp://plc:502 unit 5-6", ""),
    ]


def test_spans_are_short() -> None:
    assert spans([5, 1, 2, 3, 9, 8]) == "1-3, 5, 8-9"


def test_a_site_file_may_have_a_gateway_and_no_devices(tmp_path: Path) -> None:
    plan = the_gateway(tmp_path, '[gateway]\nroutes = ["1-20=rtu+tcp://moxa:4001"]\n')
    assert plan.listen == ("tcp://127.0.0.1:1502",)
    assert plan.links["rtu+tcp://moxa:4001"].queue_per_origin == 16


def test_a_route_with_a_table_of_its_own_says_more(tmp_path: Path) -> None:
    plan = the_gateway(
        tmp_path,
        """
        [gateway]
        listen = ["tcp://127.0.0.1:1502"]
        [[gateway.route]]
        units = "1-2"
        to = "rtu+tcp://moxa:4001#11-12"
        timeout = "300ms"
        retries = 2
        pause = "20ms"
        allow = ["read", "write holding 0-9"]
        priority = "last"
        broadcast = true
        deadline = "5s"
        quirks = ["largest-read=20"]
        """,
    )
    (route,) = plan.routes
    assert route.units == {1: 11, 2: 12}
    assert route.permission == Permission(["read", "write holding 0-9"])
    assert (route.priority, route.broadcast, route.deadline) == (Priority.LAST, True, 5.0)
    special = UnitOptions(0.3, 2, 0.02, Quirks(largest_read=20))
    assert plan.links["rtu+tcp://moxa:4001"].units == {11: special, 12: special}


def test_how_many_requests_are_on_their_way_and_how_long_a_late_answer_is_waited_for(tmp_path: Path) -> None:
    plan = the_gateway(tmp_path, '[gateway]\nroutes = ["1=a"]\noutstanding = 4\nquarantine = "50ms"\n')
    (line,) = plan.links.values()
    assert (line.outstanding, line.quarantine) == (4, 0.05)


def test_what_a_connection_says_of_its_line_comes_first(tmp_path: Path) -> None:
    plan = the_gateway(
        tmp_path,
        """
        [connections.hall]
        url = "tcp://a"
        outstanding = 2
        quarantine = "5s"
        [gateway]
        routes = ["1=a"]
        outstanding = 4
        quarantine = "50ms"
        """,
    )
    (line,) = plan.links.values()
    assert (line.outstanding, line.quarantine) == (2, 5.0)


async def test_a_line_is_treated_in_every_respect_as_its_plan_says() -> None:
    plan = LinkPlan(
        "tls://a:802",
        timeout=2.0,
        retries=1,
        slots=2,
        outstanding=3,
        pause=0.1,
        connect_pause=0.2,
        unit_pause=0.3,
        quarantine=0.4,
        queue=5,
        queue_per_origin=6,
        patience=7,
        probing=0.5,
        coalesce=True,
        quirks=Quirks(echo=True),
        tls=plant()["client"].tls(),
        unit_quirks={1: Quirks(largest_read=9)},
        units={2: UnitOptions(retries=4)},
    )
    for field in fields(plan):
        assert field.default is MISSING or getattr(plan, field.name) != field.default
    async with Links() as links:
        options = link_of(links, plan).options
        for field in fields(plan):
            assert field.name == "url" or getattr(options, field.name) == getattr(plan, field.name)


def test_read_only_holds_for_every_route(tmp_path: Path) -> None:
    plan = the_gateway(
        tmp_path, '[gateway]\nread_only = true\nroutes = ["1=a"]\n[[gateway.route]]\nunits = "2"\nto = "b"\n'
    )
    assert [str(route.permission) for route in plan.routes] == ["read only", "read only"]


def test_a_route_may_have_a_listener_of_its_own(tmp_path: Path) -> None:
    plan = the_gateway(
        tmp_path,
        '[gateway]\nroutes = ["1=a"]\n[[gateway.route]]\nto = "a#7"\nlisten = "tcp://127.0.0.1:1503"\n',
    )
    behind = {url: [route.units for route in routes] for url, routes in plan.listeners().items()}
    assert behind == {
        "tcp://127.0.0.1:1502": [{1: 1}],
        "tcp://127.0.0.1:1503": [dict.fromkeys(range(256), 7)],
    }


def test_the_line_of_a_polled_device_is_treated_as_for_the_poller(tmp_path: Path) -> None:
    site = loaded(
        tmp_path,
        """
        [connections.hall]
        url = "tcp://10.0.0.5"
        timeout = "7s"
        slots = 2
        [devices.main]
        connection = "hall"
        profile = "sdm630"
        [gateway]
        routes = ["1-9=tcp://10.0.0.5"]
        """,
    )
    link = site.links["tcp://10.0.0.5:502"]
    assert (link.timeout, link.slots, link.queue_per_origin) == (7.0, 2, 16)
    assert site.gateway is not None
    assert site.gateway.links["tcp://10.0.0.5:502"] is link


def test_a_connection_that_only_the_gateway_uses_counts_too(tmp_path: Path) -> None:
    site = loaded(
        tmp_path,
        '[connections.hall]\nurl = "tcp://10.0.0.5"\ntimeout = "7s"\n[gateway]\nroutes = ["1=tcp://10.0.0.5"]\n',
    )
    assert site.links["tcp://10.0.0.5:502"].timeout == 7.0
    assert site.warnings == ()


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    said = faults(
        tmp_path,
        """
        [gateway]
        routes = ["1=htp://x"]
        [[gateway.route]]
        to = "plc"
        allow = ["look"]
        """,
    )
    assert "site.toml:3 gateway.routes: the route '1=htp://x' is wrong" in said
    assert "gateway.route" in said
    assert "'look' is no rule" in said


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "has no routes"),
        ('routes = ["1=a", "1=b"]', "unit 1 has two routes"),
        ('routes = ["1=a"]\nallow = ["plc"]', "is not a network"),
        ('routes = ["1=a"]\ntimout = "1s"', 'did you mean "timeout"'),
        ('routes = ["1=a"]\nprobing = 1.0', "probing"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, line: str, said: str) -> None:
    assert said in faults(tmp_path, f"[gateway]\n{line}\n")


def test_a_gateway_that_is_not_enabled_is_none(tmp_path: Path) -> None:
    text = '[gateway]\nenabled = false\nroutes = ["1=a"]\n[devices.x]\nhost = "b"\nprofile = "sdm630"\n'
    assert loaded(tmp_path, text).gateway is None
