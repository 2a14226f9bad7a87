"""Without a profile: the order of words by what registers look like, and never surer than they allow."""

from __future__ import annotations

import random

import pytest

from mbap.addresses import Table
from mbap.collect.profiles import load_profile, profile_names
from mbap.collect.registermap import Point
from mbap.diagnose.doctor import likeness
from mbap.diagnose.doctor.finding import Severity
from mbap.diagnose.doctor.prescription import prescribe
from mbap.values import Encoding
from support.doctored import Memory, laid_out, remembered

HOLDING, INPUT = Table.HOLDING_REGISTERS, Table.INPUT_REGISTERS
METER = {100 + 2 * at: value for at, value in enumerate((231.5, 229.8, 230.2, 4.21, 4.5, 3.9, 950.5, 50.01))}


def zeros(table: Table, first: int, count: int) -> Memory:
    return {(table, first + at): 0 for at in range(count)}


@pytest.mark.parametrize("order", ["ABCD", "CDAB", "BADC", "DCBA"])
def test_floats_tell_the_order_of_words_for_sure(order: str) -> None:
    case, _ = remembered(laid_out(INPUT, METER, Encoding("float32", order)))
    found = likeness.guess(case)
    assert (found.data["order"], found.data["sure"]) == (order, "sure")
    assert f"order of words looks like {order} (sure): 8 places look like float32" in found.seen
    assert "is 231.5" in found.means


def test_the_command_that_tells_more_is_exact() -> None:
    case, _ = remembered(laid_out(INPUT, METER, Encoding("float32", "CDAB")), unit=3)
    case.known.unit = 3
    assert likeness.guess(case).advice.endswith("mbap probe tcp://127.0.0.1:502 ir100..115 --unit 3")


def test_what_is_prescribed_reads_values_with_type_and_order() -> None:
    case, _ = remembered(laid_out(INPUT, METER, Encoding("float32", "CDAB")))
    likeness.guess(case)
    case.known.place = None
    assert prescribe(case) is None
    from mbap.addresses import Location

    case.known.place = Location(INPUT, 100)
    prescription = prescribe(case)
    assert prescription is not None
    assert "ir100:float32,CDAB ir102:float32,CDAB" in prescription.command
    assert prescription.profile == '[profile]\nword_order = "CDAB"'


def test_a_scale_that_is_only_likely_is_shown_as_such_and_not_prescribed() -> None:
    case, _ = remembered({(INPUT, at): word for at, word in enumerate((1800, 700, 2400))})
    assert "perhaps ir2:uint16,scale=0.1 is 240" in likeness.guess(case).means
    assert case.known.items == []


def test_registers_that_are_all_zero_tell_nothing() -> None:
    case, _ = remembered(zeros(HOLDING, 0, 30))
    found = likeness.guess(case)
    assert "hr0..29 are all 0" in found.seen
    assert case.known.order == ""
    assert case.known.items == []


def test_single_registers_leave_the_order_open() -> None:
    memory = {(HOLDING, at): word for at, word in enumerate((2301, 2299, 2310, 412, 398, 5001))}
    case, _ = remembered(memory)
    found = likeness.guess(case)
    assert (found.data["order"], found.data["sure"]) == (None, "open")
    assert "cannot be told" in found.seen
    assert "--known PLACE=VALUE" in found.advice
    assert case.known.order == ""


def test_one_number_alone_leaves_the_order_open() -> None:
    case, _ = remembered(laid_out(HOLDING, {0: 231.5}, Encoding("float32", "CDAB")))
    assert likeness.guess(case).data["sure"] == "open"


def test_noise_is_not_taken_for_an_order() -> None:
    for seed in range(8):
        noise = random.Random(seed)
        case, _ = remembered({(HOLDING, at): noise.randrange(1, 65536) for at in range(40)})
        assert likeness.guess(case).data["sure"] != "sure"


def test_a_table_that_is_zero_is_left_out_of_what_is_said() -> None:
    case, _ = remembered(laid_out(INPUT, METER, Encoding("float32")) | zeros(HOLDING, 0, 20))
    assert likeness.guess(case).data["registers"] == ["ir100..115"]


def test_where_only_bits_can_be_read_nothing_is_asked() -> None:
    case, asking = remembered({})
    assert likeness.guess(case).severity is Severity.SKIPPED
    assert asking.asked == []


def test_a_few_reads_are_enough() -> None:
    case, asking = remembered(laid_out(INPUT, METER, Encoding("float32")) | zeros(HOLDING, 0, 7))
    likeness.guess(case)
    assert len(asking.asked) <= 2 * (likeness.SAMPLES + 5)
    assert max(count for _, _, count in asking.asked) <= likeness.MOST


NAMES = [name for name in profile_names() if not name.startswith("demo")]
USUAL = {"V": (226, 236), "A": (0.3, 16), "Hz": (49.97, 50.03), "°C": (15, 45), "%": (2, 98)}
POWERS = {"W": 1.0, "VA": 1.0, "var": 0.3, "kW": 0.001, "kVA": 0.001, "kvar": 0.0003}


def living(point: Point, source: random.Random) -> float:
    """A value that such a point has in a house."""
    low, high = USUAL.get(point.unit, (1, 6))
    if point.unit in POWERS:
        low, high = 60 * POWERS[point.unit], 6000 * POWERS[point.unit]
    elif point.unit.endswith("h"):
        low, high = 20, 42_000
    assert point.encoding is not None
    most = (2 ** (16 * point.count - 1) - 1) * point.encoding.scale
    return source.uniform(low, min(high, most))


@pytest.mark.parametrize("name", NAMES)
def test_an_order_that_is_called_sure_is_that_of_the_device(name: str) -> None:
    profile, source = load_profile(name), random.Random(name)
    order = source.choice(["ABCD", "CDAB", "BADC", "DCBA"])
    points = [point for point in profile.points if point.encoding and point.encoding.bit is None]
    numbers = [point for point in points if point.encoding and not point.encoding.length]
    table, first = numbers[0].table, numbers[0].address
    words = dict.fromkeys(range(first, first + likeness.MOST), 0)
    for point in numbers:
        if point.table is table and first <= point.address <= first + likeness.MOST - point.count:
            assert point.encoding is not None
            encoding = Encoding(point.encoding.type, order, point.encoding.scale)
            words |= dict(enumerate(encoding.encode(living(point, source)), point.address))
    samples = [list(words.values())] * likeness.SAMPLES
    looks = likeness.look([likeness.Stretch(table, first, samples)])
    assert looks.sure != "sure" or looks.order == order
