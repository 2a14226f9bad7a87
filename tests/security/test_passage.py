"""The quick way through a firewall: nothing of it can be told from judging every request anew."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbap import Link, Server
from mbap.client.breaker import Breaker
from mbap.protocol.exchanges import Exchange
from mbap.protocol.tcp import TcpFraming
from mbap.security.events import Event
from mbap.security.firewall import Firewall
from mbap.security.policy import Moment, Policy
from mbap.server.connection import Connection
from mbap.server.gateway import Gateway
from mbap.server.handler import Peer
from mbap.server.limits import Limits
from mbap.server.proxy import Patient
from mbap.server.routes import Route
from support.fake_time import run_virtual
from support.fake_transport import FakeTransport
from support.forwarding import adu, read, taken, told
from support.policies import MONDAY_NOON, NAMED, policy_of
from support.troubled import QUICK, TIMEOUT, Devices

START = Moment.at(MONDAY_NOON).wall
READ_ONLY = '[[rules]]\nid = "read"\nunit = "any"\nfunction = "read"\naction = "allow"\n'
EVERYTHING = READ_ONLY.replace('"read"\naction', '"all"\naction')


class Place:
    """Clients, a firewall around a gateway, and devices behind it, all of which go by the loop's clock."""

    def __init__(self, policy: Policy, *, observed: bool = True, patient: bool = False, **link: Any) -> None:
        self.loop = asyncio.get_running_loop()
        self.begin = self.loop.time()
        self.devices = Devices(TcpFraming)
        options: dict[str, Any] = {"timeout": TIMEOUT, "breaker": Breaker(2, 1.0, 4.0), "backoff": None}
        self.link = Link("tcp://b", dial=self.devices.dial, clock=self.loop.time, **options | link)
        line = Patient(self.link, deadline=5.0, clock=self.loop.time) if patient else self.link
        self.gateway = Gateway([Route.same(line, range(9), name="b")], clock=self.loop.time)
        self.events: list[Event] = []
        self.exchanges: list[Exchange] = []
        self.healthy = True
        self.firewall = Firewall(
            policy,
            self.gateway,
            record=self.events.append,
            clock=self.now,
            observers=[self] if observed else [],
            healthy=lambda: self.healthy,
        )
        self.server = Server(
            "tcp://127.0.0.1:0", self.firewall, limits=Limits(open_requests=8, idle_timeout=None)
        )

    def now(self) -> Moment:
        seconds = self.loop.time() - self.begin
        return Moment(seconds, START + round(1e6 * seconds))

    def saw(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    def arrived(self, peer: Peer) -> None:
        pass

    def left(self, peer: Peer) -> None:
        pass

    async def client(self, address: str = "192.0.2.7", port: int = 5000) -> FakeTransport:
        await self.link.connect()
        return FakeTransport(Connection(self.server), (address, port))

    def hits(self) -> dict[str, tuple[int, int]]:
        return self.firewall.statistics().hits or {}


def test_a_plain_request_that_is_settled_needs_no_task() -> None:
    async def scenario() -> None:
        place = Place(policy_of(READ_ONLY))
        client = await place.client()
        before = asyncio.all_tasks()
        client.feed(read(1), read(2, 2, 7))
        assert asyncio.all_tasks() == before
        await asyncio.sleep(5 * QUICK)
        assert taken(client) == told(1) + told(2, 2, 7)
        assert place.hits() == {"read": (2, START)}
        assert place.firewall.statistics().allowed == 2

    run_virtual(scenario())


def test_an_observer_sees_it_with_its_answer() -> None:
    async def scenario() -> None:
        place = Place(policy_of(READ_ONLY))
        client = await place.client()
        client.feed(read(1, 2, 7))
        await asyncio.sleep(5 * QUICK)
        (seen,) = place.exchanges
        assert (seen.time, seen.response_time) == (START, START + round(1e6 * QUICK))
        assert (seen.client, seen.client_port, seen.unit) == ("192.0.2.7", 5000, 2)
        assert (seen.pdu.hex(), seen.response) == ("0300070001", bytes.fromhex("03020207"))
        assert seen.request is not None
        assert seen.request.encode() == seen.pdu

    run_virtual(scenario())


@pytest.mark.parametrize(("trouble", "code"), [("exception", "02"), ("silent", "0b")])
@pytest.mark.parametrize("patient", [False, True])
def test_an_observer_sees_it_with_what_is_answered_instead(trouble: str, code: str, patient: bool) -> None:
    async def scenario() -> None:
        place = Place(policy_of(READ_ONLY), patient=patient)
        client = await place.client()
        place.devices.next[1] = trouble
        before = asyncio.all_tasks()
        client.feed(read(1))
        assert asyncio.all_tasks() == before
        await asyncio.sleep(20 * TIMEOUT)
        assert [one.response for one in place.exchanges] == [bytes.fromhex(taken(client)[14:])]
        assert patient or place.exchanges[0].response == bytes.fromhex("83" + code)

    run_virtual(scenario())


def test_a_client_that_leaves_is_seen_without_an_answer() -> None:
    async def scenario() -> None:
        place = Place(policy_of(READ_ONLY))
        client = await place.client()
        client.feed(read(1))
        client.abort()
        await asyncio.sleep(5 * QUICK)
        assert [one.response for one in place.exchanges] == [None]

    run_virtual(scenario())


def test_a_new_policy_counts_from_the_next_request_on() -> None:
    async def scenario() -> None:
        place = Place(policy_of(EVERYTHING))
        client = await place.client()
        write = "06 0005 1234"
        client.feed(adu(1, 1, write))
        place.firewall.replace(policy_of(READ_ONLY))
        client.feed(adu(2, 1, write))
        await asyncio.sleep(5 * QUICK)
        assert taken(client) == adu(1, 1, write) + adu(2, 1, "86 01")
        assert len(place.devices.asked) == 1

    run_virtual(scenario())


def test_a_rule_that_expires_lets_nothing_pass_from_then_on() -> None:
    async def scenario() -> None:
        end = (MONDAY_NOON + timedelta(seconds=10)).isoformat()
        place = Place(policy_of(READ_ONLY + f"expires = {end}"))
        client = await place.client()
        client.feed(read(1))
        await asyncio.sleep(10)
        assert taken(client) == told(1)
        client.feed(read(2))
        assert taken(client) == adu(2, 1, "83 01")

    run_virtual(scenario())


def test_nothing_passes_while_the_trail_cannot_be_kept() -> None:
    async def scenario() -> None:
        place = Place(policy_of(READ_ONLY))
        client = await place.client()
        client.feed(read(1))
        place.healthy = False
        client.feed(read(2))
        await asyncio.sleep(5 * QUICK)
        assert taken(client) == told(1) + adu(2, 1, "83 04")

    run_virtual(scenario())


@pytest.mark.parametrize(
    ("name", "rule", "pdu"),
    [
        ("a rate", "rate = { requests = '9/s' }", "03 0000 0001"),
        ("a schedule", 'when = "day"', "03 0000 0001"),
        ("a window", 'armed = "service"', "03 0000 0001"),
        ("a line in the trail", 'log = "summary"', "03 0000 0001"),
        ("an alert", 'action = "alert"', "03 0000 0001"),
        ("a value with a memory, read", "", "03 0014 0001"),
        ("a value with a memory, written", "", "06 0014 0001"),
    ],
)
def test_what_is_not_settled_is_judged_each_time(name: str, rule: str, pdu: str) -> None:
    async def scenario() -> None:
        action = "" if "action" in rule else 'action = "allow"'
        place = Place(policy_of(f"{_RULE}{rule}\n{action}", NAMED))
        client = await place.client()
        if "armed" in rule:
            place.firewall.arm("service", 60)
        before = asyncio.all_tasks()
        client.feed(adu(1, 1, "03 0014 0001"))
        await asyncio.sleep(5 * QUICK)
        taken(client)
        client.feed(adu(2, 1, pdu))
        assert asyncio.all_tasks() != before, name
        await asyncio.sleep(5 * QUICK)
        assert taken(client)[14:16] == pdu[:2], name

    run_virtual(scenario())


_RULE = """
[[rules]]
id = "it"
unit = "any"
function = "all"
address = { holding = "0-99" }
points = ["level", "set"]
"""


def test_a_firewall_within_another_is_not_passed_by() -> None:
    async def scenario() -> None:
        place = Place(policy_of(READ_ONLY))
        outer = Firewall(policy_of(EVERYTHING), place.firewall)
        assert place.firewall.lane(1) is not None
        assert outer.lane(1) is None

    run_virtual(scenario())


def test_a_firewall_with_a_way_of_its_own_or_without_a_gateway_is_not_passed_by() -> None:
    class Own(Firewall):
        def handle(self, call: Any) -> Any:
            raise AssertionError

    async def scenario() -> None:
        place = Place(policy_of(READ_ONLY))
        assert Own(policy_of(READ_ONLY), place.gateway).lane(1) is None

    run_virtual(scenario())


# --- both ways, side by side ---

SOURCES = ["", 'from = { net = "192.0.2.0/24" }', 'from = { net = "192.0.2.7" }']
ABOUT = ['"read"', '"write"', '"all"', "3", "6", "16", "[3, 5]"]
WHERE = ["", 'address = { holding = "0-9" }', 'address = { holding = "5-29", coil = "0-9" }', "count = 1"]
WHEN = ["", "", 'when = "day"', 'armed = "service"', "expires = 2026-11-30T12:00:20Z"]
MORE = ["", "", "", "rate = { requests = '3/s' }", 'log = "each"', 'log = "summary"', 'points = "level"',
        'points = "set"']  # fmt: skip


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    rules = []
    for number in range(draw(st.integers(1, 5))):
        action = draw(st.sampled_from(["allow", "allow", "allow", "deny", "alert"]))
        limits = draw(st.sampled_from(MORE)) if action != "deny" else ""
        where = draw(st.sampled_from(WHERE))
        if action == "deny" and where.startswith("count"):
            where = ""
        unit = draw(st.sampled_from(['"any"', "1", "[0, 2]"]))
        lines = [draw(st.sampled_from(SOURCES)), f"unit = {unit}", where, limits]
        lines += [draw(st.sampled_from(WHEN)), f"function = {draw(st.sampled_from(ABOUT))}"]
        rules.append("\n".join(["[[rules]]", f'id = "r{number}"', f'action = "{action}"', *lines]))
    mode = draw(st.sampled_from(["enforce", "enforce", "observe"]))
    every = draw(
        st.sampled_from(["", '[[rules]]\nid = "rest"\nunit = "any"\nfunction = "all"\naction = "allow"'])
    )
    return policy_of("\n".join([*rules, every]), f'mode = "{mode}"\n{NAMED}')


PIECES = [
    read(0), read(1, address=5), read(2, 2, 20), read(3, 0), read(4, 7), adu(5, 1, "03 0014 0003"),
    adu(6, 1, "06 0005 1234"), adu(7, 1, "06 0014 0001"), adu(8, 2, "06 001E 0010"),
    adu(9, 1, "06 001E 0100"),
    adu(10, 1, "10 0014 0002 04 0002 0003"), adu(11, 1, "10 001E 0001 02 0010"), adu(12, 1, "05 0003 FF00"),
    adu(13, 1, "03 0000 0000"), adu(14, 1, "63 00"), adu(15, 1, "16 0014 0000 0003"),
    adu(16, 77, "03 0000 0001"),
]  # fmt: skip
CLIENTS = ["192.0.2.7", "192.0.2.8", "198.51.100.1"]
ACTS = st.one_of(
    st.tuples(st.sampled_from(range(3)), st.lists(st.sampled_from(PIECES), min_size=1, max_size=4)),
    st.tuples(st.sampled_from(range(3)), st.lists(st.sampled_from(PIECES), min_size=1, max_size=4)),
    st.tuples(st.sampled_from(range(3)), st.lists(st.sampled_from(PIECES), min_size=1, max_size=4)),
    st.tuples(st.just("wait"), st.sampled_from([0.1037, 1.0013, 30.0071, 25_000.003])),
    st.tuples(st.just("policy"), policies()),
    st.tuples(st.just("arm"), st.sampled_from([0.0, 5.0])),
    st.tuples(st.just("trouble"), st.sampled_from(["silent", "exception", "twice", "stranger", "late"])),
    st.tuples(st.just("health"), st.booleans()),
)  # fmt: skip


@given(policies(), st.lists(ACTS, min_size=1, max_size=14), st.sampled_from([1, 4]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_everything_is_as_where_every_request_is_judged(
    policy: Policy, acts: list[tuple[Any, Any]], outstanding: int, observed: bool
) -> None:
    logging.disable(logging.CRITICAL)
    try:
        short, long = (
            run_virtual(course(policy, acts, outstanding, observed=observed, forwards=forwards))
            for forwards in (True, False)
        )
    finally:
        logging.disable(logging.NOTSET)
    assert short == long


async def course(
    policy: Policy, acts: list[tuple[Any, Any]], outstanding: int, *, observed: bool, forwards: bool
) -> dict[str, object]:
    """What clients, the device, the trail and observers get, and what is counted."""
    place = Place(policy, observed=observed, outstanding=outstanding)
    if not forwards:
        place.server.forwarding = None
    clients = [await place.client(address, 5000 + n) for n, address in enumerate(CLIENTS)]
    for what, how in acts:
        await act(place, clients, what, how)
    await asyncio.sleep(20 * TIMEOUT)
    place.firewall.flush()
    counted = place.firewall.statistics()
    answers = [sorted(f"{one}" for one in TcpFraming().unpack(client.written)) for client in clients]
    await place.link.aclose()
    return {
        "answers": answers,
        "asked": sorted((one.unit, str(one.request)) for one in place.devices.asked),
        "counted": counted,
        "events": sorted(_event(one) for one in place.events),
        "exchanges": sorted(_exchange(one) for one in place.exchanges),
    }


async def act(place: Place, clients: list[FakeTransport], what: Any, how: Any) -> None:
    if what == "wait":
        await asyncio.sleep(how)
    elif what == "policy":
        place.firewall.replace(how)
    elif what == "arm":
        if "service" in place.firewall.policy.windows:
            place.firewall.arm("service", how) if how else place.firewall.disarm("service")
    elif what == "trouble":
        place.devices.next[1] = how
    elif what == "health":
        place.healthy = how
    elif not clients[what].end:
        clients[what].feed(*how)
        await asyncio.sleep(0.377 * QUICK)  # never just when something else happens


def _event(event: Event) -> str:
    peer = event.peer and (event.peer.address, event.peer.port)
    return f"{event.time} {event.kind} {peer} {event.details}"


def _exchange(exchange: Exchange) -> str:
    return str(exchange)
