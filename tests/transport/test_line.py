"""mbap.transport.line, and endpoints that are serial lines."""

from __future__ import annotations

import re

import pytest

from mbap.protocol.ascii import AsciiFraming
from mbap.protocol.rtu import RtuFraming
from mbap.transport.endpoint import parse_endpoint
from mbap.transport.line import LineSettings


def line_of(url: str) -> LineSettings:
    line = parse_endpoint(url).line
    assert line is not None
    return line


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("rtu:///dev/ttyUSB0", "rtu:///dev/ttyUSB0?baudrate=19200&parity=E&stopbits=1"),
        ("RTU:///dev/ttyUSB0?parity=none", "rtu:///dev/ttyUSB0?baudrate=19200&parity=N&stopbits=1"),
        ("rtu:///COM3?baudrate=9600", "rtu:///COM3?baudrate=9600&parity=E&stopbits=1"),
        ("rtu://com3", "rtu:///COM3?baudrate=19200&parity=E&stopbits=1"),
        ("rtu://usb:A50285BI", "rtu://usb:A50285BI?baudrate=19200&parity=E&stopbits=1"),
        ("ascii:///dev/x", "ascii:///dev/x?baudrate=19200&parity=E&stopbits=1&bytesize=7"),
        ("ascii:///dev/x?bytesize=8", "ascii:///dev/x?baudrate=19200&parity=E&stopbits=1&bytesize=8"),
        ("rtu:///d?rs485=Inverted", "rtu:///d?baudrate=19200&parity=E&stopbits=1&rs485=inverted"),
        ("rtu:///d?echo=ON&rs485=yes", "rtu:///d?baudrate=19200&parity=E&stopbits=1&rs485=on&echo=on"),
        (
            "rtu:///dev/serial/by-id/usb-FTDI_X-if00-port0",
            "rtu:///dev/serial/by-id/usb-FTDI_X-if00-port0?baudrate=19200&parity=E&stopbits=1",
        ),
    ],
)
def test_whatever_means_the_same_line_has_one_url(text: str, url: str) -> None:
    assert parse_endpoint(text).url == url
    assert parse_endpoint(url).url == url


def test_the_settings_of_the_standard_hold_unless_told_otherwise() -> None:
    assert line_of("rtu:///dev/ttyUSB0") == LineSettings(19200, "E", 1, 8)
    assert line_of("ascii:///dev/ttyUSB0") == LineSettings(19200, "E", 1, 7)


def test_a_hash_sign_names_the_unit_of_a_line_too() -> None:
    assert parse_endpoint("rtu:///dev/ttyUSB0?parity=N#5").unit == 5


def test_a_line_has_the_framing_of_its_scheme() -> None:
    assert type(parse_endpoint("rtu:///dev/ttyUSB0").framing()) is RtuFraming
    assert type(parse_endpoint("ascii:///dev/ttyUSB0").framing()) is AsciiFraming


def test_a_line_may_be_listened_on() -> None:
    assert parse_endpoint("rtu:///dev/ttyUSB0", listening=True).host == "/dev/ttyUSB0"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rtu://", "names no serial port"),
        ("rtu:///", "names no serial port"),
        ("rtu://usb:", "names no serial port"),
        ("rtu://plc:502", "names no serial port"),
        ("rtu://dev/ttyUSB0", "did you mean rtu:///dev/ttyUSB0"),
        ("rtu:///d?speed=9600", "after the ? can be baudrate, parity, stopbits, bytesize, rs485, echo"),
        ("rtu:///d?baudrate", "each with =, not 'baudrate'"),
        ("rtu:///d?baudrate=fast", "baudrate in 'rtu:///d?baudrate=fast' is a whole number, not 'fast'"),
        ("rtu:///d?baudrate=1", "baudrate is 50 to 4000000 bits a second, not 1"),
        ("rtu:///d?parity=X", "parity is N (none), E (even) or O (odd), not 'X'"),
        ("rtu:///d?stopbits=3", "stopbits is 1 or 2, not 3"),
        ("rtu:///d?bytesize=9", "bytesize is 8 or 7, not 9"),
        ("rtu:///d?echo=maybe", "echo in 'rtu:///d?echo=maybe' is on or off, not 'maybe'"),
        ("rtu:///d#300", "the unit in"),
    ],
)
def test_what_is_no_line_is_refused_in_one_sentence(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        parse_endpoint(text)


def test_silences_are_counted_in_characters_up_to_19200_baud() -> None:
    line = LineSettings(9600, "E")
    assert line.character == pytest.approx(11 / 9600)
    assert line.gap == pytest.approx(1.5 * 11 / 9600)
    assert line.silence == pytest.approx(3.5 * 11 / 9600)


def test_silences_are_fixed_above_19200_baud() -> None:
    line = LineSettings(115_200, "N")
    assert (line.gap, line.silence) == (0.00075, 0.00175)


@pytest.mark.parametrize(
    ("line", "bits"),
    [
        (LineSettings(1000, "N", 1), 10),
        (LineSettings(1000, "N", 2), 11),
        (LineSettings(1000, "O", 1), 11),
        (LineSettings(1000, "E", 1, 7), 10),
    ],
)
def test_a_character_takes_all_its_bits(line: LineSettings, bits: int) -> None:
    assert line.time_of(100) == pytest.approx(bits / 10)


def test_settings_print_as_people_write_them() -> None:
    assert str(LineSettings(9600, "N", 2)) == "9600 8N2"
