from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.collect.readings import Quality, Readings
from mbap.collect.stream import Latest, Stream


def readings(points: str, value: int, device: str = "main") -> Readings:
    names = tuple(points.split())
    return Readings(device, 1000 + value, names, [value] * len(names))


async def test_every_subscription_gets_every_item() -> None:
    stream: Stream[int] = Stream()
    one, two = stream.subscribe(10), stream.subscribe(10)
    stream.publish(1)
    stream.publish(2)
    assert await one.take() == [1, 2]
    assert await two.take() == [1, 2]


async def test_publishing_without_subscriptions_is_fine() -> None:
    stream: Stream[int] = Stream()
    stream.publish(1)
    assert stream.published == 1


async def test_take_waits_for_the_next_item() -> None:
    stream: Stream[int] = Stream()
    subscription = stream.subscribe(10)
    taking = asyncio.ensure_future(subscription.take())
    await asyncio.sleep(0)
    assert not taking.done()
    stream.publish(7)
    assert await taking == [7]


async def test_items_are_given_once() -> None:
    stream: Stream[int] = Stream()
    subscription = stream.subscribe(10)
    stream.publish(1)
    await subscription.take()
    stream.publish(2)
    assert await subscription.take() == [2]


async def test_a_slow_reader_keeps_the_newest_and_counts_the_rest() -> None:
    stream: Stream[int] = Stream()
    subscription = stream.subscribe(3)
    for item in range(10):
        stream.publish(item)
    assert await subscription.take() == [7, 8, 9]
    assert subscription.dropped == 7


async def test_take_now_does_not_wait() -> None:
    assert Stream[int]().subscribe(3).take_now() == []


async def test_closing_wakes_who_waits_with_nothing() -> None:
    subscription = Stream[int]().subscribe(3)
    taking = asyncio.ensure_future(subscription.take())
    await asyncio.sleep(0)
    subscription.close()
    assert await taking == []


async def test_what_waits_can_be_taken_after_closing() -> None:
    stream: Stream[int] = Stream()
    subscription = stream.subscribe(3)
    stream.publish(1)
    subscription.close()
    stream.publish(2)
    assert await subscription.take() == [1]
    assert await subscription.take() == []
    assert stream.subscribers == 0


async def test_closing_while_publishing_disturbs_nobody() -> None:
    stream: Stream[int] = Stream()
    one, two = stream.subscribe(3), stream.subscribe(3)
    one.close()
    one.close()
    stream.publish(1)
    assert two.take_now() == [1]


async def test_a_subscription_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Stream[int]().subscribe(0)


def test_latest_gives_the_newest_value() -> None:
    latest = Latest()
    latest.update(readings("a b", 1))
    latest.update(readings("a b", 2))
    assert latest.get("main", "b") == (1002, 2, Quality.GOOD)


def test_latest_of_what_was_never_read_is_none() -> None:
    latest = Latest()
    assert latest.get("main", "a") is None
    latest.update(readings("a", 1))
    assert latest.get("main", "b") is None


def test_latest_keeps_the_quality() -> None:
    latest = Latest()
    latest.update(Readings("main", 5, ("a",), (None,), (Quality.TIMEOUT,)))
    assert latest.get("main", "a") == (5, None, Quality.TIMEOUT)


def test_latest_gives_all_points_of_a_device() -> None:
    latest = Latest()
    latest.update(readings("a b", 1))
    latest.update(readings("c", 2))
    latest.update(readings("a", 3, device="other"))
    assert {point: newest.value for point, newest in latest.device("main").items()} == {
        "a": 1,
        "b": 1,
        "c": 2,
    }
    assert latest.devices() == ["main", "other"]


def test_since_gives_what_is_new() -> None:
    latest = Latest()
    latest.update(readings("a", 1))
    seen = latest.sequence
    assert latest.since(seen) == []
    latest.update(readings("b", 2))
    assert latest.since(seen) == [readings("b", 2)]


def test_since_gives_only_the_newest_of_the_same_points() -> None:
    latest = Latest()
    latest.update(readings("a", 1))
    latest.update(readings("b", 2))
    latest.update(readings("a", 3))
    assert latest.since(0) == [readings("b", 2), readings("a", 3)]


def test_a_block_that_was_split_leaves_no_old_readings() -> None:
    latest = Latest()
    latest.update(readings("a b", 1))
    latest.update(readings("a", 2))
    latest.update(readings("b", 3))
    assert latest.since(0) == [readings("a", 2), readings("b", 3)]


def test_a_block_that_was_joined_again_takes_its_points_back() -> None:
    latest = Latest()
    latest.update(readings("a b", 1))
    latest.update(readings("a", 2))
    latest.update(readings("a b", 3))
    assert latest.get("main", "a") == (1003, 3, Quality.GOOD)
    assert latest.get("main", "b") == (1003, 3, Quality.GOOD)


def test_a_forgotten_device_is_gone() -> None:
    latest = Latest()
    latest.update(readings("a", 1))
    latest.forget("main")
    latest.forget("main")
    assert latest.since(0) == []
    assert latest.devices() == []
    assert latest.get("main", "a") is None


updates = st.lists(
    st.tuples(st.sampled_from("xy"), st.sets(st.sampled_from("abcde"), min_size=1), st.integers(0, 9)),
    max_size=40,
)


@given(updates)
def test_applying_since_in_order_gives_the_newest_values(changes: list[tuple[str, set[str], int]]) -> None:
    latest = Latest()
    expected: dict[tuple[str, str], int] = {}
    for device, points, value in changes:
        latest.update(readings(" ".join(sorted(points)), value, device))
        expected.update({(device, point): value for point in points})
    applied = {
        (item.device, point): value
        for item in latest.since(0)
        for point, value in zip(item.points, item.values, strict=True)
    }
    assert applied == expected
    got = {(d, p): newest.value for d in latest.devices() for p, newest in latest.device(d).items()}
    assert got == expected


def test_a_block_that_is_read_again_after_parts_of_it_owns_its_points_again() -> None:
    latest = Latest()
    latest.update(readings("a b", 1))
    latest.update(readings("a", 2))
    assert (latest.get("main", "a"), latest.get("main", "b")) == (
        (1002, 2, Quality.GOOD),
        (1001, 1, Quality.GOOD),
    )
    latest.update(readings("a b", 3))
    assert latest.since(0) == [readings("a b", 3)]
