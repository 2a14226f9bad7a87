"""Each row of the table of troubles is found: from no connection at all to values that are wrong."""

from __future__ import annotations

import re
import struct
import time
from collections.abc import Callable

import pytest

import mbap
from mbap import Device
from mbap.diagnose.doctor import reach
from mbap.diagnose.doctor.finding import Severity
from mbap.diagnose.doctor.talk import say
from mbap.errors import ConnectFailed, ConnectionLost, ExceptionResponse, ProtocolError, ResponseTimeout
from mbap.transport import opening
from mbap.transport.endpoint import parse_endpoint
from support.doctored import QUICK, briefly, examined, only_unit, refusing
from support.scripted import Reply, Request, Silence, scripted


def test_a_device_that_is_well_has_no_fault_and_is_told_how_it_is_read() -> None:
    with mbap.serving(Device(holding_registers=range(200)), "tcp://127.0.0.1:0") as url:
        found = examined(url)
    assert (found.faults, found.warnings) == ([], [])
    assert found.prescription.command == f"mbap read {url} hr0 --unit 1"
    assert found.prescription.profile == ""


def test_a_port_that_nobody_serves_is_refused(free_port: Callable[[], int]) -> None:
    found = examined(f"tcp://127.0.0.1:{free_port()}")
    assert found["connect"].data["kind"] == "refused"
    assert isinstance(found["connect"].error, ConnectFailed)
    assert found.topics[-1] == "connect"


def test_a_name_that_is_unknown_is_where_it_ends() -> None:
    found = examined("tcp://plc.invalid")
    assert found.topics == ["name"]
    assert found.faults == ["name"]


@pytest.mark.parametrize("unit", [255, 0])
def test_a_device_that_answers_as_another_unit_is_asked_as_that(unit: int) -> None:
    with scripted(only_unit(unit)) as server:
        found = examined(server.url, timeout=QUICK)
    assert found["units"].severity is Severity.WARNING
    assert found["units"].advice == f"ask unit {unit}: --unit {unit}"
    assert f"--unit {unit}" in found.prescription.command


def test_a_unit_that_was_named_and_is_silent_is_a_fault_even_where_others_answer() -> None:
    with scripted(only_unit(1)) as server:
        found = examined(server.url, unit=5, timeout=QUICK)
    assert found.faults == ["units"]
    assert isinstance(found["units"].error, ResponseTimeout)
    assert found["units"].data["present"] == [1]


def test_all_units_are_asked_where_that_is_wanted() -> None:
    def step(request: Request) -> Reply:
        return Reply() if request.unit == 17 else refusing(0x0B)

    with scripted(step) as server:
        found = examined(server.url, scan_units=True)
        asked = {request.unit for request in server.requests}
    assert found["units"].data["present"] == [17]
    assert asked == {0, *range(1, 248), 255}


def test_a_device_that_never_answers_is_silence() -> None:
    with scripted(Silence()) as server:
        found = examined(server.url, timeout=QUICK)
    assert found.faults == ["units"]
    assert isinstance(found["units"].error, ResponseTimeout)
    assert "--scan-units" in found["units"].advice


def test_a_device_that_is_silent_at_the_first_address_alone_is_found_by_another_question() -> None:
    def step(request: Request) -> Reply | Silence:
        return Reply() if request.pdu[0] == 4 else Silence()

    with scripted(step) as server:
        found = examined(server.url, timeout=QUICK)
    assert 1 in found["units"].data["present"]  # type: ignore[operator]


def test_the_first_request_that_is_ignored_after_connecting_is_survived() -> None:
    with scripted(Silence(), Reply()) as server:
        found = examined(server.url, timeout=QUICK)
    assert found.faults == []


@pytest.mark.parametrize(
    ("beyond", "said"), [("close", "is taken and closed at once"), ("mute", "is taken and never answered")]
)
def test_the_connection_that_is_one_too_many_is_counted(beyond: str, said: str) -> None:
    with scripted(Reply(), most=3, beyond=beyond) as server:  # type: ignore[arg-type]
        found = examined(server.url, timeout=1.0, connections=6, sleep=briefly)
    assert found["connections"].data == {"served": 3, "tried": 6, "then": said}
    assert "usual are" in found["connections"].means


def test_connections_enough_are_no_trouble() -> None:
    with scripted(Reply()) as server:
        found = examined(server.url, connections=4)
    assert found["connections"].severity is Severity.OK


def test_a_device_that_drops_the_first_connection_for_another_is_told() -> None:
    with mbap.serving(
        Device(holding_registers=[1]),
        "tcp://127.0.0.1:0",
        limits=mbap.Limits(max_connections=2, when_full="drop_idle"),
    ) as url:
        found = examined(url, connections=6, sleep=briefly)
    assert found["connections"].data["then"] == "is served, and one of the others is closed for it"


def test_a_connection_that_is_closed_instead_of_an_answer_is_a_fault() -> None:
    with scripted(Silence(close=True)) as server:
        found = examined(server.url)
    assert found.faults == ["answer"]
    assert isinstance(found["answer"].error, ConnectionLost)


def test_a_device_that_needs_a_rest_between_connections_gets_it() -> None:
    with scripted(Reply(), refuses_for=0.1) as server:
        found = examined(server.url, sleep=briefly)
    assert found.faults == []
    assert "served only after" in found["connect"].seen


@pytest.mark.parametrize("code", [1, 2, 4, 6])
def test_a_device_that_refuses_everything_is_told_by_its_exception(code: int) -> None:
    with scripted(refusing(code)) as server:
        found = examined(server.url)
    assert found.faults == ["tables"]
    error = found["tables"].error
    assert isinstance(error, ExceptionResponse)
    assert error.code == code


@pytest.mark.parametrize("code", [0x0A, 0x0B])
def test_a_gateway_with_nobody_behind_it_is_told_from_a_device(code: int) -> None:
    with scripted(refusing(code)) as server:
        found = examined(server.url)
    assert found.faults == ["units"]
    assert "gateway" in found["units"].seen
    assert "--scan-units" in found["units"].advice


def test_a_table_that_is_missing_is_no_fault() -> None:
    with mbap.serving(Device(input_registers=range(10)), "tcp://127.0.0.1:0") as url:
        found = examined(url)
    assert found.faults == []
    assert "ir0" in found.prescription.command


def test_a_map_that_does_not_begin_at_0_is_found_at_a_usual_address() -> None:
    with mbap.serving(Device(holding_registers={100: [1, 2, 3]}), "tcp://127.0.0.1:0") as url:
        found = examined(url)
    assert "hr100" in found.prescription.command


def slow(delay: float) -> Callable[[Request], Reply]:
    """Takes its time over single registers."""
    return lambda request: Reply(delay=delay if request.pdu == b"\3\0\0\0\1" else 0.0)


def test_answers_that_are_slow_are_measured_and_given_time() -> None:
    with scripted(slow(0.11)) as server:
        found = examined(server.url, timeout=2.0, reads=2, hurry=5)
    assert found["answer"].severity is Severity.WARNING
    assert found["latency"].severity is Severity.WARNING
    assert found["latency"].means == "answers are slow, and the device is why"
    assert found["latency"].data["timeout"] >= 1.5  # type: ignore[operator]


def test_answers_that_are_slower_than_the_timeout_are_waited_for() -> None:
    with scripted(slow(0.7)) as server:
        found = examined(server.url, timeout=0.5, reads=2)
    assert found["answer"].severity is Severity.WARNING
    assert re.fullmatch(r"wait longer: --timeout [1-5]s", found["answer"].advice)
    assert found.faults == []


def test_a_connection_that_is_closed_when_it_rests_is_noticed_and_has_a_quirk() -> None:
    with scripted(Reply(), closes_idle=0.5) as server:
        found = examined(server.url, idle=2.0)
    assert found["idle"].severity is Severity.WARNING
    assert found["idle"].data["closed_after"] == pytest.approx(0.5, abs=0.4)
    assert 0 < (found.quirks.reconnect_idle or 0) < 0.9
    assert "reconnect_idle" in found.prescription.profile


def test_a_connection_that_may_rest_is_no_trouble() -> None:
    with scripted(Reply()) as server:
        found = examined(server.url, idle=0.3)
    assert found["idle"].severity is Severity.OK


def test_a_connection_that_is_forgotten_without_a_word_is_noticed() -> None:
    last: dict[int, float] = {}

    def step(request: Request) -> Reply | Silence:
        before = last.get(request.connection, request.at)
        last[request.connection] = request.at
        return Silence() if request.at - before > 0.3 else Reply()

    with scripted(step) as server:
        found = examined(server.url, idle=0.5, timeout=QUICK)
    assert "dead" in found["idle"].seen
    assert found.quirks.reconnect_idle == pytest.approx(0.4)


def test_a_device_that_needs_a_rest_between_requests_is_found_out_how_long() -> None:
    answered = [0.0]

    def step(request: Request) -> Reply:
        early = request.at - answered[0] < 0.03
        answered[0] = time.monotonic()
        return refusing(6) if early else Reply()

    with scripted(step) as server:
        found = examined(server.url, pause=0.05, sleep=briefly)
    assert found["rest"].severity is Severity.WARNING
    assert 0.02 <= found.case.known.pause <= 0.1
    assert "pause = " in found.prescription.profile


def test_reads_that_fail_now_and_then_are_counted() -> None:
    count = [0]

    def step(request: Request) -> Reply:
        count[0] += 1
        return refusing(6) if count[0] > 60 and count[0] % 3 == 0 else Reply()

    with scripted(step) as server:
        found = examined(server.url, reads=60)
    assert found["stability"].severity is Severity.WARNING
    assert "exception 06" in found["stability"].seen


def test_the_largest_read_is_found_by_halves() -> None:
    def step(request: Request) -> Reply:
        return refusing(3) if int.from_bytes(request.pdu[3:5], "big") > 61 else Reply()

    with scripted(step) as server:
        found = examined(server.url)
        sizes = [int.from_bytes(one.pdu[3:5], "big") for one in server.requests if one.pdu[0] == 3]
    assert found["largest read"].data == {"largest": 61, "refused_with": "exception 03"}
    assert "largest = 61" in found.prescription.profile
    assert len([size for size in sizes if size > 1]) < 15


def test_registers_that_end_are_not_taken_for_a_limit() -> None:
    with mbap.serving(Device(holding_registers=range(30)), "tcp://127.0.0.1:0") as url:
        found = examined(url)
    assert found["largest read"].data["largest"] is None
    assert "30 from hr0 on" in found["largest read"].seen


def test_where_one_map_is_short_the_other_tells_the_largest_read() -> None:
    device = Device(holding_registers=range(12), input_registers=range(300))
    with mbap.serving(device, "tcp://127.0.0.1:0") as url:
        found = examined(url)
    assert found["largest read"].data == {"largest": 125, "place": "ir0"}
    assert "blocks of up to 12 registers" in found["latency"].advice


def test_where_both_maps_are_short_a_usual_address_tells_the_largest_read() -> None:
    device = Device(holding_registers={0: range(12), 1000: range(130)})
    with mbap.serving(device, "tcp://127.0.0.1:0") as url:
        found = examined(url)
    assert found["largest read"].data["place"] == "hr1000"


def test_where_every_map_is_short_the_block_that_works_is_named() -> None:
    device = Device(holding_registers=range(12), input_registers=range(40))
    with mbap.serving(device, "tcp://127.0.0.1:0") as url:
        found = examined(url)
    assert found["largest read"].data["reach"] == {"hr0": 12, "ir0": 40}
    assert "blocks of up to 40 are known to work" in found["largest read"].advice


def test_a_long_read_that_takes_its_time_makes_the_timeout_longer() -> None:
    def step(request: Request) -> Reply:
        return Reply(delay=0.25 if request.pdu[0] == 3 and request.pdu[4] > 100 else 0.0)

    with scripted(step) as server:
        found = examined(server.url, reads=2)
    assert found["latency"].data["timeout"] == 1.0


def test_a_port_that_takes_no_datagrams_is_told(free_port: Callable[[], int]) -> None:
    found = examined(f"udp://127.0.0.1:{free_port()}")
    assert found.faults == ["answer"]
    assert found["answer"].advice == "use tcp:// instead"


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "web server"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "TLS"),
        (b"\xde\xad\xbe\xef" * 4, "something else"),
    ],
)
def test_what_is_not_modbus_is_named(raw: bytes, word: str) -> None:
    with scripted(Reply(raw=raw)) as server:
        found = examined(server.url)
    assert found.faults == ["answer"]
    assert word in found["answer"].means
    assert isinstance(found["answer"].error, ProtocolError)


@pytest.mark.parametrize(("scheme", "words"), [("rtu+tcp", "RTU over TCP"), ("ascii+tcp", "ASCII over TCP")])
def test_frames_of_serial_lines_over_tcp_are_recognised(scheme: str, words: str) -> None:
    with mbap.serving(Device(holding_registers=[1]), f"{scheme}://127.0.0.1:0") as url:
        found = examined(url.replace(scheme, "tcp"), timeout=QUICK)
    assert words in found["answer"].seen
    assert found["answer"].advice == f"use {url}"


def test_modbus_tcp_is_recognised_where_rtu_was_asked_for() -> None:
    with mbap.serving(Device(holding_registers=[1]), "tcp://127.0.0.1:0") as url:
        found = examined(url.replace("tcp", "rtu+tcp"), timeout=QUICK)
    assert url in found["answer"].advice


@pytest.mark.parametrize("scheme", ["rtu+tcp", "ascii+tcp", "udp"])
def test_it_works_over_the_other_transports(scheme: str) -> None:
    with mbap.serving(Device(holding_registers=range(130)), f"{scheme}://127.0.0.1:0") as url:
        found = examined(url)
    assert (found.faults, found.warnings) == ([], [])
    assert "hr0" in found.prescription.command


def unanswered(request: Request) -> Reply | Silence:
    """jsmodbus: a function it does not know is never answered, nor is anything else on that connection."""
    if request.pdu[0] > 6:
        mute.add(request.connection)
    return Silence() if request.connection in mute else Reply()


mute: set[int] = set()


def test_a_device_that_goes_mute_at_unknown_functions_is_not_asked_for_more_of_them() -> None:
    mute.clear()
    with scripted(unanswered) as server:
        found = examined(server.url, timeout=QUICK)
    assert found.faults == []
    assert found["functions"].severity is Severity.WARNING
    assert found["functions"].data["has"] == [1, 2, 3, 4]


def test_a_device_that_closes_at_unknown_functions_is_told() -> None:
    def step(request: Request) -> Reply | Silence:
        return Silence(close=True) if request.pdu[0] > 6 else Reply()

    with scripted(step) as server:
        found = examined(server.url)
    assert "closes the connection" in found["functions"].seen


def test_nothing_is_ever_written() -> None:
    with scripted(Reply()) as server:
        examined(server.url, connections=2, idle=0.1)
        codes = {request.pdu[0] for request in server.requests}
    assert codes <= {1, 2, 3, 4, 7, 8, 11, 12, 17, 20, 24, 43}
    assert [one.pdu for one in server.requests if one.pdu[0] == 8] == [struct.pack(">BHH", 8, 0, 0)]


def test_three_connections_are_enough_where_nothing_else_is_asked_for() -> None:
    with scripted(Reply()) as server:
        examined(server.url)
        assert server.connections <= 3


def test_what_is_said_over_one_connection_ends_with_a_silence() -> None:
    with scripted(Reply(raw=b"abc"), Silence()) as server:
        read = bytes.fromhex("000100000006010300000001")
        place = parse_endpoint(server.url)
        heard = say(lambda: opening.connect(place, 1), read, read, read, patience=0.1)
    assert [one.data for one in heard] == [b"abc", b""]


def test_where_something_else_is_served_other_ports_are_tried_when_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with scripted(Reply()) as modbus, scripted(Reply(raw=b"HTTP/1.1 400 Bad Request\r\n\r\n")) as web:
        monkeypatch.setattr(reach, "LIKELY_PORTS", (modbus.port, web.port))
        found = examined(web.url, ports=True)
    assert found["answer"].data["open_ports"] == [modbus.port]
    assert found["answer"].advice.startswith(f"ask {modbus.url}: ")
