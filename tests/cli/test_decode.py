"""`mbap decode`: what it prints, and its exit codes."""

from __future__ import annotations

import json

import pytest

from mbap.protocol.adu import Adu
from mbap.protocol.tcp import TcpFraming
from support.commandline import CommandLine
from vectors.frames import Exchange
from vectors.more_frames import EVERY_EXCHANGE

REQUEST = "00 01 00 00 00 06 01 03 00 6b 00 03"
RESPONSE = "00 01 00 00 00 09 01 03 06 02 2b 00 00 00 64"


@pytest.fixture
def mbap(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


def test_each_field_has_its_bytes_its_name_its_value_and_its_meaning(mbap: CommandLine) -> None:
    assert mbap("decode", REQUEST).out.splitlines() == [
        "ADU 1, 12 bytes: request, read holding registers (function 3)",
        "  00 01                   transaction     1",
        "  00 00                   protocol        0         Modbus",
        "  00 06                   length          6         6 bytes follow",
        "  01                      unit            1",
        "  03                      function code   3         read holding registers",
        "  00 6b                   address         107       holding register 107 (reference 40108)",
        "  00 03                   count           3         "
        "holding registers 107 to 109 (references 40108 to 40110)",
    ]


def test_hex_may_come_as_several_words(mbap: CommandLine) -> None:
    assert mbap("decode", *REQUEST.split()) == mbap("decode", REQUEST)


def test_a_dash_reads_standard_input(mbap: CommandLine) -> None:
    assert mbap("decode", "-", given=REQUEST.encode()) == mbap("decode", REQUEST)


def test_a_response_behind_its_request_names_the_addresses(mbap: CommandLine) -> None:
    out = mbap("decode", REQUEST, RESPONSE).out
    assert (
        "ADU 2, 15 bytes from byte 12 on: response, read holding registers (function 3), the answer to ADU 1"
        in out
    )
    assert "  02 2b                   register        555       holding register 107 (reference 40108)" in out


def test_an_exception_is_explained(mbap: CommandLine) -> None:
    out = mbap("decode", "00 01 00 00 00 03 01 83 02").out
    assert "exception 02, illegal data address: the answer to read holding registers (function 3)" in out


def test_what_can_be_both_is_shown_as_both(mbap: CommandLine) -> None:
    out = mbap("decode", "00 01 00 00 00 06 01 01 03 00 00 13").out
    assert "request or response, read coils (function 1); --request or --response says which" in out
    assert "either: request" in out
    assert "or: response" in out


def test_an_echo_is_shown_once(mbap: CommandLine) -> None:
    out = mbap("decode", "00 01 00 00 00 06 01 06 00 01 00 03").out
    assert out.count("address") == 1


@pytest.mark.parametrize("role", ["request", "response"])
def test_an_option_says_which_of_both_it_is(mbap: CommandLine, role: str) -> None:
    out = mbap("decode", f"--{role}", "00 01 00 00 00 06 01 01 03 00 00 13").out
    assert out.startswith(f"ADU 1, 12 bytes: {role}, read coils (function 1)\n")


def test_an_unknown_function_is_shown_in_bytes(mbap: CommandLine) -> None:
    outcome = mbap("decode", "00 01 00 00 00 0c 01 42 01 02 03 04 05 06 07 08 09 0a")
    assert "  01 02 03 04 05 06 07 08 data            10 bytes  not taken apart\n  09 0a\n" in outcome.out
    assert outcome.code == 0


def test_a_malformed_frame_ends_with_code_6_and_says_what_is_wrong(mbap: CommandLine) -> None:
    outcome = mbap("decode", "00 01 00 00 00 06 01 03 00 6b 00 00")
    wrong = "count is 0, and 1 to 125 is possible: a server answers exception 03"
    assert outcome.out.endswith(f"  wrong: {wrong}\n")
    assert outcome.err == f"error: the ADU is malformed: {wrong}\n"
    assert outcome.code == 6


def test_the_first_malformed_of_several_is_named(mbap: CommandLine) -> None:
    outcome = mbap("decode", REQUEST, "00 01")
    assert outcome.err.startswith("error: 1 of 2 ADUs is malformed, ADU 2: protocol is cut off")


def test_an_rtu_frame_is_told_by_its_crc(mbap: CommandLine) -> None:
    err = mbap("decode", "--framing", "tcp", "11 03 00 6B 00 03 76 87").err
    assert "this is a Modbus RTU frame: its CRC is right (unit 17, function 3, read holding registers)" in err


def test_a_pdu_alone_is_told(mbap: CommandLine) -> None:
    err = mbap("decode", "03 00 6b 00 03").err
    assert "without the 7 bytes of an MBAP header this is a PDU: request, read holding registers" in err


@pytest.mark.parametrize("text", ["zz", "123", ""])
def test_bad_hex_ends_with_code_2(mbap: CommandLine, text: str) -> None:
    outcome = mbap("decode", text)
    assert outcome.code == 2
    assert outcome.err.startswith("error: ")


@pytest.mark.parametrize(
    "given",
    [
        bytes.fromhex(REQUEST),
        REQUEST.encode("utf-16"),
        b"\xef\xbb\xbf" + REQUEST.encode(),
        f"Ger\u00e4t 1: {REQUEST}".encode("latin-1"),
    ],
    ids=["frames as they are sent", "UTF-16", "UTF-8 with a mark in front", "Latin-1"],
)
def test_standard_input_may_be_in_any_encoding(mbap: CommandLine, given: bytes) -> None:
    assert mbap("decode", "-", given=given).out == mbap("decode", REQUEST).out


def test_a_capture_is_sent_on_to_mbap_capture(mbap: CommandLine) -> None:
    outcome = mbap("decode", "-", given=b"\xd4\xc3\xb2\xa1\x02\x00\x04\x00")
    assert (outcome.code, outcome.err) == (
        2,
        "error: standard input is a capture: mbap capture - reads those\n",
    )


def test_endless_standard_input_is_refused(mbap: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mbap.cli.decode.MOST_TEXT", 8)
    assert mbap("decode", "-", given=b"00" * 5).code == 2


def test_json_has_every_field(mbap: CommandLine) -> None:
    first, second = json.loads(mbap("decode", "--json", REQUEST, RESPONSE).out)
    assert (first["transaction"], first["unit"], first["function_code"]) == (1, 1, 3)
    assert (first["answers"], second["answers"]) == (None, 0)
    assert second["readings"][0]["fields"][2] == {
        "offset": 21,
        "bytes": "022b",
        "name": "register",
        "value": 555,
        "meaning": "holding register 107 (reference 40108)",
        "wrong": False,
    }


def test_json_of_a_malformed_frame_holds_what_is_wrong(mbap: CommandLine) -> None:
    outcome = mbap("decode", "--json", "00 01 00")
    assert json.loads(outcome.out)[0]["faults"] == ["protocol is cut off: 2 bytes needed, 1 there"]
    assert outcome.code == 6


@pytest.mark.parametrize("exchange", EVERY_EXCHANGE, ids=lambda exchange: exchange.name)
def test_the_examples_of_the_standard_are_right_and_paired(mbap: CommandLine, exchange: Exchange) -> None:
    pack = TcpFraming().pack
    both = pack(Adu(17, exchange.request_pdu, 5)) + pack(Adu(17, exchange.response_pdu, 5))
    outcome = mbap("decode", both.hex())
    assert outcome.code == 0
    assert outcome.out.count(", the answer to ADU 1") == 1


# Serial lines


RTU = "11 03 00 6B 00 03 76 87"
ASCII = ":1103006B00037E"


def test_an_rtu_frame_is_explained_and_the_framing_said(mbap: CommandLine) -> None:
    outcome = mbap("decode", RTU)
    assert outcome.out.splitlines() == [
        "Modbus RTU: its CRC is right",
        "",
        "frame 1, 8 bytes: request, read holding registers (function 3)",
        "  11                      unit            17",
        "  03                      function code   3         read holding registers",
        "  00 6b                   address         107       holding register 107 (reference 40108)",
        "  00 03                   count           3         "
        "holding registers 107 to 109 (references 40108 to 40110)",
        "  76 87                   CRC             right",
    ]
    assert outcome.code == 0


def test_a_wrong_crc_is_shown_with_the_right_one(mbap: CommandLine) -> None:
    outcome = mbap("decode", "11 03 00 6B 00 03 76 88")
    assert "  76 88                   CRC             wrong     76 87 would be right\n" in outcome.out
    assert outcome.err == "error: the frame is malformed: CRC is 76 88, and 76 87 would be right\n"
    assert outcome.code == 6


@pytest.mark.parametrize(
    "text",
    [ASCII, f"{ASCII}\r\n", rf"{ASCII}\r\n", f"b'{ASCII}\\r\\n'", (ASCII + "\r\n").encode().hex(" ")],
    ids=["as it is", "with its end", "with its end written out", "Python", "hexadecimal"],
)
def test_an_ascii_frame_is_told_however_it_is_pasted(mbap: CommandLine, text: str) -> None:
    outcome = mbap("decode", text)
    assert outcome.out.startswith("Modbus ASCII: it begins with a colon\n\nframe 1, 17 bytes: request, read")
    assert "  7e                      LRC             right\n" in outcome.out
    assert outcome.code == 0


def test_several_ascii_frames_on_lines_are_paired(mbap: CommandLine) -> None:
    out = mbap("decode", "-", given=f"{ASCII}\n:110306022B00000064{0x55:02X}\n".encode()).out
    assert "frame 2, 23 bytes from byte 17 on: response" in out
    assert "the answer to frame 1" in out


def test_with_the_framing_given_it_is_not_said(mbap: CommandLine) -> None:
    assert mbap("decode", "--framing", "rtu", RTU).out.startswith("frame 1, 8 bytes")


def test_where_another_framing_fits_better_it_is_said(mbap: CommandLine) -> None:
    err = mbap("decode", "--framing", "rtu", REQUEST).err
    assert err.endswith("; --framing tcp may be right: it begins with an MBAP header\n")


def test_where_nothing_fits_nothing_is_said(mbap: CommandLine) -> None:
    outcome = mbap("decode", "--framing", "rtu", "11 41 01 02")
    assert outcome.err == "error: the frame is malformed: CRC is 01 02, and cd d0 would be right\n"


def test_json_says_the_framing_and_has_the_check(mbap: CommandLine) -> None:
    (frame,) = json.loads(mbap("decode", "--json", RTU).out)
    assert (frame["framing"], frame["transaction"], frame["unit"]) == ("rtu", None, 17)
    assert frame["trailer"] == [
        {"offset": 6, "bytes": "7687", "name": "CRC", "value": "right", "meaning": "", "wrong": False}
    ]


def test_a_stranger_in_ascii_text_is_malformed(mbap: CommandLine) -> None:
    assert mbap("decode", ":11\N{SNOWMAN}").code == 6
