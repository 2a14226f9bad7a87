"""Probing: what registers probably hold."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mbap.diagnose.probe import probe, probe_device
from mbap.diagnose.probeevidence import alike, evidence, is_sentinel
from mbap.diagnose.probefound import Block
from mbap.diagnose.probehints import Hints
from mbap.diagnose.probemovement import movement
from mbap.diagnose.probereadings import bits_text, hex_text
from mbap.diagnose.probetiling import PLAIN
from mbap.diagnose.probeword import BY_NAME
from mbap.values import ORDERS, Encoding

ORDER_NAMES = ORDERS[2]


def registers(order: str, *typed: tuple[str, float]) -> list[int]:
    return [word for kind, value in typed for word in Encoding(kind, order).encode(value)]


def meter(order: str, step: int) -> list[int]:
    """A block of a meter, as it moves."""
    return registers(
        order,
        ("float32", 231.37 + 0.21 * (step % 3)),
        ("float32", 229.81 - 0.13 * (step % 2)),
        ("float32", 5.317 + 0.031 * step),
        ("float32", 1230.63 + 4.7 * step),
        ("uint32", 123456 + 3 * step),
        ("int32", -512 + step),
    )


@pytest.mark.parametrize("order", ORDER_NAMES)
def test_a_meter_is_read_in_its_order(order: str) -> None:
    found = probe([meter(order, step) for step in range(5)], 100)
    assert found.order == order
    types = [place.guess.encoding.type for place in found.places]
    assert types == ["float32"] * 4 + ["uint32", "int32"]
    assert [place.guess.address for place in found.places] == [100, 102, 104, 106, 108, 110]


@pytest.mark.parametrize("order", ORDER_NAMES)
def test_text_is_found_whole_in_a_known_order(order: str) -> None:
    words = Encoding("string", order, length=6).encode("SDM630-V2.1")
    (place,) = probe([words], hints=Hints(order=ORDER_NAMES.index(order))).places
    assert (place.guess.kind, place.guess.values) == ("text", ("SDM630-V2.1",))


def test_a_mains_voltage_in_tenths_shows_its_scale() -> None:
    (place,) = probe([[2301], [2304], [2299]]).places
    assert place.guess.encoding.scale == 0.1


def test_a_known_value_decides_the_scale() -> None:
    (place,) = probe([[1235]], 100, Hints(known={100: 12.35})).places
    assert (place.guess.encoding.scale, place.guess.values) == (0.01, (12.35,))


def test_registers_that_are_not_there_divide_a_block() -> None:
    found = probe([[100, None, 200]])
    assert [place.guess.address for place in found.places] == [0, 2]


def test_every_sample_has_the_same_length() -> None:
    with pytest.raises(ValueError, match="same number"):
        probe([[1], [1, 2]])


def test_the_result_is_the_same_each_time() -> None:
    samples = [meter("CDAB", step) for step in range(4)]
    assert probe(samples) == probe(samples)


@given(st.data())
@settings(deadline=None, max_examples=40)
def test_places_cover_the_block_without_gap_or_overlap(data: st.DataObject) -> None:
    words = data.draw(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=12))
    at = 0
    for place in probe([words]).places:
        assert place.guess.address == at
        at += place.guess.encoding.count
    assert at == len(words)


def test_a_value_nearby_finds_the_scale() -> None:
    (place,) = probe([[4870]], hints=Hints(near=(48.7,))).places
    assert place.guess.encoding.scale == 0.01
    assert "is near 48.7" in place.guess.reason


def test_a_counter_that_falls_is_none() -> None:
    falling, rising = [[500], [490], [480]], [[480], [490], [500]]
    against = probe(falling, hints=Hints(counter=True)).places[0].guess.parts
    forth = probe(rising, hints=Hints(counter=True)).places[0].guess.parts
    assert any(part.points < 0 and "falls" in part.reason for part in against)
    assert any(part.points > 0 and part.reason == "it rises" for part in forth)


def test_what_jumps_is_not_slow() -> None:
    parts = probe([[100], [9000]], hints=Hints(slow=True)).places[0].guess.parts
    assert any(part.points < 0 and "jumps" in part.reason for part in parts)


def test_blocks_of_one_device_share_its_order() -> None:
    clear = Block([meter("CDAB", step) for step in range(4)])
    alone = registers("CDAB", ("float32", 12.5))
    assert [found.order for found in probe_device([clear, Block([alone], 500)])] == ["CDAB", "CDAB"]


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("uint16", 0xFFFF),
        ("int16", 0x8000),
        ("int32", 0x7FFFFFFF),
        ("float32", 0x7FC00000),
        ("float32", 0xFFFFFFFF),
    ],
)
def test_what_devices_send_for_no_value_is_known(kind: str, pattern: int) -> None:
    assert is_sentinel(BY_NAME[kind], pattern)
    (part,) = (part for part in evidence(BY_NAME[kind], [pattern]) if "no value" in part.reason)
    assert part.points > 0


def test_a_register_of_flags_is_shown_as_bits() -> None:
    (place,) = probe([[0x0810], [0x0810], [0x2810]]).places
    assert place.guess.kind == "bits"


def test_the_points_of_a_guess_are_the_sum_of_its_parts_and_what_is_around() -> None:
    (place,) = probe([[2301]]).places
    around = PLAIN[None]["whole16"]
    assert place.guess.points == pytest.approx(
        sum(part.points for part in place.guess.parts) - around, abs=0.06
    )


def test_bits_and_hex_are_written_in_fours() -> None:
    assert (bits_text(0x0801), hex_text([0x4366, 0x8000])) == ("0000 1000 0000 0001", "4366 8000")


def moving(kind: str, *patterns: int) -> float:
    """The points of *kind* for how *patterns* move."""
    return sum(part.points for part in movement(BY_NAME[kind], patterns))


def test_a_gauge_beside_one_that_stands_still_is_not_one_wide_number() -> None:
    wide = moving("uint32", *((50 << 16) + low for low in (3850, 3852, 3849, 3851, 3848)))
    narrow = moving("uint16", 50, 50, 50, 50, 50) + moving("uint16", 3850, 3852, 3849, 3851, 3848)
    assert narrow > wide + 3


def test_a_counter_may_be_large_for_its_steps() -> None:
    wide = moving("uint32", *((50 << 16) + low for low in (3850, 3852, 3854, 3857, 3859)))
    narrow = moving("uint16", 50, 50, 50, 50, 50) + moving("uint16", 3850, 3852, 3854, 3857, 3859)
    assert wide > narrow


def test_a_carry_speaks_for_one_wide_number() -> None:
    counted = [131070 + 3 * step for step in range(5)]
    wide = moving("uint32", *counted)
    narrow = moving("uint16", *(one >> 16 for one in counted)) + moving(
        "uint16", *(one & 0xFFFF for one in counted)
    )
    assert wide > narrow + 10


def test_a_sign_speaks_for_a_signed_number() -> None:
    around_zero = [number & 0xFFFFFFFF for number in (-3, 4, -1, 2, -2)]
    assert moving("int32", *around_zero) > moving("uint32", *around_zero) + 20


@pytest.mark.parametrize("kind", ["uint16", "int32", "float32", "uint64"])
def test_the_chances_of_all_steps_of_a_gauge_sum_to_one_at_most(kind: str) -> None:
    width, middle = BY_NAME[kind], 0x2710
    chances = (
        2.0 ** (moving(kind, middle, middle + step) - width.bits) for step in range(-6000, 6000) if step
    )
    assert sum(chances) <= 1


@pytest.mark.parametrize("order", ORDER_NAMES)
def test_more_samples_do_not_change_a_reading_that_was_right(order: str) -> None:
    samples = [meter(order, step) for step in range(20)]
    first = [place.guess.encoding for place in probe(samples[:5]).places]
    for count in (8, 12, 20):
        assert [place.guess.encoding for place in probe(samples[:count]).places] == first


def test_three_values_like_each_other_are_one_after_the_other() -> None:
    assert alike(BY_NAME["uint16"], 2301, 2304) > 4
    assert alike(BY_NAME["uint16"], 2301, 12) == 0
    assert alike(BY_NAME["float32"], 0x4366_6666, 0x4365_0000) > 4


def test_wide_values_begin_at_addresses_of_one_parity() -> None:
    words = registers("ABCD", *(("uint32", 70000 + 9000 * number) for number in range(6)))
    assert [place.guess.address for place in probe([words], 101).places] == [101, 103, 105, 107, 109, 111]


def test_how_sure_a_guess_is_counts_readings_that_lie_across_its_beginning() -> None:
    samples = [[0, 1200 + step] for step in range(3)]
    ahead = probe(samples, hints=Hints(known={1: 1200 + 2})).places[-1]
    assert ahead.guess.address == 1
    assert ahead.astride > 20
    assert ahead.lead <= ahead.astride


def test_the_same_number_in_more_registers_is_another_reading() -> None:
    (place,) = probe([[0x0000, 0x0159]], hints=Hints(order=0)).places
    rival = next(one for one in place.others if one.encoding.count == 1)
    assert place.lead <= rival.behind
