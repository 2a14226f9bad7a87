"""Frames for the page: pasted ones explained byte by byte, and requests built from a form."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mbap.dashboard.problems import Problem, answer
from mbap.protocol import pdu
from mbap.protocol.adu import Adu
from mbap.protocol.ascii import AsciiFraming
from mbap.protocol.explain import Role, hint
from mbap.protocol.explain_serial import Framed, explain_framed, framing_of
from mbap.protocol.explaindata import as_data
from mbap.protocol.framing import Framing
from mbap.protocol.hextext import parse_hex, parse_pasted
from mbap.protocol.rtu import RtuFraming
from mbap.protocol.tcp import TcpFraming

LONGEST: Final = 32 * 1024
"""Bytes of a body: some hundred frames."""
_FRAMINGS: Final[Mapping[Framed, Callable[[], Framing]]] = {
    Framed.TCP: TcpFraming,
    Framed.RTU: RtuFraming,
    Framed.ASCII: AsciiFraming,
}
_WORDS: Final = {"on": 1, "true": 1, "off": 0, "false": 0}
_READS: Final[Mapping[int, Callable[[int, int], pdu.Request[Any]]]] = {
    1: pdu.ReadCoils,
    2: pdu.ReadDiscreteInputs,
    3: pdu.ReadHoldingRegisters,
    4: pdu.ReadInputRegisters,
}


def routes() -> list[Route]:
    """What stands where."""
    return [
        Route("/api/v1/frames/explain", explain, methods=["POST"]),
        Route("/api/v1/frames/build", build, methods=["POST"]),
    ]


async def explain(request: Request) -> Response:
    """Explain the frames in `text`; what is none is a sentence, for somebody may still be typing."""
    given = Form(await _body(request))
    role = given.choice("role", ("request", "response"))
    framing = given.choice("framing", [one.value for one in Framed])
    try:
        data = parse_pasted(given.text("text"))
    except ValueError as problem:
        return answer({"problem": f"{problem}.", "framing": "", "why": "", "frames": [], "hint": ""})
    return answer(_explained(data, framing, Role(role) if role else None))


def _explained(data: bytes, framing: str, role: Role | None) -> dict[str, object]:
    found, why = framing_of(data)
    framed = Framed(framing) if framing else found
    explanations = explain_framed(data, framed, role)
    wrong = any(one.every_fault for one in explanations)
    return {
        "problem": "",
        "framing": framed.value,
        "why": why if framed is found else "",
        "frames": [as_data(one) for one in explanations],
        "hint": hint(data) if wrong and framed is Framed.TCP else "",
    }


async def build(request: Request) -> Response:
    """Build the frame of a request; what cannot be one is a sentence."""
    given = Form(await _body(request))
    framed = Framed(given.choice("framing", [one.value for one in Framed]) or "tcp")
    try:
        asked = request_of(given)
        adu = Adu(given.number("unit", 0xFF, 1), asked.encode(), given.number("transaction", 0xFFFF, 1))
        frame = _FRAMINGS[framed]().pack(adu)
    except ValueError as problem:
        return answer({"problem": f"{problem}.", "frame": "", "explained": None})
    text = frame.decode("ascii").rstrip() if framed is Framed.ASCII else frame.hex(" ")
    return answer({"problem": "", "frame": text, "explained": _explained(frame, framed.value, Role.REQUEST)})


class Form:
    """What was filled in: numbers may be text, decimal or 0x hexadecimal."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """A text; empty where there is none."""
        value = self._fields.get(name)
        return "" if value is None else str(value)

    def choice(self, name: str, known: Any) -> str:
        """One of *known*, or empty.

        Raises:
            Problem: it is another one.
        """
        value = self.text(name)
        if value and value not in known:
            raise Problem(400, f"'{name}' is {', '.join(known)}, or left out.")
        return value

    def number(self, name: str, largest: int, default: int | None = None) -> int:
        """A number from 0 to *largest*.

        Raises:
            ValueError: it is missing, or none.
        """
        text = self.text(name).strip()
        if not text and default is not None:
            return default
        number = _number(text, name)
        if not 0 <= number <= largest:
            raise ValueError(f"{_shown(name)} is 0 to {largest}, not {text[:20]}")
        return number

    def numbers(self, name: str) -> list[int]:
        """Numbers with spaces or commas between them; `on` is 1, `off` 0.

        Raises:
            ValueError: there are none, or one is no number.
        """
        words = self.text(name).replace(",", " ").split()
        if not words:
            raise ValueError(f"{_shown(name)} are missing: write numbers, such as 1 2 0x10")
        return [_WORDS[word.lower()] if word.lower() in _WORDS else _number(word, name) for word in words]


def _number(text: str, name: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        what = f"{text[:20]!r} is no number" if text else "it is missing"
        raise ValueError(f"{_shown(name)}: {what}; write 107 or 0x6b") from None


def _shown(name: str) -> str:
    return name.replace("_", " ")


def request_of(form: Form) -> pdu.Request[Any]:
    """The request that *form* describes, by its `function`.

    Raises:
        ValueError: what it needs is missing or cannot be; says what.
    """
    function = form.number("function", 127)
    if function in _READS:
        return _READS[function](form.number("address", 0xFFFF), form.number("count", 2000))
    if function in _OTHERS:
        return _OTHERS[function](form)
    if function in _RARER and form.text(_RARER[function][0]).strip():
        return _RARER[function][1](form)
    return pdu.Opaque(function, _data(form))


def _data(form: Form, default: bytes = b"") -> bytes:
    data = form.text("data").strip()
    return parse_hex(data) if data else default


def _bit(form: Form) -> bool:
    values = form.numbers("values")
    if len(values) != 1:
        raise ValueError(f"this function writes one value, not {len(values)}: take function 15 or 16")
    return bool(values[0])


def _word(form: Form) -> int:
    _bit(form)
    return form.numbers("values")[0]


def _address(form: Form) -> int:
    return form.number("address", 0xFFFF)


_OTHERS: Final[Mapping[int, Callable[[Form], pdu.Request[Any]]]] = {
    5: lambda form: pdu.WriteSingleCoil(_address(form), _bit(form)),
    6: lambda form: pdu.WriteSingleRegister(_address(form), _word(form)),
    7: lambda form: pdu.ReadExceptionStatus(),
    11: lambda form: pdu.GetCommEventCounter(),
    12: lambda form: pdu.GetCommEventLog(),
    15: lambda form: pdu.WriteMultipleCoils(_address(form), [bool(one) for one in form.numbers("values")]),
    16: lambda form: pdu.WriteMultipleRegisters(_address(form), form.numbers("values")),
    17: lambda form: pdu.ReportServerId(),
    22: lambda form: pdu.MaskWriteRegister(
        _address(form), form.number("and_mask", 0xFFFF), form.number("or_mask", 0xFFFF)
    ),
    23: lambda form: pdu.ReadWriteMultipleRegisters(
        _address(form),
        form.number("count", 125),
        form.number("write_address", 0xFFFF),
        form.numbers("values"),
    ),
    24: lambda form: pdu.ReadFifoQueue(_address(form)),
    43: lambda form: pdu.ReadDeviceIdentification(
        form.number("code", 4, 1), form.number("object_id", 0xFF, 0)
    ),
}

_RARER: Final[Mapping[int, tuple[str, Callable[[Form], pdu.Request[Any]]]]] = {
    8: (
        "sub_function",
        lambda form: pdu.Diagnostics(form.number("sub_function", 0xFFFF), _data(form, b"\0\0")),
    ),
    20: (
        "file",
        lambda form: pdu.ReadFileRecord(
            [
                pdu.FileRecord(
                    form.number("file", 0xFFFF), form.number("record", 9999), form.number("count", 121)
                )
            ]
        ),
    ),
    21: (
        "file",
        lambda form: pdu.WriteFileRecord(
            [
                pdu.FileRecordData(
                    form.number("file", 0xFFFF), form.number("record", 9999), form.numbers("values")
                )
            ]
        ),
    ),
}
"""Functions that may be given by the field that is named, or by their data in hexadecimal as any other."""


async def _body(request: Request) -> Mapping[str, Any]:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST:
            raise Problem(413, f"this is more than {LONGEST // 1024} KiB: paste less.")
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Problem(400, "the body is a JSON object.")
    return found
