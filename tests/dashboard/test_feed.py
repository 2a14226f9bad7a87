"""What goes to the open pages, and that it is encoded once."""

from __future__ import annotations

import json
from typing import TypedDict

import pytest

from mbap.collect.readings import Quality, Readings
from mbap.dashboard.catalogue import Catalogue, CurrentCatalogue
from mbap.dashboard.feed import Feed, Interest, parse_interest
from support.plant import METER, SECOND, FakePlant, device


class Message(TypedDict):
    type: str
    blocks: list[tuple[int, list[int], list[object], list[str] | None]]


@pytest.fixture
def feed(fake: FakePlant) -> Feed:
    return Feed(fake.plant, CurrentCatalogue(fake.plant))


def values_of(text: str | None, catalogue: Catalogue) -> dict[str, object]:
    """The values of a message by the point's id."""
    if text is None:
        return {}
    message: Message = json.loads(text)
    assert message["type"] == "values"
    return {
        catalogue.entries[number].id: value
        for _, numbers, values, _ in message["blocks"]
        for number, value in zip(numbers, values, strict=True)
    }


def test_the_first_message_holds_everything(feed: Feed) -> None:
    values = values_of(feed.values(None, 0), feed.catalogue)
    assert values.keys() == feed.catalogue.numbers.keys()


def test_the_next_one_holds_what_changed(feed: Feed, fake: FakePlant) -> None:
    known = feed.sequence
    fake.latest.update(Readings("pump", fake.now, ("speed",), [1234]))
    feed.advance(status=False)
    assert values_of(feed.values(None, known), feed.catalogue) == {"pump.speed": 1234}


def test_nothing_changed_is_no_message(feed: Feed) -> None:
    assert feed.values(None, feed.sequence) is None


def test_a_page_is_told_only_what_it_asked_for(feed: Feed) -> None:
    values = values_of(feed.values(frozenset({"pump.speed", "main.power"}), 0), feed.catalogue)
    assert values.keys() == {"pump.speed", "main.power"}


def test_pages_with_the_same_interest_share_one_text(feed: Feed) -> None:
    wanted = frozenset({"pump.speed"})
    texts = [feed.values(frozenset(wanted), 0) for _ in range(20)]
    assert all(text is texts[0] for text in texts)
    assert feed.encoded == 1


def test_a_page_that_was_slow_gets_the_newest_values(feed: Feed, fake: FakePlant) -> None:
    known = feed.sequence
    for speed in (1, 2, 3):
        fake.latest.update(Readings("pump", fake.now, ("speed",), [speed]))
        feed.advance(status=False)
    text = feed.values(None, known)
    assert text is not None
    assert text.count("[3]") == 1
    assert values_of(text, feed.catalogue) == {"pump.speed": 3}


def test_qualities_are_words_and_left_out_where_all_are_good(feed: Feed, fake: FakePlant) -> None:
    known = feed.sequence
    fake.latest.update(Readings("pump", 5, ("speed",), [1], [Quality.GOOD]))
    fake.latest.update(Readings("main", 6, ("power",), [None], [Quality.exception(2)]))
    blocks = json.loads(feed.values(None, known) or "")["blocks"]
    assert [(time, quality) for time, _, _, quality in blocks] == [(5, None), (6, ["exception 2"])]


def test_a_number_that_json_does_not_have_becomes_null(feed: Feed, fake: FakePlant) -> None:
    known = feed.sequence
    fake.latest.update(Readings("main", 6, ("power", "frequency"), [float("nan"), 50.0]))
    values = values_of(feed.values(None, known), feed.catalogue)
    assert values == {"main.power": None, "main.frequency": 50.0}


def test_counters_of_communication_are_no_values(feed: Feed, fake: FakePlant) -> None:
    known = feed.sequence
    fake.latest.update(Readings("main", 6, ("comm_requests",), [7]))
    assert feed.values(None, known) is None


def test_other_devices_bring_another_catalogue(feed: Feed, fake: FakePlant) -> None:
    before = feed.catalogue.revision
    fake.plant.devices = [device("new", "New meter", METER)]
    fake.step(fake.now + SECOND)
    feed.advance(status=False)
    assert json.loads(feed.hello())["revision"] == feed.catalogue.revision != before
    assert values_of(feed.values(None, 0), feed.catalogue).keys() == feed.catalogue.numbers.keys()


def test_the_status_has_states_and_on_demand_all_counters(feed: Feed) -> None:
    brief = json.loads(feed.status(communication=False))["devices"]["hall"]
    full = json.loads(feed.status(communication=True))["devices"]["hall"]
    assert brief.keys() == {"state", "last_answer"}
    assert full["exceptions"] == {"02": 1}


def test_the_status_is_read_anew_only_when_asked(feed: Feed, fake: FakePlant) -> None:
    before = feed.status(communication=False)
    fake.silent.add("main")
    feed.advance(status=False)
    assert feed.status(communication=False) is before
    feed.advance(status=True)
    assert json.loads(feed.status(communication=False))["devices"]["main"]["state"] == "failing"


def test_interests_that_many_different_pages_had_do_not_pile_up(feed: Feed) -> None:
    for number in range(500):
        feed.values(frozenset({f"pump.p{number}"}), 0)
        feed.advance(status=False)
    assert feed.channels <= 201


@pytest.mark.parametrize(
    ("text", "interest"),
    [
        ('{"type":"subscribe","points":"all"}', Interest(None)),
        ('{"type":"subscribe"}', Interest(frozenset())),
        ('{"type":"subscribe","points":["a.b"],"communication":true}', Interest(frozenset({"a.b"}), True)),
    ],
)
def test_an_interest_is_read(text: str, interest: Interest, fake: FakePlant) -> None:
    assert parse_interest(text, Catalogue(fake.plant.devices)) == interest


def test_key_points_are_an_interest(fake: FakePlant) -> None:
    interest = parse_interest('{"type":"subscribe","points":"key"}', Catalogue(fake.plant.devices))
    assert interest.points is not None
    assert "main.power" in interest.points
    assert "main.voltage_l1" not in interest.points


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        '{"type":"write"}',
        '{"type":"subscribe","points":7}',
        '{"type":"subscribe","points":[1]}',
    ],
)
def test_another_message_is_one_sentence(text: str, fake: FakePlant) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_interest(text, Catalogue(fake.plant.devices))


def test_too_many_ids_are_refused(fake: FakePlant) -> None:
    text = json.dumps({"type": "subscribe", "points": [f"a.p{n}" for n in range(2001)]})
    with pytest.raises(ValueError, match="at most 2000 ids"):
        parse_interest(text, Catalogue(fake.plant.devices))
