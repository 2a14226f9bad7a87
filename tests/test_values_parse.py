"""Encodings written in one line."""

from __future__ import annotations

import pytest

from mbap.values import Encoding, parse_type


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("float32", Encoding("float32")),
        ("float32,CDAB", Encoding("float32", "CDAB")),
        ("string/16", Encoding("string", length=16)),
        ("ascii/4, BA, padding=space", Encoding("ascii", "BA", length=4, padding="space")),
        ("int16,scale=0.1,offset=-40", Encoding("int16", scale=0.1, offset=-40)),
        ("int16,none=0x8000,none=32767", Encoding("int16", sentinels=(0x8000, 0x7FFF))),
        ("uint32,none=default", Encoding("uint32", sentinels=("default",))),
        ("bool,bit=3", Encoding("bool", bit=3)),
    ],
)
def test_an_encoding_is_read_from_one_line(text: str, encoding: Encoding) -> None:
    assert parse_type(text) == encoding


def test_an_order_in_the_line_goes_before_the_one_given_for_all() -> None:
    assert parse_type("float32,BADC", "CDAB").order == "BADC"
    assert parse_type("float32", "CDAB").order == "CDAB"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no type"),
        ("float32,scale", "is no order"),
        ("float32,scale=x", "scale takes a number, not 'x'"),
        ("string/x", "length takes a whole number, not 'x'"),
        ("float32,sclae=1", "'sclae' is no option of a type"),
    ],
)
def test_a_line_that_cannot_be_read_says_why(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as refused:
        parse_type(text)
    assert says in str(refused.value)
