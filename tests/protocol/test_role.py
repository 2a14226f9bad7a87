"""The role in a certificate is exactly one UTF8String, or there is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mbap.protocol.role import decode_role, encode_role

OPERATOR = bytes.fromhex("0C 08 4F 70 65 72 61 74 6F 72")
"""The example of the standard, R-22."""


def test_the_example_of_the_standard_is_read() -> None:
    assert decode_role(OPERATOR) == "Operator"


def test_the_example_of_the_standard_is_written() -> None:
    assert encode_role("Operator") == OPERATOR


def test_a_role_with_a_comma_is_one_role() -> None:
    assert decode_role(encode_role("Operator,Admin")) == "Operator,Admin"


@pytest.mark.parametrize(
    ("der", "says"),
    [
        ("", "not a UTF8String"),
        ("13 08 4F 70 65 72 61 74 6F 72", "not a UTF8String"),  # PrintableString
        ("16 08 4F 70 65 72 61 74 6F 72", "not a UTF8String"),  # IA5String
        ("4F 70 65 72 61 74 6F 72", "not a UTF8String"),  # raw bytes
        ("0C", "cut short"),
        ("0C 00", "1 to 64 characters"),
        ("0C 03 41 00 42", "cannot be printed"),
        ("0C 04 1B 5B 32 4A", "cannot be printed"),
        ("0C 02 C3 28", "not valid UTF-8"),
        ("0C 01 41 42", "length does not fit"),
        ("0C 03 41 42", "length does not fit"),
        ("0C 81 01 41", "as DER writes it"),
        ("0C 82 00 01 41", "as DER writes it"),
        ("0C 80 41 00 00", "as DER writes it"),
        ("0C 82 01", "as DER writes it"),
        ("0C 41" + " 41" * 65, "1 to 64 characters"),
    ],
)
def test_h134_what_is_not_exactly_one_role_is_none(der: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        decode_role(bytes.fromhex(der))


def test_h134_ten_kilobytes_are_no_role() -> None:
    with pytest.raises(ValueError, match="1 to 64 characters"):
        decode_role(b"\x0c\x82\x28\x00" + b"A" * 0x2800)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=64))
def test_what_is_written_is_read_again(role: str) -> None:
    assert decode_role(encode_role(role)) == role


@given(st.binary(max_size=80))
def test_any_bytes_are_a_role_in_its_only_form_or_none(der: bytes) -> None:
    try:
        role = decode_role(der)
    except ValueError:
        return
    assert encode_role(role) == der
