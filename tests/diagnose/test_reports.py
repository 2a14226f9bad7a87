"""What is made of exchanges: counts, writes, a timeline, device files and profiles."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mbap.addresses import Table
from mbap.collect.profilefile import parse_profile
from mbap.diagnose import capturestats
from mbap.diagnose.capture import Captured, decoded
from mbap.diagnose.capturedevice import DeviceFromCapture
from mbap.diagnose.captureprofile import ProfileFromCapture, rounded
from mbap.diagnose.capturestats import Statistics
from mbap.diagnose.capturewrites import Writes
from mbap.diagnose.devicetext import KnownUnit, device_text
from mbap.diagnose.seen import Run, Seen
from mbap.diagnose.timeline import MOST_ROWS, Timeline
from mbap.server.devicefile import parse_device_file

SECOND = 1_000_000


def exchange(
    pdu: str,
    answer: str | None = None,
    *,
    at: int = 0,
    after: int = 1000,
    client: str = "10.0.0.5",
    server: str = "10.0.0.9",
    unit: int = 1,
) -> Captured:
    asked = bytes.fromhex(pdu)
    request = decoded(asked) if asked else None
    made = Captured(at, client, 40_000, server, 502, unit, 1, request, asked)
    if answer is not None:
        made.response, made.response_time = bytes.fromhex(answer), at + after
    return made


READ = exchange("03 0000 0002", "03 04 0007 0008")


def writes_of(*exchanges: Captured) -> list[tuple[tuple[int | None, ...], tuple[int, ...] | None]]:
    writes = Writes()
    found = [writes.take(one) for one in exchanges]
    return [(one.old, one.new) for one in found if one is not None]


def test_an_old_value_comes_from_a_read_before() -> None:
    assert writes_of(READ, exchange("06 0001 0009", "06 0001 0009")) == [((8,), (9,))]


def test_an_old_value_comes_from_a_write_before() -> None:
    one = exchange("10 0000 0002 04 0001 0002", "10 0000 0002")
    assert writes_of(one, one) == [((None, None), (1, 2)), ((1, 2), (1, 2))]


def test_a_write_that_was_refused_changes_nothing() -> None:
    refused, later = exchange("06 0001 0009", "86 02"), exchange("06 0001 000a", "06 0001 000a")
    assert writes_of(READ, refused, later)[1] == ((8,), (10,))


def test_a_write_that_nobody_answered_is_not_taken_for_done() -> None:
    later = exchange("06 0001 000a", "06 0001 000a")
    assert writes_of(READ, exchange("06 0001 0009"), later)[1] == ((8,), (10,))


def test_values_of_other_units_and_servers_are_others() -> None:
    write = exchange("06 0001 0009", "06 0001 0009", unit=2)
    there = exchange("06 0001 0009", "06 0001 0009", server="10.0.0.8")
    assert writes_of(READ, write, there) == [((None,), (9,)), ((None,), (9,))]


def test_a_mask_write_needs_the_old_value_for_the_new_one() -> None:
    mask = exchange("16 0000 00f2 0025", "16 0000 00f2 0025")
    assert writes_of(mask, READ, mask) == [((None,), None), ((7,), (0x07,))]


def test_function_23_reads_what_it_wrote() -> None:
    both = exchange("17 0000 0002 0000 0001 02 0005", "17 04 0005 0008")
    assert writes_of(READ, both, exchange("06 0000 0006", "06 0000 0006")) == [((7,), (5,)), ((5,), (6,))]


def test_coils_have_old_values_too() -> None:
    read = exchange("01 0000 0003", "01 01 05")
    assert writes_of(read, exchange("0f 0000 0003 01 02", "0f 0000 0003")) == [((1, 0, 1), (0, 1, 0))]


@given(st.lists(st.tuples(st.integers(0, 2000), st.lists(st.integers(0, 65535), min_size=1, max_size=125))))
def test_what_was_put_last_is_found(puts: list[tuple[int, list[int]]]) -> None:
    seen, model = Seen(), dict[int, int]()
    for address, values in puts:
        words = "".join(f"{one:04x}" for one in values)
        count = len(values)
        seen.take(exchange(f"03 {address:04x} {count:04x}", f"03 {2 * count:02x} {words}"))
        model.update(enumerate(values, address))
    of = ("10.0.0.9", 502, 1)
    assert seen.get(of, Table.HOLDING_REGISTERS, 0, 2200) == [model.get(at) for at in range(2200)]
    runs = {run.address + at: one for run in seen.runs(of) for at, one in enumerate(run.values)}
    assert runs == model


STEPS = st.one_of(
    st.tuples(st.just("read"), st.integers(0, 9), st.integers(1, 4), st.integers(0, 65535)),
    st.tuples(st.just("write"), st.integers(0, 9), st.just(1), st.integers(0, 65535)),
    st.tuples(
        st.sampled_from(["refused", "malformed", "asked"]), st.integers(0, 9), st.integers(1, 4), st.just(0)
    ),
)


@given(st.lists(STEPS, max_size=40))
@example([("read", 0, 1, 1), ("read", 0, 2, 0), ("malformed", 0, 2, 0)])
def test_values_are_known_as_of_every_moment(steps: list[tuple[str, int, int, int]]) -> None:
    seen, model, of = Seen(), dict[int, int](), ("10.0.0.9", 502, 1)
    for kind, address, count, value in steps:
        pdu = f"03 {address:04x} {count:04x}"
        if kind == "read":
            seen.take(exchange(pdu, f"03 {2 * count:02x} " + f"{value:04x}" * count))
            model.update(dict.fromkeys(range(address, address + count), value))
        elif kind == "write":
            seen.take(exchange(f"06 {address:04x} {value:04x}", f"06 {address:04x} {value:04x}"))
            model[address] = value
        elif kind == "asked":
            assert seen.get(of, Table.HOLDING_REGISTERS, address, count) == [
                model.get(at) for at in range(address, address + count)
            ]
        else:
            seen.take(exchange(pdu, "83 02" if kind == "refused" else "03 02 00"))
    assert seen.get(of, Table.HOLDING_REGISTERS, 0, 300) == [model.get(at) for at in range(300)]


def test_what_waits_to_be_looked_at_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mbap.diagnose.seen.MOST_WAITING", 5)
    seen = Seen()
    for address in range(100):
        seen.take(exchange(f"03 {address:04x} 0001", f"03 02 {address:04x}"))
        assert seen.waiting <= 6
    assert seen.get(("10.0.0.9", 502, 1), Table.HOLDING_REGISTERS, 0, 100) == list(range(100))


def test_reads_of_the_same_block_are_one_row_with_its_period() -> None:
    statistics = Statistics()
    for number in range(10):
        statistics.take(exchange("03 0000 0002", "03 04 0000 0000", at=number * SECOND))
    (row,) = statistics.rows
    assert (row.requests, row.answers, row.period) == (10, 10, SECOND)


def test_reads_in_bursts_have_the_period_that_the_device_has_to_answer_in() -> None:
    statistics = Statistics()
    for at in range(0, 20 * SECOND, SECOND):
        for after in (0, 7_000):
            statistics.take(exchange("03 0000 0002", "03 04 0000 0000", at=at + after))
    assert statistics.rows[0].period == pytest.approx(SECOND / 2, rel=0.05)


def test_a_pause_does_not_change_the_period() -> None:
    statistics = Statistics()
    for at in (0, 1, 2, 3, 500, 501, 502):
        statistics.take(exchange("03 0000 0002", "03 04 0000 0000", at=at * SECOND))
    assert statistics.rows[0].period == SECOND


def test_writes_of_different_values_are_one_row() -> None:
    statistics = Statistics()
    for value in range(5):
        statistics.take(exchange(f"06 0000 {value:04x}", f"06 0000 {value:04x}"))
    assert [row.requests for row in statistics.rows] == [5]
    assert statistics.writes() == 5


def test_what_went_wrong_is_counted_by_kind() -> None:
    statistics = Statistics(slow=0.5)
    statistics.take(exchange("03 0000 0002", "83 02"))
    statistics.take(exchange("03 0000 0002"))
    statistics.take(exchange("", "03 04 0000 0000"))
    statistics.take(exchange("03 0000 0002", "03 04 0000 0000", after=SECOND))
    whole = statistics.whole()
    assert dict(whole.exceptions) == {2: 1}
    assert (whole.requests, whole.answers, whole.unanswered, whole.unasked, whole.slow) == (3, 3, 1, 1, 1)


def test_the_slowest_are_few_and_in_order() -> None:
    statistics = Statistics()
    for delay in range(100):
        statistics.take(exchange("03 0000 0002", "03 04 0000 0000", after=delay))
    assert [delay for delay, _ in statistics.slowest] == list(range(99, 89, -1))


def test_h155_rows_are_bounded_and_the_sums_stay_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capturestats, "MOST_ROWS", 10)
    statistics = Statistics()
    for address in range(1000):
        statistics.take(exchange(f"03 {address:04x} 0001", "03 02 0000", client=f"10.0.{address % 7}.1"))
    assert len(statistics.rows) == 11
    assert (statistics.whole().requests, statistics.together) == (1000, 990)
    assert [row.requests for row in statistics.functions()] == [1000]


@given(st.lists(st.integers(-(10**9), 10**15), min_size=1, max_size=200))
def test_a_timeline_has_few_rows_and_loses_nothing(times: list[int]) -> None:
    timeline = Timeline()
    for at in times:
        timeline.take(exchange("03 0000 0002", at=at))
    rows = timeline.rows()
    assert len(rows) <= MOST_ROWS
    assert sum(row.exchanges for _, row in rows) == len(times)
    assert rows[0][0] <= min(times) < rows[0][0] + timeline.width


def test_a_timeline_says_who_appeared_when_and_wrote_when() -> None:
    timeline = Timeline()
    timeline.take(exchange("03 0000 0002", at=1))
    timeline.take(exchange("03 0000 0002", at=2, client="10.0.0.66"))
    timeline.take(exchange("06 0000 0002", at=3, client="10.0.0.66"))
    assert [(one.client, one.first, one.last, one.first_write) for one in timeline.talkers()] == [
        ("10.0.0.5", 1, 1, None),
        ("10.0.0.66", 2, 3, 3),
    ]


def device_of(*exchanges: Captured) -> str:
    device = DeviceFromCapture()
    for one in exchanges:
        device.take(one)
    return device.text()


def test_a_device_has_the_first_values_and_its_identification() -> None:
    identification = exchange("2b 0e 01 00", "2b 0e 01 81 00 00 01 00 04 41434d45")
    text = device_of(READ, exchange("06 0001 0009", "06 0001 0009"), identification)
    unit = parse_device_file(text).units[1]
    assert unit.values[Table.HOLDING_REGISTERS] == {0: [7, 8]}
    assert unit.identification == {0: b"ACME"}


def test_a_device_of_several_servers_says_how_to_choose() -> None:
    with pytest.raises(ValueError, match=r"2 servers were seen .* filter server == 10\.0\.0\.8"):
        device_of(READ, exchange("03 0000 0001", "03 02 0001", server="10.0.0.8"))


def test_a_device_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing was read or written"):
        device_of(exchange("03 0000 0001", "83 02"))


def test_h152_text_of_strangers_is_escaped_in_a_device_file() -> None:
    evil = b'\x1b[2J"\n[faults]\n#\\\x7f'
    text = device_text("A\n[x]", {1: KnownUnit(identification={0: evil})}, ["one\n[two]"])
    assert parse_device_file(text).units[1].identification == {0: evil}
    assert text.isascii()
    assert text.count("[faults]\n") == 0


@given(st.lists(st.sampled_from([0, 0, 0, 0, 1, 65535]), min_size=1, max_size=200), st.sampled_from(Table))
def test_a_device_file_gives_back_every_value(values: list[int], table: Table) -> None:
    if table.holds_bits:
        values = [value & 1 for value in values]
    text = device_text("x", {7: KnownUnit(runs=[Run(table, 65_336 - len(values), values)])})
    entries = parse_device_file(text).units[7].values[table]
    assert [value for _, items in sorted(entries.items()) for value in items] == values


def test_a_profile_has_the_blocks_by_their_periods() -> None:
    profile = ProfileFromCapture()
    for number in range(20):
        profile.take(exchange("03 0000 0002", "03 04 0000 0000", at=number * 998_000))
        if number % 5 == 0:
            profile.take(exchange("04 0010 0001", "04 02 0000", at=number * SECOND))
    text = profile.text()
    points = {point.name: point.group for point in parse_profile(text, "x").points}
    assert points == {"hr0": "every_1s", "hr1": "every_1s", "ir16": "every_5s"}
    assert "# every_1s: hr0..1, by 10.0.0.5" in text


def test_a_profile_of_several_units_says_how_to_choose() -> None:
    profile = ProfileFromCapture()
    for unit in (1, 2):
        profile.take(exchange("03 0000 0002", "03 04 0000 0000", unit=unit))
    with pytest.raises(ValueError, match=r"2 units were read.*server == 10\.0\.0\.9 && unit == 1"):
        profile.text()


def test_a_profile_is_bounded() -> None:
    profile = ProfileFromCapture()
    for address in range(0, 12_000, 100):
        profile.take(exchange(f"03 {address:04x} 0064", "03 c8 " + "0000" * 100))
    assert len(parse_profile(profile.text(), "x").points) == 5000


@pytest.mark.parametrize(
    ("seconds", "period"),
    [(0.998, 1.0), (5.01, 5.0), (0.2503, 0.25), (61.0, 60.0), (1.1, 1.1), (0.0001, None)],
)
def test_periods_are_rounded_to_what_somebody_set(seconds: float, period: float | None) -> None:
    assert rounded(seconds) == period


def test_the_last_of_a_device_file_is_a_line_end(tmp_path: Path) -> None:
    assert device_of(READ).endswith("]\n")
