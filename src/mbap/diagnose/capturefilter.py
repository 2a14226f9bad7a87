"""Filters for captures, in words that people know from Wireshark: `modbus.func_code == 3 && unit == 5`."""

from __future__ import annotations

import ipaddress
import operator
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from mbap.diagnose.capture import Captured
from mbap.diagnose.capturefields import EXCEPTION_FLAG, FIELDS, Field, Read, Side, raw_function
from mbap.diagnose.capturemoments import between, comparing, parse_moment
from mbap.durations import parse_duration

Test = Callable[[Side], bool]
Host = ipaddress.IPv4Address | ipaddress.IPv6Address
Net = ipaddress.IPv4Network | ipaddress.IPv6Network
_MOST_JUDGED: Final = 4096
_made: Final = tuple.__new__

_TOKEN: Final = re.compile(
    r"\s*(\.\.|&&|\|\||==|!=|>=|<=|[()!<>{},]|[\w.:/%+-]+?(?=\.\.)|[\w.:/%+-]+|\"[\w.:+ -]+\")", re.ASCII
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

_UNQUOTED: Final = ": values are numbers, addresses and times, without quotes"
_MEANT: Final[Mapping[str, str]] = {
    '"': _UNQUOTED,
    "'": _UNQUOTED,
    "=": ": what is the same is ==",
    "&": ": both is && or and",
    "|": ": one of two is || or or",
}
"""What to write instead of a sign that there is not."""

_WANTED: Final = {
    "address": "an IP address",
    "time": "a time such as 1s, 200ms or 0.5",
    "moment": "a moment such as 22:13, 22:13:24.5 or 2023-11-14T22:13:24",
}


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
        test = self._test
        if exchange.pdu and test(_made(Side, (exchange, False))):
            return True
        return exchange.response is not None and test(_made(Side, (exchange, True)))

    def frames(self, exchange: Captured) -> list[int]:
        """The numbers of its packets that fit: what Wireshark would show of it."""
        sides = [Side(exchange, False)] if exchange.pdu else []
        sides += [Side(exchange, True)] if exchange.response is not None else []
        return [side.frame for side in sides if self._test(side)]

    def __str__(self) -> str:
        return self._text

    # --- reading it ---

    def _either(self) -> Test:
        test = self._both()
        while self._take("||"):
            test = _or(test, self._both())
        return test

    def _both(self) -> Test:
        test = self._one()
        while self._take("&&"):
            test = _and(test, self._one())
        return test

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
            raise ValueError(_unknown(name))
        if field.says and field.says not in self.says:
            self.says.append(field.says)
        if self._take("in"):
            return self._among(name, field)
        compare = next((sign for sign in _COMPARE if self._take(sign)), None)
        if compare is None:
            values = field.values
            return lambda side: bool(values(side))
        return self._comparison(name, field, compare)

    def _comparison(self, name: str, field: Field, sign: str) -> Test:
        value = _value(field, self._next("a value"))
        if field.kind == "range":
            return _range_test(field, sign, value)
        if field.kind == "address":
            return _address_test(field.values, sign, value)
        if field.kind == "moment":
            return _some(field.values, comparing(_COMPARE[sign], value))
        above = sign == ">" and value == EXCEPTION_FLAG - 1
        values = self._function_or(name, field, value + above)
        if sign == "!=":
            return _none_is(values, value)
        return _one_is(values, _COMPARE[sign], value)

    def _function_or(self, name: str, field: Field, value: Any) -> Read:
        """What to compare: a function code as it was sent, where exceptions are meant."""
        if name not in ("modbus.func_code", "function") or value < EXCEPTION_FLAG:
            return field.values
        if _EXCEPTIONS not in self.says:
            self.says.append(_EXCEPTIONS)
        return raw_function

    def _among(self, name: str, field: Field) -> Test:
        """`in 100..120`, `in {1, 3, 100..120}`, `in {1 3}`."""
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
            return _hosts_test(field.values, lambda host: any(_is_between(host, *span) for span in spans))
        if field.kind == "moment":
            tests = [between(*span) for span in spans]
            return _some(field.values, lambda at: any(test(at) for test in tests))
        if field.kind == "mark":
            raise ValueError(f"{name} is there or not: it is in no set of values")
        values = self._function_or(name, field, max(high for _, high in spans))
        return lambda side: any(
            one is not None and low <= one <= high for one in values(side) for low, high in spans
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
            sign = text[at:].strip()[0]
            meant = _MEANT.get(sign, "")
            raise ValueError(f"the filter {text!r} has {sign!r}, which means nothing there{meant}")
        token = match[1]
        tokens.append(_WORDS.get(token, token))
        at = match.end()
    return tokens


def _value(field: Field, text: str) -> Any:
    try:
        if field.kind == "moment":
            return parse_moment(text)
        if field.kind == "address":
            return ipaddress.ip_network(text, strict=False)
        if field.kind == "time":
            return parse_duration(text) if text[-1:].isalpha() else float(text)
        if field.kind == "mark":
            return text.lower() in ("1", "true")
        return int(text, 0)
    except ValueError:
        wanted = _WANTED.get(field.kind, "a number")
        unquoted = _UNQUOTED if text.startswith('"') else ""
        raise ValueError(f"{text!r} is not {wanted}{unquoted}") from None


def _unknown(name: str) -> str:
    """What to say of a field that there is not."""
    near = get_close_matches(name, FIELDS, 1)
    alike = [one for one in FIELDS if one.partition(".")[0] == name.partition(".")[0] and "." in one]
    known = ", ".join(alike or [one for one in FIELDS if "." not in one])
    begin = f": did you mean {near[0]}? There are" if near else "; there are"
    return f"{name!r} is no field that a filter knows{begin} {known}"


def _and(one: Test, other: Test) -> Test:
    return lambda side: one(side) and other(side)


def _or(one: Test, other: Test) -> Test:
    return lambda side: one(side) or other(side)


def _one_is(values: Read, compare: Callable[[Any, Any], bool], value: Any) -> Test:
    def test(side: Side) -> bool:
        for one in values(side):  # noqa: SIM110 - any() takes three times as long
            if one is not None and compare(one, value):
                return True
        return False

    return test


def _some(values: Read, holds: Callable[[Any], bool]) -> Test:
    return lambda side: any(holds(one) for one in values(side))


def _none_is(values: Read, value: Any) -> Test:
    """Whether there are values, and none of them is *value*: as Wireshark takes != since 3.6."""

    def test(side: Side) -> bool:
        found = values(side)
        return bool(found) and value not in found

    return test


def _address_test(values: Read, sign: str, net: Net) -> Test:
    if sign not in ("==", "!="):
        raise ValueError(f"addresses are compared with == and !=, not {sign}")
    inside = _hosts_test(values, lambda host: host in net)
    return inside if sign == "==" else lambda side: not inside(side)


def _is_between(host: Host, low: Net, high: Net) -> bool:
    """Whether *host* is in one of two networks, or between them."""
    if host.version != low.version or low.version != high.version:
        return host in low or host in high
    return int(low.network_address) <= int(host) <= int(high.broadcast_address)


def _hosts_test(values: Read, wanted: Callable[[Host], bool]) -> Test:
    """Whether one of the hosts is wanted; each host is judged once."""
    judged: dict[str, bool] = {}

    def judge(host: str) -> bool:
        if len(judged) >= _MOST_JUDGED:
            judged.clear()
        try:
            judged[host] = wanted(ipaddress.ip_address(host))
        except ValueError:  # in a trace a name stands for it
            judged[host] = False
        return judged[host]

    def test(side: Side) -> bool:
        for host in values(side):  # noqa: SIM110 - any() takes three times as long
            if judged[host] if host in judged else judge(host):
                return True
        return False

    return test


def _range_test(field: Field, sign: str, value: int) -> Test:
    """Whether an address that is touched compares so."""
    if sign == "==":
        return lambda side: any(first <= value <= last for first, last in field.values(side))
    if sign == "!=":
        return lambda side: not any(first <= value <= last for first, last in field.values(side))
    compare, which = _COMPARE[sign], 1 if sign.startswith(">") else 0
    return lambda side: any(compare(span[which], value) for span in field.values(side))
