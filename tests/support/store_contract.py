"""What every history store promises: a class of tests to be inherited beside a fixture `store`."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest

from mbap.collect.readings import Quality, Readings, Value
from mbap.sinks.base import Sample, Series, Store

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
TODAY = 20_000 * DAY
"""The first microsecond of some day; stores under test believe that it is long ago."""

POWER = Series("main", "power")


def reading(time: int, values: Mapping[str, Value] | None = None, device: str = "main") -> Readings:
    """Good readings at *time*; of one point `power` with the value 1.0 where no values are given."""
    given = {"power": 1.0} if values is None else values
    return Readings(device, time, tuple(given), list(given.values()))


def bad(time: int, quality: Quality = Quality.TIMEOUT) -> Readings:
    """A failed read of `main.power`."""
    return Readings("main", time, ("power",), (None,), (quality,))


class StoreContract:
    """Inherit this, give a fixture `store` with an empty store that keeps everything."""

    def test_what_was_written_is_given_back_in_order_of_time(self, store: Store) -> None:
        store.write([reading(TODAY + n * SECOND, {"power": float(n)}) for n in (2, 0, 1)])
        assert [sample.value for sample in store.samples(POWER, TODAY, TODAY + DAY)] == [0.0, 1.0, 2.0]

    @pytest.mark.parametrize("value", [0, -5, 230.5, "running", 2**62, "", "Größe"])
    def test_a_value_comes_back_as_it_was(self, store: Store, value: Value) -> None:
        store.write([reading(TODAY, {"power": value})])
        assert list(store.samples(POWER, TODAY, TODAY + 1)) == [Sample(TODAY, value, Quality.GOOD)]

    @pytest.mark.parametrize("value", [2**64 - 1, -(2**63) - 1])
    def test_an_integer_beyond_64_bits_comes_back_as_a_float(self, store: Store, value: int) -> None:
        store.write([reading(TODAY, {"count": value, "other": 1})])
        assert [sample.value for sample in store.samples(Series("main", "count"), TODAY, TODAY + 1)] == [
            float(value)
        ]

    def test_a_bit_comes_back_as_a_number(self, store: Store) -> None:
        store.write([reading(TODAY, {"on": True, "off": False})])
        values = [next(store.samples(Series("main", name), TODAY, TODAY + 1)).value for name in ("on", "off")]
        assert values == [1, 0]

    def test_bad_samples_keep_their_reason(self, store: Store) -> None:
        store.write([bad(TODAY, Quality.exception(2)), bad(TODAY + 1)])
        assert [sample.quality.reason for sample in store.samples(POWER, TODAY, TODAY + DAY)] == [
            "exception 2",
            "timeout",
        ]

    def test_the_start_is_included_and_the_end_is_not(self, store: Store) -> None:
        store.write([reading(TODAY + n) for n in range(4)])
        assert [sample.time - TODAY for sample in store.samples(POWER, TODAY + 1, TODAY + 3)] == [1, 2]

    def test_an_unknown_series_has_no_samples(self, store: Store) -> None:
        assert list(store.samples(Series("main", "nothing"), 0, TODAY)) == []

    def test_an_unknown_series_has_an_empty_trend(self, store: Store) -> None:
        (trend,) = store.trends([Series("main", "nothing")], TODAY, TODAY + DAY, 10)
        assert [*trend.times, *trend.mean] == []

    def test_many_samples_come_in_one_go(self, store: Store) -> None:
        store.write([reading(TODAY + n, {"power": n}) for n in range(12_000)])
        values = [sample.value for sample in store.samples(POWER, TODAY, TODAY + DAY)]
        assert values == list(range(12_000))

    def test_a_wide_read_is_stored_whole(self, store: Store) -> None:
        store.write([reading(TODAY, {f"bit_{n}": n for n in range(2_000)})])
        assert {sample.value for sample in store.latest().values()} == set(range(2_000))

    def test_what_is_stored_is_never_overwritten(self, store: Store) -> None:
        store.write([reading(TODAY, {"power": 1.0})])
        store.write([reading(TODAY, {"power": 2.0})])
        assert [sample.value for sample in store.samples(POWER, TODAY, TODAY + 1)] == [1.0]
        assert store.statistics().duplicates == 1

    def test_a_batch_can_be_written_again(self, store: Store) -> None:
        batch = [reading(TODAY + n * SECOND) for n in range(100)]
        store.write(batch)
        store.write(batch)
        assert store.statistics().samples == 100

    def test_series_are_listed_by_device_and_point(self, store: Store) -> None:
        store.write([reading(TODAY, {"b": 1, "a": 1}, "z"), reading(TODAY, {"c": 1}, "y")])
        assert store.series() == [Series("y", "c"), Series("z", "a"), Series("z", "b")]

    def test_the_latest_is_the_newest_by_time(self, store: Store) -> None:
        store.write([reading(TODAY + 5, {"power": 5.0}), reading(TODAY + 3, {"power": 3.0})])
        assert store.latest() == {POWER: Sample(TODAY + 5, 5.0, Quality.GOOD)}

    def test_statistics_count_samples_and_series(self, store: Store) -> None:
        store.write([reading(TODAY, {"a": 1, "b": 2}), reading(TODAY + 1, {"a": 1, "b": 2})])
        numbers = store.statistics()
        assert (numbers.series, numbers.samples, numbers.oldest, numbers.newest) == (2, 4, TODAY, TODAY + 1)
        assert numbers.bytes > 0

    def test_an_empty_store_has_empty_statistics(self, store: Store) -> None:
        numbers = store.statistics()
        assert (numbers.series, numbers.samples, numbers.oldest, numbers.newest) == (0, 0, None, None)
        assert store.latest() == {}

    def test_a_batch_with_a_fault_leaves_nothing_behind(self, store: Store) -> None:
        torn = Readings("main", TODAY + 1, ("power", "energy"), (1.0,))
        with pytest.raises(ValueError, match="1 values for 2 points"):
            store.write([reading(TODAY), torn])
        assert store.statistics().samples == 0

    def test_after_a_fault_writing_goes_on(self, store: Store) -> None:
        with pytest.raises(ValueError, match="1 values for 2 points"):
            store.write([reading(TODAY), Readings("main", TODAY, ("x", "y"), (1.0,))])
        store.write([reading(TODAY)])
        assert store.series() == [POWER]

    def test_few_samples_are_a_trend_of_themselves(self, store: Store) -> None:
        store.write([reading(TODAY + n * SECOND, {"power": float(n)}) for n in range(10)])
        (trend,) = store.trends([POWER], TODAY, TODAY + MINUTE, 100)
        assert trend.step == 0
        assert list(trend.mean) == list(trend.low) == list(trend.high) == [float(n) for n in range(10)]

    def test_many_samples_are_a_trend_in_rows(self, store: Store) -> None:
        store.write([reading(TODAY + n * SECOND, {"power": float(n % 60)}) for n in range(3_600)])
        (trend,) = store.trends([POWER], TODAY, TODAY + HOUR, 60)
        assert trend.step == MINUTE
        assert list(trend.times) == [TODAY + n * MINUTE for n in range(60)]
        assert (set(trend.low), set(trend.mean), set(trend.high)) == ({0.0}, {29.5}, {59.0})

    def test_an_hour_without_readings_is_a_gap(self, store: Store) -> None:
        hours = [n for n in range(24) if n != 7]
        store.write([reading(TODAY + hour * HOUR + n * MINUTE) for hour in hours for n in range(60)])
        (trend,) = store.trends([POWER], TODAY, TODAY + DAY, 24)
        assert [index for index, mean in enumerate(trend.mean) if mean is None] == [7]

    def test_bad_readings_are_counted_and_not_aggregated(self, store: Store) -> None:
        store.write([reading(TODAY + n * SECOND, {"power": 10.0}) for n in range(0, 3_600, 2)])
        store.write([bad(TODAY + n * SECOND) for n in range(1, 3_600, 2)])
        (trend,) = store.trends([POWER], TODAY, TODAY + HOUR, 60)
        assert (set(trend.mean), set(trend.bad)) == ({10.0}, {30})

    def test_an_hour_of_bad_readings_is_a_gap_with_a_count(self, store: Store) -> None:
        store.write([bad(TODAY + n * SECOND) for n in range(3_600)])
        (trend,) = store.trends([POWER], TODAY, TODAY + HOUR, 60)
        assert (set(trend.low), set(trend.mean), set(trend.high)) == ({None}, {None}, {None})
        assert sum(trend.bad) == 3_600

    def test_text_is_stored_and_not_aggregated(self, store: Store) -> None:
        store.write([reading(TODAY + n * SECOND, {"power": "run"}) for n in range(3_600)])
        (trend,) = store.trends([POWER], TODAY, TODAY + HOUR, 60)
        assert (set(trend.mean), sum(trend.bad)) == ({None}, 0)

    def test_the_live_edge_has_what_was_just_written(self, store: Store) -> None:
        store.write([reading(TODAY + n * SECOND, {"power": 1.0}) for n in range(7_200)])
        newest = TODAY + 7_200 * SECOND
        store.write([reading(newest, {"power": 500.0})])
        (trend,) = store.trends([POWER], TODAY, newest + 1, 60)
        assert trend.high[-1] == 500.0

    def test_samples_that_come_late_are_in_the_trend(self, store: Store) -> None:
        store.write([reading(TODAY + n * SECOND, {"power": 1.0}) for n in range(0, 7_200, 2)])
        store.write([reading(TODAY + 1_001 * SECOND, {"power": 500.0})])
        (trend,) = store.trends([POWER], TODAY, TODAY + 2 * HOUR, 8)
        assert [high for high in trend.high if high == 500.0] == [500.0]

    def test_several_threads_may_read_while_one_writes(self, store: Store) -> None:
        store.write([reading(TODAY)])
        ended = threading.Event()
        counts: list[list[int]] = [[] for _ in range(6)]

        def read(seen: list[int]) -> None:
            while not ended.is_set():
                seen.append(store.statistics().samples)
                seen.append(len(store.trends([POWER], TODAY, TODAY + HOUR, 10_000)[0].times))

        readers = [threading.Thread(target=read, args=(seen,)) for seen in counts]
        for thread in readers:
            thread.start()
        for number in range(1, 50):
            store.write([reading(TODAY + number * SECOND)])
        ended.set()
        for thread in readers:
            thread.join(timeout=10)
        assert not any(thread.is_alive() for thread in readers)
        assert all(seen == sorted(seen) for seen in ([*counts_[::2]] for counts_ in counts))
        assert store.statistics().samples == 50

    def test_several_threads_may_write(self, store: Store) -> None:
        def write(device: str) -> None:
            for number in range(20):
                store.write([reading(TODAY + number * SECOND, device=device)])

        writers = [threading.Thread(target=write, args=(f"d{n}",)) for n in range(4)]
        for thread in writers:
            thread.start()
        for thread in writers:
            thread.join(timeout=10)
        assert store.statistics().samples == 80

    def test_closing_twice_does_no_harm(self, store: Store) -> None:
        store.close()
        store.close()
