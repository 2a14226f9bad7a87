"""Values: every type in every order, there and back; scales without noise; what means "no value"."""

from __future__ import annotations

import copy
import math
import pickle
import struct
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.protocol.wire import Registers
from mbap.values import (
    NO_VALUE,
    ORDERS,
    TYPES,
    VENDOR_WORDS,
    Encoding,
    Value,
)
from support.encodings import NUMBERS, WHOLE, encodings, values_of


@given(st.data(), encodings())
def test_a_value_comes_back_from_its_registers(data: st.DataObject, encoding: Encoding) -> None:
    value = data.draw(values_of(encoding))
    assert encoding.decode(encoding.encode(value)) == value


@given(st.data(), encodings(WHOLE), st.sampled_from([0.1, 0.01, 0.001, 2.0, 10.0, -0.5, 1e-6, 1 / 3]))
def test_a_scaled_value_comes_back_from_its_registers(
    data: st.DataObject, plain: Encoding, scale: float
) -> None:
    encoding = Encoding(plain.type, plain.order, scale=scale, offset=-40.0)
    raw = data.draw(values_of(plain).filter(lambda number: abs(number) < 10**12))
    value = encoding.decode(plain.encode(raw))
    assert encoding.encode(value) == plain.encode(raw)


@given(st.integers(-32768, 32767), st.sampled_from([1, 2, 3]))
def test_a_scaled_whole_number_shows_no_float_noise(raw: int, digits: int) -> None:
    value = Encoding("int16", scale=float(f"1e-{digits}")).decode([raw & 0xFFFF])
    assert value == float(f"{raw}e-{digits}")


def test_a_scaled_float_is_written_unscaled() -> None:
    assert Encoding("float32", scale=0.1, offset=-40).encode(-17.0) == Encoding("float32").encode(230.0)


@given(st.floats(-1e6, 1e6, width=32), st.sampled_from([0.1, 1000.0]), st.sampled_from([0.0, -40.0]))
def test_a_scaled_float_comes_back_from_its_registers(raw: float, scale: float, offset: float) -> None:
    encoding = Encoding("float64", scale=scale, offset=offset)
    assert encoding.decode(encoding.encode(raw)) == pytest.approx(raw, abs=1e-6)


def test_2301_tenths_are_230_1() -> None:
    assert repr(Encoding("uint16", scale=0.1).decode([2301])) == "230.1"


def test_a_whole_scale_leaves_a_whole_number() -> None:
    assert repr(Encoding("uint16", scale=10, offset=5).decode([2])) == "25"


@pytest.mark.parametrize(
    ("order", "wire"),
    [
        ("ABCD", "42F6 E979"),
        ("CDAB", "E979 42F6"),
        ("BADC", "F642 79E9"),
        ("DCBA", "79E9 F642"),
        ("AB", "42F6 E979"),
        ("GHEFCDAB", "E979 42F6"),
        ("cdab", "E979 42F6"),
        ("", "42F6 E979"),
    ],
)
def test_a_float32_lies_in_its_order(order: str, wire: str) -> None:
    assert Encoding("float32", order).decode(bytes.fromhex(wire)) == pytest.approx(123.456)


@pytest.mark.parametrize(
    ("order", "wire"),
    [
        ("ABCD", "0102 0304 0506 0708"),
        ("CDAB", "0708 0506 0304 0102"),
        ("BADC", "0201 0403 0605 0807"),
        ("DCBA", "0807 0605 0403 0201"),
    ],
)
def test_64_bits_lie_in_the_analogue_order(order: str, wire: str) -> None:
    assert Encoding("uint64", order).decode(bytes.fromhex(wire)) == 0x0102030405060708


@pytest.mark.parametrize(
    ("order", "value"), [("AB", 0x0102), ("BA", 0x0201), ("CDAB", 0x0102), ("BADC", 0x0201), ("DCBA", 0x0201)]
)
def test_16_bits_lie_in_the_analogue_order(order: str, value: int) -> None:
    assert Encoding("uint16", order).decode([0x0102]) == value


def test_registers_and_wire_bytes_decode_alike() -> None:
    data: list[Sequence[int]] = [
        b"\x43\x66\x00\x00",
        bytearray(b"\x43\x66\x00\x00"),
        [0x4366, 0],
        (0x4366, 0),
        Registers.of([0x4366, 0]),
    ]
    assert [Encoding("float32").decode(item) for item in data] == [230.0] * 5


@pytest.mark.parametrize("wrong", [b"", b"\0\0", [1, 2, 3], b"\0\0\0"])
def test_data_of_another_size_is_refused(wrong: Sequence[int]) -> None:
    with pytest.raises(ValueError, match="float32 takes 2 registers, not"):
        Encoding("float32").decode(wrong)


def test_a_register_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="a register is 0 to 65535, not 65536"):
        Encoding("uint16").decode([65536])


@given(st.integers(0, 0xFFFF), st.integers(0, 15))
def test_a_bool_is_one_bit_of_its_register(register: int, bit: int) -> None:
    assert Encoding("bool", bit=bit).decode([register]) is bool(register >> bit & 1)


def test_a_bool_without_bit_is_whether_the_register_is_anything_but_zero() -> None:
    assert [Encoding("bool").decode([register]) for register in (0, 1, 0xFF00)] == [False, True, True]


@given(st.integers(0, 0xFFFF), st.integers(0, 15), st.booleans())
def test_masks_change_only_their_bit(old: int, bit: int, value: bool) -> None:
    and_mask, or_mask = Encoding("bool", bit=bit).masks(value)
    new = old & and_mask | or_mask & ~and_mask & 0xFFFF
    assert new == (old | 1 << bit if value else old & ~(1 << bit))


def test_one_bit_is_not_written_as_a_whole_register() -> None:
    with pytest.raises(ValueError, match="write it with a mask"):
        Encoding("bool", bit=3).encode(True)


def test_a_whole_register_has_no_masks() -> None:
    with pytest.raises(ValueError, match="whole register"):
        Encoding("uint16").masks(True)


@pytest.mark.parametrize("value", [2, "on", 1.0, None])
def test_masks_take_true_and_false_only(value: Any) -> None:
    with pytest.raises(ValueError, match="bool takes true or false"):
        Encoding("bool", bit=0).masks(value)


def test_bcd_reads_as_its_digits() -> None:
    assert Encoding("bcd32", "CDAB").decode([0x5678, 0x1234]) == 12345678


@pytest.mark.parametrize("registers", [[0x123A], [0xFFFF], [0xF000]])
def test_bcd_with_a_digit_above_9_is_no_value(registers: list[int]) -> None:
    assert Encoding("bcd16").decode(registers) is None


@pytest.mark.parametrize("name", NO_VALUE)
def test_the_default_sentinel_of_a_type_is_no_value(name: str) -> None:
    encoding = Encoding(name, sentinels=("default",))
    wire = NO_VALUE[name].to_bytes(encoding.count * 2, "big")
    assert encoding.decode(wire) is None


@pytest.mark.parametrize("sentinel", [0x8000, -32768, "0x8000", "-32768", "default"])
def test_a_sentinel_is_a_bit_pattern_or_a_number(sentinel: int | str) -> None:
    assert Encoding("int16", sentinels=(sentinel,)) == Encoding("int16", sentinels=(-32768,))


@pytest.mark.parametrize("name", ["float16", "float32", "float64"])
@pytest.mark.parametrize("special", [math.nan, math.inf, -math.inf])
def test_nan_and_infinity_are_no_value(name: str, special: float) -> None:
    code = TYPES[name].code
    assert Encoding(name, scale=2).decode(struct.pack(f">{code}", special)) is None
    assert Encoding(name).decode(struct.pack(f">{code}", special)) is None


def test_a_float_that_the_scale_makes_infinite_is_no_value() -> None:
    assert Encoding("float64", scale=1e300).decode(struct.pack(">d", 1e300)) is None


def test_a_sentinel_of_a_float_is_compared_as_the_float_it_becomes() -> None:
    assert Encoding("float32", sentinels=(-9999.9,)).decode(struct.pack(">f", -9999.9)) is None


def test_nan_may_be_named_as_the_sentinel_that_it_is_anyway() -> None:
    assert Encoding("float32", sentinels=("nan", "default", math.inf)) == Encoding("float32")


@given(encodings(NUMBERS))
def test_no_value_comes_back_as_no_value(encoding: Encoding) -> None:
    if encoding.type in NO_VALUE:
        encoding = Encoding(encoding.type, encoding.order, sentinels=("default",))
    assert encoding.decode(encoding.encode(None)) is None


@pytest.mark.parametrize("encoding", [Encoding("uint16"), Encoding("bool"), Encoding("string", length=2)])
def test_no_value_cannot_be_written_where_nothing_means_it(encoding: Encoding) -> None:
    with pytest.raises(ValueError, match=r"no sentinel|takes true"):
        encoding.encode(None)


@pytest.mark.parametrize(
    ("encoding", "value", "says"),
    [
        (Encoding("int16"), 32768, "32768 is out of range: int16 takes -32768 to 32767"),
        (Encoding("uint16"), -1, "-1 is out of range: uint16 takes 0 to 65535"),
        (Encoding("int16", scale=0.1), 4000, "int16 with this scale takes -3276.8 to 3276.7"),
        (Encoding("int16", scale=-0.1), 4000, "takes -3276.7 to 3276.8"),
        (Encoding("bcd16"), 10000, "bcd16 takes 0 to 9999"),
        (Encoding("float16"), 70000, "70000 is too large for float16"),
        (Encoding("float32"), 1e39, "too large for float32"),
        (Encoding("float64"), 10**400, "too large for float64"),
        (Encoding("float32"), math.nan, "float32 takes a finite number"),
        (Encoding("uint16"), math.inf, "uint16 takes a finite number"),
        (Encoding("uint16"), "7", "uint16 takes a number, not '7'"),
        (Encoding("uint16", sentinels=(0xFFFF,)), 65535, "means 'no value' here"),
        (Encoding("float32", sentinels=(-9999,)), -9999, "means 'no value' here"),
        (Encoding("string", length=1), "abc", "takes 3 bytes and there is room for 2"),
        (Encoding("string", "0A", length=2), "abc", "takes 3 bytes and there is room for 2"),
        (Encoding("ascii", length=4), "20 °C", "ascii has no character '°'"),
        (Encoding("latin1", length=4), "€", "latin1 has no character '€'"),
        (Encoding("string", length=4), "a\0b", "cannot hold a NUL"),
        (Encoding("string", length=4), 5, "string takes text, not 5"),
        (Encoding("bool"), 2, "bool takes true or false, not 2"),
    ],
)
def test_a_value_that_does_not_fit_says_why(encoding: Encoding, value: Value, says: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        encoding.encode(value)
    assert says in str(refused.value)


def test_a_sentinel_is_written_for_no_value() -> None:
    assert Encoding("bcd16", sentinels=(0x9999, 0)).encode(None) == (0x9999,)


@pytest.mark.parametrize(("value", "raw"), [(0.14, 1), (0.15, 2), (0.25, 2), (0.35, 4), (-0.0, 0)])
def test_encoding_takes_the_nearest_step_and_a_half_the_even_one(value: float, raw: int) -> None:
    assert Encoding("uint16", scale=0.1).encode(value) == (raw,)


@pytest.mark.parametrize(
    ("order", "wire"),
    [("AB", b"ab\xc2\xb0\0\0"), ("BA", b"ba\xb0\xc2\0\0")],
)
def test_text_has_two_characters_a_register(order: str, wire: bytes) -> None:
    encoding = Encoding("string", order, length=3)
    assert encoding.decode(wire) == "ab°"
    assert b"".join(register.to_bytes(2, "big") for register in encoding.encode("ab°")) == wire


@pytest.mark.parametrize(("order", "registers"), [("0A", (0x61, 0x62, 0)), ("A0", (0x6100, 0x6200, 0))])
def test_text_may_have_one_character_a_register(order: str, registers: tuple[int, ...]) -> None:
    encoding = Encoding("ascii", order, length=3)
    assert encoding.decode(registers) == "ab"
    assert encoding.encode("ab") == registers


@pytest.mark.parametrize("wire", [b"ab\0\0\0\0", b"ab    ", b"ab \0xy", b"ab  \0\0"])
def test_padding_of_either_kind_is_left_out(wire: bytes) -> None:
    assert Encoding("string", length=3).decode(wire) == "ab"


def test_text_is_padded_with_spaces_when_asked() -> None:
    assert Encoding("string", length=2, padding="space").encode("a") == (0x6120, 0x2020)


def test_latin1_reads_a_degree_sign() -> None:
    assert Encoding("latin1", length=2).decode(b"\xb0C\0\0") == "°C"


def test_bytes_that_are_no_text_show_as_replaced() -> None:
    assert Encoding("string", length=1).decode(b"a\xff") == "a\ufffd"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"type": "flaot32"}, "did you mean float32?"),
        ({"type": "Float32"}, "write float32"),
        ({"type": "int"}, "did you mean int16 or int32?"),
        ({"type": "REAL"}, "did you mean float32?"),
        ({"type": "u16"}, "did you mean uint16?"),
        ({"type": "utf-8"}, "did you mean string?"),
        ({"type": "%"}, "the types are bool, int16"),
        ({"order": "little endian"}, "is written DCBA, but many manuals mean CDAB"),
        ({"order": "Word_Swap"}, "is written CDAB"),
        ({"order": "ACBD"}, "is no order"),
        ({"order": "0A"}, "is no order"),
        ({"scale": 0}, "scale is not 0"),
        ({"scale": math.nan}, "scale is a finite number"),
        ({"offset": math.inf}, "offset is a finite number"),
        ({"type": "bool", "scale": 2.0}, "bool has no scale"),
        ({"type": "string", "length": 2, "offset": 2.0}, "string has no offset"),
        ({"type": "string"}, "string needs its length in registers: string/8"),
        ({"type": "string", "length": 0}, "1 to 125 registers"),
        ({"type": "string", "length": 126}, "1 to 125 registers"),
        ({"length": 2}, "uint16 has no length"),
        ({"bit": 3}, "only a bool has a bit"),
        ({"type": "bool", "bit": 16}, "0 (lowest) to 15"),
        ({"type": "bool", "sentinels": (1,)}, "bool has no sentinels"),
        ({"sentinels": (70000,)}, "it cannot hold that"),
        ({"sentinels": (-1,)}, "it cannot hold that"),
        ({"sentinels": (1.5,)}, "it cannot hold that"),
        ({"sentinels": (math.inf,)}, "it cannot hold that"),
        ({"sentinels": ("nan",)}, "it cannot hold that"),
        ({"sentinels": ("none",)}, "a sentinel is a number"),
        ({"type": "float32", "sentinels": (1e300,)}, "it cannot hold that"),
        ({"type": "string", "length": 2, "padding": "zero"}, "padding is nul or space"),
    ],
)
def test_parts_that_do_not_go_together_say_why(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        Encoding(**arguments)
    assert says in str(refused.value)


def test_an_encoding_has_one_writing() -> None:
    assert Encoding("float64", "CDAB") == Encoding("float64", "GHEFCDAB")
    assert len({Encoding("float32"), Encoding("float32", "ABCD"), Encoding("float32", "AB")}) == 1


@given(encodings())
def test_an_encoding_survives_pickle_and_copy(encoding: Encoding) -> None:
    assert pickle.loads(pickle.dumps(encoding)) == copy.deepcopy(encoding) == encoding


@pytest.mark.parametrize("word", VENDOR_WORDS)
def test_the_order_that_a_vendors_word_means_is_one_of_the_four(word: str) -> None:
    assert VENDOR_WORDS[word] in ORDERS[2]


@pytest.mark.parametrize(
    ("encoding", "value", "text"),
    [
        (Encoding("float32"), struct.unpack(">f", struct.pack(">f", 230.1))[0], "230.1"),
        (Encoding("float64"), 230.10000610351562, "230.10000610351562"),
        (Encoding("uint16", scale=0.1), 230.1, "230.1"),
        (Encoding("uint16"), 7, "7"),
        (Encoding("uint16"), None, "-"),
        (Encoding("string", length=2), "ab", "ab"),
        (Encoding("float32", scale=1e10), 1e45, "1e+45"),
        (Encoding("float32"), 3.4028234663852886e38, "3.4028235e+38"),
    ],
)
def test_a_value_is_shown_with_the_digits_it_has(encoding: Encoding, value: Value | None, text: str) -> None:
    assert encoding.text(value) == text


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_shown_digits_of_a_float32_are_that_float32(value: float) -> None:
    shown = Encoding("float32").text(value)
    assert struct.pack("f", float(shown)) == struct.pack("f", value)


@given(st.data(), encodings(WHOLE))
def test_a_value_one_step_outside_is_refused(data: st.DataObject, encoding: Encoding) -> None:
    bits = encoding.count * 16
    above = 10 ** (bits // 4) if encoding.type.startswith("bcd") else 1 << bits
    value = data.draw(st.sampled_from([above, -above]))
    with pytest.raises(ValueError, match="out of range"):
        encoding.encode(value)
