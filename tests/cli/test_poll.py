"""`mbap poll`: what of mbpoll is not here says so, and what mbpoll itself does not show."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

import mbap
from mbap import Device, Units
from mbap.cli.pollasked import Asked, Statistics, parse_kind, parse_units, parse_value, words_of
from mbap.cli.pollline import Line
from mbap.errors import (
    ConnectFailed,
    ConnectionLost,
    ExceptionResponse,
    ModbusError,
    OutcomeUnknown,
    ProtocolError,
    ResponseTimeout,
)
from support import peers
from support.commandline import CommandLine
from support.scripted import Reply, Silence, scripted


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine(capsys, monkeypatch)


@pytest.fixture
def port() -> Iterator[str]:
    devices = {
        1: Device(holding_registers=[20, 0xFFFF, 5], coils=[True, False]),
        2: Device(holding_registers=[7]),
    }
    with mbap.serving(Units(devices), "tcp://127.0.0.1:0") as url:
        yield url.rsplit(":", 1)[1]


def test_one_round_is_printed_as_mbpoll_does(run: CommandLine, port: str) -> None:
    done = run("poll", "-1", "-p", port, "-c", "2", "127.0.0.1")
    assert done.out.splitlines() == [
        "Protocol configuration: Modbus TCP",
        "Slave configuration...: address = [1]",
        "                        start reference = 1, count = 2",
        f"Communication.........: 127.0.0.1, port {port}, t/o 1.00 s, poll rate 1000 ms",
        "Data type.............: 16-bit register, output (holding) register table",
        "",
        "-- Polling slave 1...",
        "[1]: \t20",
        "[2]: \t65535 (-1)",
    ]
    assert (done.code, done.err) == (0, "")


def test_int16_is_signed_only(run: CommandLine, port: str) -> None:
    assert run("poll", "-1", "-q", "-p", port, "-t", "4:int16", "-r", "2", "127.0.0.1").out.endswith(
        "[2]: \t-1\n"
    )


def test_v_shows_the_bytes_of_request_and_answer(run: CommandLine, port: str) -> None:
    lines = run("poll", "-1", "-q", "-v", "-p", port, "127.0.0.1").out.splitlines()
    number = r"[\[<]..[\]>]" * 2
    assert re.fullmatch(number + re.escape("[00][00][00][06][01][03][00][00][00][01]"), lines[1])
    assert lines[2] == "Waiting for a confirmation..."
    assert re.fullmatch(number + "<00><00><00><05><01><03><02><00><14>", lines[3])


def test_v_shows_what_came_of_an_answer_that_was_cut(run: CommandLine) -> None:
    with scripted(Reply(cut=1)) as server:
        done = run("poll", "-1", "-q", "-v", "-o", "0.2", "-p", server.url.rsplit(":", 1)[1], "127.0.0.1")
    assert re.fullmatch("<..>", done.out.splitlines()[-1])


def test_u_prints_who_a_device_is_over_tcp_too(run: CommandLine) -> None:
    with mbap.serving(Device(server_id=b"\x11\xffMeter\x01\\ 5"), "tcp://127.0.0.1:0") as url:
        port = url.rsplit(":", 1)[1]
        assert run("poll", "-u", "-q", "-p", port, "127.0.0.1").out.splitlines() == [
            "Protocol configuration: Modbus TCP",
            "Slave configuration...: address = 1, report slave id",
            f"Communication.........: 127.0.0.1, port {port}, t/o 1.00 s, poll rate 1000 ms",
            "Length: 11",
            "Id    : 0x11",
            "Status: On",
            "Data  : Meter\\01\\ 5",
        ]


def test_u_of_a_device_that_does_not_say_is_exit_5(run: CommandLine, port: str) -> None:
    done = run("poll", "-u", "-p", port, "127.0.0.1")
    assert done.err.startswith("Report slave ID failed(-1): Illegal function\nerror: ")
    assert done.code == 5


@pytest.mark.parametrize(("options", "code"), [((), 6), (("-W",), 16)])
def test_a_single_register_is_written_by_function_6_and_with_w_by_16(
    run: CommandLine, options: tuple[str, ...], code: int
) -> None:
    with scripted(Reply()) as server:
        run("poll", *options, "-p", server.url.rsplit(":", 1)[1], "127.0.0.1", "5")
        assert [request.pdu[0] for request in server.requests] == [code]


def test_a_write_is_sent_once_and_not_read_back(run: CommandLine) -> None:
    with scripted(Silence()) as server:
        done = run("poll", "-o", "0.1", "-p", server.url.rsplit(":", 1)[1], "127.0.0.1", "5")
        assert len(server.requests) == 1
    assert done.code == 7
    assert done.err.startswith("Write output (holding) register failed: Connection timed out\nerror: ")


def test_more_than_one_read_gives_takes_two(run: CommandLine) -> None:
    with mbap.serving(Device(holding_registers=[0, 1] * 125)) as url:
        where = ("-p", url.rsplit(":", 1)[1], "127.0.0.1")
        done = run("poll", "-1", "-q", "-B", "-t", "4:int", "-c", "125", *where)
    assert done.out.splitlines()[1:] == [f"[{1 + 2 * n}]: \t1" for n in range(125)]


def test_after_an_error_the_other_units_are_read_and_it_is_the_exit_code(run: CommandLine, port: str) -> None:
    done = run("poll", "-1", "-q", "-a", "1,2", "-c", "2", "-p", port, "127.0.0.1")
    assert done.out.splitlines()[-1] == "-- Polling slave 2..."
    assert done.err.splitlines()[0] == "Read output (holding) register failed: Illegal data address"
    assert done.code == 5


@pytest.mark.parametrize(("options", "lost"), [(("-a", "9,1"), "9"), (("-r", "9,1"), "1")])
def test_what_comes_behind_an_error_is_read(
    run: CommandLine, port: str, options: tuple[str, ...], lost: str
) -> None:
    done = run("poll", "-1", "-q", *options, "-p", port, "127.0.0.1")
    assert done.out.splitlines()[0] == f"-- Polling slave {lost}..."
    assert done.out.splitlines()[-1] == "[1]: \t20"
    assert done.code == 5


def test_a_list_of_references_is_a_value_each_and_neighbours_come_in_one_request(run: CommandLine) -> None:
    with scripted(*[Reply()] * 9) as server:
        run(
            "poll",
            "-1",
            "-t",
            "4:int",
            "-r",
            "0x1,3,20:21,7",
            "-p",
            server.url.rsplit(":", 1)[1],
            "127.0.0.1",
        )
        asked = [(request.pdu[2], request.pdu[4]) for request in server.requests]
    assert asked == [(0, 4), (19, 2), (20, 2), (6, 2)]


def test_a_list_of_references_is_described_and_its_values_carry_them(run: CommandLine, port: str) -> None:
    lines = run("poll", "-1", "-r", "3,1:2", "-p", port, "127.0.0.1").out.splitlines()
    assert lines[2] == "                        start reference = [3,1,2]"
    assert lines[-3:] == ["[3]: \t5", "[1]: \t20", "[2]: \t65535 (-1)"]


def test_x_shows_references_in_hexadecimal(run: CommandLine, port: str) -> None:
    done = run("poll", "-1", "-q", "-x", "-0", "-r", "0x0", "-c", "2", "-p", port, "127.0.0.1")
    assert done.out.splitlines()[1:] == ["[0x0000]: \t20", "[0x0001]: \t65535 (-1)"]


def test_text_is_two_characters_a_register_and_no_control_character(run: CommandLine) -> None:
    with mbap.serving(Device(holding_registers=[0x5055, 0x4D1B, 0x0041])) as url:
        where = ("-p", url.rsplit(":", 1)[1], "127.0.0.1")
        done = run("poll", "-1", "-q", "-t", "4:string", "-c", "3", *where)
    assert done.out.splitlines()[1:] == ["[1]: \tPU", "[2]: \tM\\1B", "[3]: \t\\00A"]


def test_units_above_247_are_taken_with_and_without_q(run: CommandLine) -> None:
    with mbap.serving(Units({250: Device(holding_registers=[7])})) as url:
        where = ("-1", "-q", "-a", "250", "-p", url.rsplit(":", 1)[1], "127.0.0.1")
        assert run("poll", "-Q", *where).out == run("poll", *where).out


def test_nobody_there_is_exit_3(run: CommandLine) -> None:
    done = run("poll", "-1", "-p", str(peers.free_port()), "127.0.0.1")
    assert done.code == 3
    assert "Connection failed" in done.err


@pytest.mark.parametrize(
    ("option", "instead"),
    [
        ("-S", "mbap read --every"),
        ("-O", "write > FILE"),
        ("-X", "leave -X out"),
        ("-w", "LICENSE"),
    ],
)
def test_an_option_that_is_not_here_says_what_is_instead(run: CommandLine, option: str, instead: str) -> None:
    words = (option, "file") if option == "-O" else (option,)
    done = run("poll", *words, "127.0.0.1")
    assert done.code == 2
    assert f"{option} of mbpoll is not here" in done.err
    assert instead in done.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("-m", "tcp", "/dev/ttyUSB0"), "/dev/ttyUSB0 is a serial port: leave -m tcp out"),
        (("tls://plc",), "mbap read tls://plc --ca FILE"),
        (("-b", "9600", "plc"), "-b is for serial lines, and plc is reached over TCP without -m rtu"),
        (("-R", "plc"), "-R is for serial lines, and plc is reached over TCP without -m rtu"),
        (("-R", "-F", "/dev/ttyUSB0"), "either -F or -R"),
        (("-F", "plc"), "-F is for serial lines, and plc is reached over TCP without -m rtu"),
        (("-p", "502", "/dev/ttyUSB0"), "-p is a TCP port"),
        (("-u", "-a", "1,2", "plc"), "-u asks one unit: name it with -a"),
        (("-u", "plc", "5"), "leave VALUES out"),
        (("-r", "1,", "plc"), "references are 1 to 65536, as 100, 0x64 or 1,5,20:24"),
        (("-0", "-r", "65536", "plc"), "references are 0 to 65535"),
        (("-r", "1,5", "plc", "7"), "a list of references is for reading: write to one with -r"),
        (("-r", "1,5", "-c", "2", "plc"), "of a list of references each is one value: leave -c out"),
        (("-c", "010", "plc"), "'010' is octal to mbpoll: write 10 without zeros before it"),
        (("-l", "fast", "plc"), "'fast' is no whole number, such as 10 or 0x0A"),
        (("-l", "5", "plc"), "5 is not in the range x>=10"),
        (("-m", "rtu", "-p", "502", "/dev/x"), "-p is a TCP port"),
        (("-m", "rtu", "-d", "7", "/dev/x"), "RTU has 8 data bits"),
        (("-t", "4:string", "plc", "AB"), "`mbap write HOST 40001:string/4=PUMP` writes it"),
        (("-t", "0:hex", "plc"), "bits have no format: write -t 0"),
        (("-r", "0", "plc"), "-0 counts from 0"),
        (("-t", "4:int", "-r", "65536", "plc"), "beyond the last reference"),
        (("plc", "012"), "'012' is octal to mbpoll, 10: write 12 without zeros before it"),
        (("plc", "1.5"), "'1.5' is no whole number"),
        (("plc", "--", "-5"), "-5"),
        (("-a", "", "plc"), "units are 0 to 255"),
    ],
)
def test_what_cannot_be_asked_for_is_a_sentence_and_exit_2(
    run: CommandLine, words: tuple[str, ...], complaint: str
) -> None:
    done = run("poll", "-1", *words)
    assert done.code == 2
    assert complaint in done.err


def test_version_is_that_of_mbap(run: CommandLine) -> None:
    assert run("poll", "-V").out == f"mbap {mbap.__version__}\n"


@pytest.mark.parametrize(
    ("mode", "host", "url"),
    [
        ("tcp", "plc", "tcp://plc:502"),
        (None, "plc", "tcp://plc:502"),
        (None, "tty.example.com", "tcp://tty.example.com:502"),
        (None, "/dev/ttyUSB0", "rtu:///dev/ttyUSB0?baudrate=19200&parity=E&stopbits=1"),
        (None, "/tmp/ttyV0", "rtu:///tmp/ttyV0?baudrate=19200&parity=E&stopbits=1"),
        (None, "com3", "rtu:///COM3?baudrate=19200&parity=E&stopbits=1"),
        ("tcp", "::1", "tcp://[::1]:502"),
        ("tcp", "plc:1502", "tcp://plc:1502"),
        ("tcp", "rtu+tcp://moxa:4001", "rtu+tcp://moxa:4001"),
        ("rtu", "/dev/ttyUSB0", "rtu:///dev/ttyUSB0?baudrate=19200&parity=E&stopbits=1"),
        ("rtu", "COM3", "rtu:///COM3?baudrate=19200&parity=E&stopbits=1"),
    ],
)
def test_a_host_is_an_endpoint(mode: str | None, host: str, url: str) -> None:
    assert Line(host, mode).endpoint.url == url


@pytest.mark.parametrize(
    ("asked", "how"),
    [(Line("/dev/ttyS1", rts=True), True), (Line("/dev/ttyS1", rts_after=True), "inverted")],
)
def test_f_and_r_have_the_driver_switch_the_direction(asked: Line, how: object) -> None:
    line = asked.endpoint.line
    assert line is not None
    assert line.rs485 == how


def test_units_are_each_asked_once() -> None:
    assert parse_units("5,1:3,2,7:6") == (5, 1, 2, 3, 6, 7)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [("4", "0x2A", 42), ("4:float", "1e3", 1000.0), ("0", "1", True), ("4:int", "-7", -7)],
)
def test_values_are_read_as_their_kind(kind: str, text: str, value: object) -> None:
    assert parse_value(text, parse_kind(kind)) == value


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ExceptionResponse(2), "Illegal data address"),
        (ExceptionResponse(0x42), "exception 42"),
        (ResponseTimeout("x"), "Connection timed out"),
        (OutcomeUnknown("x"), "Connection timed out"),
        (ConnectFailed("x"), "Connection failed"),
        (ConnectionLost("x"), "Connection reset by peer"),
        (ProtocolError("x"), "Invalid data"),
    ],
)
def test_errors_have_words_of_mbpoll(error: ModbusError, words: str) -> None:
    assert words_of(error) == words


def test_statistics_of_nothing_lose_nothing() -> None:
    assert Statistics().text("plc").endswith("0 frames transmitted, 0 received, 0 errors, 0.0% frame loss")
    assert (
        Statistics(4, 3).text("plc").endswith("4 frames transmitted, 3 received, 1 errors, 25.0% frame loss")
    )


def test_the_first_register_is_the_lower_half_unless_b_is_given() -> None:
    small, big = (Asked((1,), parse_kind("4:int"), big=big) for big in (False, True))
    assert [*small.lines(1, [1, 0]), *big.lines(1, [1, 0])] == ["[1]: \t1", "[1]: \t65536"]
