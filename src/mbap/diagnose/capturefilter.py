"""Filters for captures, in words that people know from Wireshark: `modbus.func_code == 3 && unit == 5`."""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from mbap.diagnose.capture import Captured
from mbap.diagnose.capturefields import EXCEPTION_FLAG, FIELDS, Field, Side, raw_function
from mbap.durations import parse_duration

Test = Callable[[Side], bool]

_TOKEN: Final = re.compile(
    r"\s*(\.\.|&&|\|\||==|!=|>=|<=|[()!<>{},]|[\w.:/%-]+?(?=\.\.)|[\w.:/%-]+)", re.ASCII
)
_COMPARE: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_SIGNS: Final = ("==", "!=", ">", ">=", "<", "<=")
_WORDS: Final = {"and": "&&", "or": "||", "not": "!"} | dict(
    zip(("eq", "ne", "gt", "ge", "lt", "le"), _SIGNS, strict=True)
)
_EXCEPTIONS: Final = (
    "function codes from 128 on are taken for exceptions; Wireshark itself wants"
    " modbus.exception_code for that"
)


class Filter:
    """A filter that was read; `filter.fits(exchange)`.

    Args:
        text: the filter; empty fits everything.

    Attributes:
        says: sentences about what is meant otherwise than Wireshark means it.

    Raises:
        ValueError: it cannot be read; the sentence says where.
    """

    def __init__(self, text: str) -> None:
        self.says: list[str] = []
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0
        self._test: Test = self._either() if self._tokens else lambda side: True
        if self._at < len(self._tokens):
            raise self._wrong("and what follows does not belong to it")

    def fits(self, exchange: Captured) -> bool:
        """Whether its request, or its answer, is what the filter means."""
        if exchange.pdu and self._test(Side(exchange, False)):
            return True
        return exchange.response is not None and self._test(Side(exchange, True))

    def __str__(self) -> str:
        return self._text

    # --- reading it ---

    def _either(self) -> Test:
        tests = [self._both()]
        while self._take("||"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda side: any(test(side) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._take("&&"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda side: all(test(side) for test in tests)

    def _one(self) -> Test:
        if self._take("!"):
            test = self._one()
            return lambda side: not test(side)
        if self._take("("):
            test = self._either()
            if not self._take(")"):
                raise self._wrong("and a ) is missing")
            return test
        return self._field()

    def _field(self) -> Test:
        name = self._next("a field such as modbus.func_code or unit")
        field = FIELDS.get(name)
        if field is None:
            near = get_close_matches(name, FIELDS, 1)
            raise ValueError(
                f"{name!r} is no field that a filter knows" + (f": did you mean {near[0]}?" if near else "")
            )
        if field.says and field.says not in self.says:
            self.says.append(field.says)
        if self._take("in"):
            return self._among(field)
        compare = next((sign for sign in _COMPARE if self._take(sign)), None)
        if compare is None:
            return lambda side: bool(field.values(side))
        return self._comparison(name, field, compare)

    def _comparison(self, name: str, field: Field, sign: str) -> Test:
        value = _value(field, self._next("a value"))
        if field.kind == "range":
            return _range_test(field, sign, value)
        values = field.values
        if name in ("modbus.func_code", "function") and value >= EXCEPTION_FLAG:
            self.says.append(_EXCEPTIONS)
            values = raw_function
        if field.kind == "address":
            return _address_test(values, sign, value)
        compare = _COMPARE[sign]
        return lambda side: any(one is not None and compare(one, value) for one in values(side))

    def _among(self, field: Field) -> Test:
        """`in 100..120`, `in {1, 3, 100..120}`."""
        braced = self._take("{")
        spans = [self._span(field)]
        while braced and not self._take("}"):
            self._take(",")
            spans.append(self._span(field))
        if field.kind == "range":
            return lambda side: any(
                low <= last and first <= high for first, last in field.values(side) for low, high in spans
            )
        if field.kind == "address":
            nets = [net for span in spans for net in set(span)]
            tests = [_address_test(field.values, "==", net) for net in nets]
            return lambda side: any(test(side) for test in tests)
        return lambda side: any(
            one is not None and low <= one <= high for one in field.values(side) for low, high in spans
        )

    def _span(self, field: Field) -> tuple[Any, Any]:
        low = _value(field, self._next("a value"))
        return (low, _value(field, self._next("the end of the range"))) if self._take("..") else (low, low)

    def _take(self, token: str) -> bool:
        if self._at < len(self._tokens) and self._tokens[self._at] == token:
            self._at += 1
            return True
        return False

    def _next(self, wanted: str) -> str:
        if self._at >= len(self._tokens):
            raise self._wrong(f"and {wanted} is missing")
        self._at += 1
        return self._tokens[self._at - 1]

    def _wrong(self, why: str) -> ValueError:
        read = " ".join(self._tokens[: self._at])
        return ValueError(f"the filter {self._text!r} is read as far as {read!r}, {why}")


def _tokens(text: str) -> list[str]:
    tokens, at = [], 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"the filter {text!r} has {text[at:].strip()[0]!r}, which means nothing there")
        token = match[1]
        tokens.append(_WORDS.get(token, token))
        at = match.end()
    return tokens


def _value(field: Field, text: str) -> Any:
    try:
        if field.kind == "address":
            return ipaddress.ip_network(text, strict=False)
        if field.kind == "time":
            return parse_duration(text) if text[-1:].isalpha() else float(text)
        if field.kind == "mark":
            return text.lower() in ("1", "true")
        return int(text, 0)
    except ValueError:
        wanted = {"address": "an IP address", "time": "a time such as 1s, 200ms or 0.5"}
        raise ValueError(f"{text!r} is not {wanted.get(field.kind, 'a number')}") from None


def _address_test(
    values: Callable[[Side], list[Any]], sign: str, net: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> Test:
    if sign not in ("==", "!="):
        raise ValueError(f"addresses are compared with == and !=, not {sign}")

    def inside(side: Side) -> bool:
        return any(ipaddress.ip_address(one) in net for one in values(side))

    return inside if sign == "==" else lambda side: not inside(side)


def _range_test(field: Field, sign: str, value: int) -> Test:
    """Whether an address that is touched compares so."""
    if sign == "==":
        return lambda side: any(first <= value <= last for first, last in field.values(side))
    if sign == "!=":
        return lambda side: not any(first <= value <= last for first, last in field.values(side))
    compare, which = _COMPARE[sign], 1 if sign.startswith(">") else 0
    return lambda side: any(compare(span[which], value) for span in field.values(side))
