"""Formulas: arithmetic and nothing else, and however they are written they neither hang nor crash."""

from __future__ import annotations

import pytest

from mbap.addresses import Table
from mbap.server.formula import Formula, Place

HR, IR, CO, DI = Table.HOLDING_REGISTERS, Table.INPUT_REGISTERS, Table.COILS, Table.DISCRETE_INPUTS


def look(place: Place) -> float:
    return {HR: 100.0, IR: 200.0, CO: 1.0, DI: 0.0}[place[0]] + place[1]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7.0),
        ("-(7 - 2) / 2", -2.5),
        ("7 // 2 + 7 % 4", 6.0),
        ("2 ** 10", 1024.0),
        ("+hr5", 105.0),
        ("hr0 + ir1 * co0 - di0", 301.0),
        ("min(hr0, 5, 7) + max(1, 2)", 7.0),
        ("abs(-3) + round(2.345, 2) + round(1.6)", 7.35),
        ("sin(0) + t", 8.0),
    ],
)
def test_it_computes(text: str, value: float) -> None:
    assert Formula(text).at(8.0, look) == pytest.approx(value)


def test_it_knows_what_it_looks_at() -> None:
    assert Formula("hr0 + min(ir7, hr0)").places == {(HR, 0), (IR, 7)}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is not a formula"),
        ("1 +", "is not a formula"),
        ("a = 1", "is not a formula"),
        ("voltage", "'voltage' is no register"),
        ("hr65536", "'hr65536' is no register"),
        ("True", "True is no number"),
        ("'x'", "'x' is no number"),
        ("1j", "1j is no number"),
        ("hr0 if hr1 else 2", "is no arithmetic"),
        ("[1][0]", "is no arithmetic"),
        ("hr0.real", "is no arithmetic"),
        ("(lambda: 1)()", "there is no function 'lambda: 1'"),
        ("mix(1, 2)", "there is no function 'mix'; did you mean \"min\"?"),
        ("abs()", "abs takes 1 arguments"),
        ("max(1)", "max takes 2 to 10 arguments"),
        ("round(1, ndigits=2)", "round takes 1 to 2 arguments"),
        ("max(*[1], 2)", "is no arithmetic"),
        ("-" * 60 + "1", "it nests more than 40 deep"),
        ("(" * 300 + "1" + ")" * 300, "at most 500 characters"),
        ("(" * 240 + "1" + ")" * 240, "is not a formula"),
        ("9" * 400, "a number in it is too large"),
    ],
)
def test_what_is_no_formula_is_said(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        Formula(text)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["1 / di0", "1 // di0", "1 % di0", "9 ** 9 ** 9", "(-8) ** 0.5", "1e308 * 10", "sin(1e308 * 10)"],
)
def test_what_cannot_be_computed_is_an_arithmetic_error(text: str) -> None:
    with pytest.raises(ArithmeticError):
        Formula(text).at(0.0, look)
