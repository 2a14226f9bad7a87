"""What the screen of `mbap watch` shows, at 80 and at 120 characters, without a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.cli.watchtext import ASCII, BLOCKS, FRESH, age, cells, chosen, mark, ordered, sparkline, steps_for
from mbap.cli.watchview import KEYS, Look, View, cut, widths
from mbap.diagnose.watching import Row, rows_of
from mbap.protocol.wire import Bits, Registers
from mbap.values import Encoding

NOW = 10.0
NUMBERS = st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False))


def sample() -> list[Row]:
    """One that is steady, one that rises, a float in another order, a silent one, a coil, one never read."""
    steady, rising, swapped, silent, coil, never = rows_of(
        ["hr0", "hr1", "hr10:float32,CDAB", "ir7:int16", "co3", "40108:float64,DCBA"]
    )
    for second in range(9):
        steady.take(Registers.of([20]), second, 0.0004)
        rising.take(Registers.of([second * second]), second, 0.0004)
        swapped.take(Registers.of([0, 0x4148]), second, 0.0123)
    silent.take(Registers.of([0xFFFF]), 1.0, 0.002)
    silent.miss("silent")
    for state in (False, True):
        coil.take(Bits.of([state]), 9.5, 0.001)
    return [steady, rising, swapped, silent, coil, never]


def screen(width: int, height: int = 12, trouble: str = "", **given: object) -> list[str]:
    view = View(sample(), "plc unit 1 every 1s", **given)  # type: ignore[arg-type]
    return [line.text.rstrip() for line in view.lines(width, height, NOW, "up 12.3 ms 9 rounds", trouble)]


def test_the_screen_at_80_characters() -> None:
    assert screen(80) == [
        "plc unit 1 every 1s  up 12.3 ms 9 rounds",
        "address  type                 value   trend         quality    age     ms errors",
        "hr0      uint16                  20   ▅▅▅▅▅▅▅▅▅     good      2.0s    0.4",
        "hr1      uint16                  64 ^ ▁▁▁▂▃▄▅▇█     good      2.0s    0.4",
        "hr10     float32,CDAB          12.5   ▅▅▅▅▅▅▅▅▅     good      2.0s   12.3",
        "ir7      int16                   -1   ▅             silent    9.0s    2.0      1",
        "co3      bool                    on * ▁█            good      0.5s    1.0",
        "hr107    float64,DCBA             -                 waiting      -      -",
        "",
        "hr0 (40001) uint16 0014 = 20",
        "",
        KEYS,
    ]


def test_the_screen_at_120_characters_has_references_and_a_longer_trend() -> None:
    lines = screen(120)
    head = "address  reference type                 value   trend"
    assert lines[1].startswith(head)
    assert lines[1].endswith("quality    age     ms errors")
    assert lines[3].startswith("hr1      40002     uint16                  64 ^ ▁▁▁▂▃▄▅▇█")
    assert {len(line) for line in lines[1:2]} == {120}


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40), (40, 8), (20, 6), (200, 50)])
def test_every_line_is_as_wide_and_the_screen_as_high_as_the_terminal(width: int, height: int) -> None:
    view = View(sample(), "plc unit 1 every 1s")
    lines = view.lines(width, height, NOW, "up", "a sentence about what is wrong, " * 9)
    assert len(lines) == height
    assert {len(line.text) for line in lines} == {width}


def test_the_columns_fill_80_characters() -> None:
    known = widths(80)
    assert sum(known.values()) + len(known) - 1 <= 80
    assert known["trend"] >= 8


def test_nothing_is_told_by_colour_alone() -> None:
    view = View(sample(), "plc")
    lines = view.lines(80, 12, NOW, "up", "no answer")
    assert next(line for line in lines if line.look is Look.CURSOR).text.startswith("hr0")
    assert " ^ " in next(line for line in lines if line.text.startswith("hr1 ")).text
    assert "silent" in next(line for line in lines if line.look is Look.OLD).text


def test_what_is_wrong_is_said_in_up_to_three_lines() -> None:
    lines = screen(80, trouble="tcp://plc:502, unit 1: no connection could be made: refused; " * 5)
    assert lines[-4].startswith("tcp://plc:502, unit 1: no connection could be made")
    assert lines[-2].endswith("~")


def test_what_a_key_led_to_is_said_instead_of_what_is_wrong() -> None:
    assert screen(80, trouble="no connection", message="hr0 is read as int16")[-2] == "hr0 is read as int16"


def test_on_a_high_screen_what_is_wrong_is_said_beside_what_a_key_led_to() -> None:
    lines = screen(80, 24, trouble="no connection", message="hr0 is read as int16")
    assert lines[-3:-1] == ["hr0 is read as int16", "no connection"]


@pytest.mark.parametrize(
    ("width", "heads"),
    [
        (60, ["address", "type", "value", "quality", "age", "ms"]),
        (52, ["address", "type", "value", "quality", "age"]),
        (41, ["address", "value", "quality", "age"]),
        (34, ["address", "value", "quality"]),
        (24, ["address", "value"]),
    ],
)
def test_on_a_narrow_screen_value_and_quality_stay_longest(width: int, heads: list[str]) -> None:
    assert [word for word in screen(width)[1].split() if word != "trend"] == heads
    assert screen(width)[-1] == "? help  q quit"


def test_the_chosen_row_stays_chosen_when_rows_change_places() -> None:
    view = View(sample(), "plc")
    view.move(1, NOW)
    view.sort = "value"
    lines = view.lines(80, 12, NOW, "", "")
    assert lines[2].look is Look.CURSOR
    assert lines[2].text.startswith("hr1 ")


def test_the_table_scrolls_with_the_chosen_row() -> None:
    view = View(rows_of(["hr0..99"]), "plc")
    view.move(50, NOW)
    texts = [line.text for line in view.lines(80, 15, NOW, "", "")]
    assert any(text.startswith("hr50 ") for text in texts)
    view.move(-1000, NOW)
    assert view.lines(80, 15, NOW, "", "")[2].text.startswith("hr0 ")
    view.move(1000, NOW)
    assert any(line.text.startswith("hr99 ") for line in view.lines(80, 15, NOW, "", ""))


def test_a_filter_that_nothing_matches_says_so() -> None:
    assert screen(80, words="nonsuch")[2] == "nothing matches 'nonsuch': / and Enter show everything again"


def test_the_chosen_row_is_shown_in_full() -> None:
    view = View(sample(), "plc")
    view.move(2, NOW)
    detail = view.lines(80, 12, NOW, "", "")[-3].text.rstrip()
    assert detail == "hr10..11 (40011..40012) float32,CDAB 0000 4148 = 12.5"


@pytest.mark.parametrize(
    ("words", "places"),
    [
        ("", ["hr0", "hr1", "hr10", "ir7", "co3", "hr107"]),
        ("hr1", ["hr1", "hr10", "hr107"]),
        ("float hr10", ["hr10", "hr107"]),
        ("40002", ["hr1"]),
        ("bad", ["ir7"]),
        ("changed", ["hr1", "co3"]),
        ("waiting", ["hr107"]),
    ],
)
def test_a_filter_is_words_that_a_row_has(words: str, places: list[str]) -> None:
    assert [row.place for row in chosen(sample(), words, NOW)] == places


@pytest.mark.parametrize(
    ("by", "places"),
    [
        ("address", ["hr0", "hr1", "hr10", "ir7", "co3", "hr107"]),
        ("changed", ["co3", "hr1", "hr0", "hr10", "ir7", "hr107"]),
        ("value", ["hr1", "hr0", "hr10", "co3", "ir7", "hr107"]),
        ("errors", ["ir7", "hr0", "hr1", "hr10", "co3", "hr107"]),
    ],
)
def test_rows_are_sorted_greatest_or_newest_first(by: str, places: list[str]) -> None:
    assert [row.place for row in ordered(sample(), by)] == places


def test_the_sorts_lead_around() -> None:
    view = View(sample(), "plc")
    seen = []
    for _ in range(4):
        view.next_sort()
        seen.append(view.sort)
    assert seen == ["changed", "value", "errors", "address"]


def test_a_mark_fades() -> None:
    rising = sample()[1]
    assert (mark(rising, 8.0), mark(rising, 8.0 + FRESH), mark(rising, 8.1 + FRESH)) == ("^", "^", "")


def test_a_value_that_fell_and_a_bit_that_changed_have_marks_of_their_own() -> None:
    (falling,), (text,) = rows_of(["hr0"]), rows_of(["hr0:string/1"])
    for row, words in ((falling, (9, 8)), (text, (0x4142, 0x4143))):
        for word in words:
            row.take(Registers.of([word]), 1.0, 0.0)
    assert (mark(falling, 1.0), mark(text, 1.0)) == ("v", "*")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0s"), (9.94, "9.9s"), (12, "12s"), (100, "2m"), (5999, "100m"), (7200, "2h")],
)
def test_an_age_is_short(seconds: float, text: str) -> None:
    (row,) = rows_of(["hr0"])
    row.take(Registers.of([1]), 100.0, 0.0)
    assert age(row, 100.0 + seconds) == text


def test_no_value_is_no_good_value() -> None:
    (row,) = rows_of(["hr0:float32"])
    row.take(Registers.of([0x7FC0, 0]), 1.0, 0.001)
    assert cells(row, 1.0)[3:7] == ("-", "", "", "none")


def test_a_trend_goes_from_lowest_to_highest() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == BLOCKS
    assert sparkline([7, 0, None, 7], 3, ASCII) == "_ #"
    assert sparkline([5, 5], 8) == "▅▅"
    assert sparkline([], 8) == ""
    assert sparkline([1], 0) == ""


@given(st.lists(NUMBERS, max_size=50), st.integers(0, 60))
def test_a_trend_of_any_numbers_fits_its_width(trend: list[float | None], width: int) -> None:
    assert len(sparkline(trend, width)) <= width


@pytest.mark.parametrize(
    ("encoding", "steps"), [("utf-8", BLOCKS), ("ascii", ASCII), (None, ASCII), ("nonsense", ASCII)]
)
def test_a_terminal_without_blocks_gets_ascii(encoding: str | None, steps: str) -> None:
    assert steps_for(encoding) == steps


def test_what_is_too_long_is_cut_visibly() -> None:
    assert (cut("abcdef", 4), cut("abc", 4), cut("abc", 0)) == ("abc~", "abc", "")


def test_every_order_of_every_number_fits_its_column() -> None:
    longest = max(
        len(rows_of([f"hr0:{kind},{order}"])[0].kind)
        for kind in ("uint16", "float32", "float64", "uint64", "bcd64")
        for order in ("ABCD", "CDAB", "BADC", "DCBA")
    )
    assert longest <= widths(80)["type"]
    assert Encoding("float64", "CDAB").order == "GHEFCDAB"
