"""The function codes that few devices have: foreign clients use them on our server, and tshark looks on."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mbap
from mbap.protocol.pdu import (
    Diagnostics,
    FileRecord,
    FileRecordData,
    GetCommEventCounter,
    GetCommEventLog,
    ReadDeviceIdCode,
    ReadDeviceIdentification,
    ReadExceptionStatus,
    ReadFifoQueue,
    ReadFileRecord,
    ReportServerId,
    SubFunction,
    WriteFileRecord,
)
from mbap.transport.endpoint import parse_endpoint
from support import foreign, npm, peers, tshark
from support.recording import Recording, recording

pytestmark = [
    pytest.mark.peer,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pymodbus"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:pyModbusTCP"),
]

LONG = "an object so long that not all of them fit into one answer ".ljust(120, ".")
IDENTIFICATION = {0: "Pump works", 1: "P7", 2: "1.4", 4: LONG, 5: "Model 7", 0x90: LONG}
SERVER_ID = b"\x2a\xffPump 7"


@pytest.fixture
def device() -> mbap.Device:
    """A device that has everything."""
    return mbap.Device(
        coils=[False] * 16,
        holding_registers=range(100, 225),
        files={1: range(200), 2: [7, 8, 9]},
        fifos={1246: [440, 4740], 1300: range(31)},
        identification=IDENTIFICATION,
        server_id=SERVER_ID,
        exception_status=0x6D,
        diagnostics="control",
    )


@pytest.fixture
def recorded(device: mbap.Device, tmp_path: Path) -> Iterator[Recording]:
    """The device, behind a relay; afterwards tshark has judged all that passed."""
    peers.require("tshark")
    with mbap.serving(device, "tcp://127.0.0.1:0") as url, recording(url) as record:
        yield record
    tshark.judge(record, tmp_path / "traffic.pcap")


def port_of(record: Recording) -> int:
    return parse_endpoint(record.url).port


# --- our own client, with tshark as the judge of every frame ---

REQUESTS: list[mbap.Request[Any]] = [
    ReadExceptionStatus(),
    Diagnostics(SubFunction.RETURN_QUERY_DATA, b"\xa5\x37"),
    Diagnostics(SubFunction.RETURN_DIAGNOSTIC_REGISTER),
    *(Diagnostics(code) for code in range(11, 19)),
    Diagnostics(SubFunction.CLEAR_COUNTERS_AND_DIAGNOSTIC_REGISTER),
    GetCommEventCounter(),
    GetCommEventLog(),
    ReportServerId(),
    ReadFileRecord((FileRecord(1, 3, 2), FileRecord(2, 0, 3))),
    WriteFileRecord((FileRecordData(1, 3, (11, 12)), FileRecordData(2, 0, (1,)))),
    ReadFifoQueue(1246),
    ReadFifoQueue(1300),
    ReadDeviceIdentification(ReadDeviceIdCode.BASIC),
    ReadDeviceIdentification(ReadDeviceIdCode.REGULAR),
    ReadDeviceIdentification(ReadDeviceIdCode.EXTENDED),
    ReadDeviceIdentification(ReadDeviceIdCode.INDIVIDUAL, 0x90),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.title)
def test_tshark_has_nothing_against_our_frames(recorded: Recording, request_: mbap.Request[Any]) -> None:
    with mbap.Client(recorded.url, unit=1) as client:
        client.execute(request_)


def test_tshark_reads_the_objects_that_we_sent(device: mbap.Device, tmp_path: Path) -> None:
    peers.require("tshark")
    with (
        mbap.serving(device, "tcp://127.0.0.1:0") as url,
        recording(url) as record,
        mbap.Client(record.url, unit=1) as client,
    ):
        first = ReadDeviceIdentification(ReadDeviceIdCode.EXTENDED)
        following = first.following(client.execute(first))
        assert following is not None
        client.execute(following)
    record.write_pcap(tmp_path / "traffic.pcap")
    fields = ("modbus.num_objects", "modbus.more_follows", "modbus.object_id", "modbus.object_str_value")
    found = [frame for frame in tshark.dissected(tmp_path / "traffic.pcap", fields) if frame[fields[0]]]
    texts = [",".join(IDENTIFICATION[number] for number in numbers) for numbers in ((0, 1, 2, 4, 5), ())]
    assert [frame["modbus.num_objects"] for frame in found] == ["5", "1"]
    assert [frame["modbus.more_follows"] for frame in found] == ["0xff", "0x00"]
    assert [frame["modbus.object_str_value"].rstrip(",") for frame in found] == texts


# --- nmap ---


def test_nmap_discovers_who_we_are(device: mbap.Device) -> None:
    program = peers.require("nmap")
    with mbap.serving(device, "tcp://127.0.0.1:0") as url:
        port = str(parse_endpoint(url).port)
        command = [program, "-Pn", "-n", "-p", port, "--script", "+modbus-discover", "127.0.0.1"]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "Slave ID data: *\\xFFPump 7" in done.stdout
    assert "Device identification: Pump works P7 1.4" in done.stdout


# --- pymodbus ---


@pytest.fixture
def pymodbus(recorded: Recording) -> Iterator[Any]:
    """A connected client of pymodbus."""
    module = peers.require_module("pymodbus.client")
    client = module.ModbusTcpClient("127.0.0.1", port=port_of(recorded), timeout=5, retries=0)
    assert client.connect()
    yield client
    client.close()


def test_pymodbus_reads_the_identification(pymodbus: Any) -> None:
    answer = pymodbus.read_device_information(read_code=1, object_id=0, device_id=1)
    assert answer.information == {0: b"Pump works", 1: b"P7", 2: b"1.4"}
    single = pymodbus.read_device_information(read_code=4, object_id=0x90, device_id=1)
    assert single.information == {0x90: LONG.encode()}


def test_pymodbus_is_told_that_more_follows(pymodbus: Any) -> None:
    answer = pymodbus.read_device_information(read_code=3, object_id=0, device_id=1)
    rest = pymodbus.read_device_information(read_code=3, object_id=answer.next_object_id, device_id=1)
    assert (answer.more_follows, rest.more_follows) == (0xFF, 0)
    both = answer.information | rest.information
    assert both == {number: text.encode() for number, text in IDENTIFICATION.items()}


def test_pymodbus_reads_state_and_counters(pymodbus: Any) -> None:
    assert pymodbus.read_exception_status(device_id=1).status == 0x6D
    assert pymodbus.report_device_id(device_id=1).identifier.startswith(b"\x2a")
    assert pymodbus.diag_query_data(b"\xa5\x37", device_id=1).message == b"\xa5\x37"
    before = pymodbus.diag_get_comm_event_counter(device_id=1)
    assert not pymodbus.write_register(1, 4711, device_id=1).isError()
    assert pymodbus.diag_get_comm_event_counter(device_id=1).count == before.count + 1
    assert not pymodbus.diag_get_comm_event_log(device_id=1).isError()


def test_pymodbus_reads_and_writes_files(pymodbus: Any, device: mbap.Device) -> None:
    record = peers.require_module("pymodbus.pdu.file_message").FileRecord
    written = record(file_number=1, record_number=3, record_data=b"\x12\x34\x56\x78")
    assert not pymodbus.write_file_record([written], device_id=1).isError()
    assert device.files[1][3:5] == [0x1234, 0x5678]
    asked = record(file_number=1, record_number=3, record_length=4)
    answer = pymodbus.read_file_record([asked], device_id=1)
    assert answer.records[0].record_data == b"\x12\x34\x56\x78"


def test_pymodbus_reads_a_queue(pymodbus: Any) -> None:
    assert pymodbus.read_fifo_queue(address=1246, device_id=1).values == [440, 4740]


# --- pyModbusTCP ---


def test_pymodbustcp_reads_the_identification(recorded: Recording) -> None:
    module = peers.require_module("pyModbusTCP.client")
    client = module.ModbusClient("127.0.0.1", port_of(recorded), unit_id=1, timeout=5)
    answer = client.read_device_identification()
    client.close()
    assert answer.objects_by_id == {0: b"Pump works", 1: b"P7", 2: b"1.4"}


# --- libmodbus ---


@pytest.fixture(scope="module")
def libmodbus_client(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command of the client on libmodbus."""
    return foreign.built_with_libmodbus("libmodbus_client", tmp_path_factory.mktemp("programs"))


@pytest.fixture
def libmodbus(libmodbus_client: list[str], recorded: Recording) -> Iterator[foreign.ForeignClient]:
    """A connected client of libmodbus."""
    with foreign.client(libmodbus_client, port_of(recorded)) as client:
        yield client


def test_libmodbus_reads_and_writes(libmodbus: foreign.ForeignClient, device: mbap.Device) -> None:
    assert libmodbus("read_registers", 0, 125) == list(range(100, 225))
    assert libmodbus("write_register", 1, 4711) == 1
    assert libmodbus("write_registers", 10, 3, 1, 2, 65_535) == 3
    assert libmodbus("write_bit", 3, 1) == 1
    assert libmodbus("write_bits", 5, 4, 1, 0, 1, 1) == 4
    assert libmodbus("read_bits", 3, 6) == [1, 0, 1, 0, 1, 1]
    assert libmodbus("mask_write_register", 12, 0xFF00, 0x0012) == 1
    assert libmodbus("write_and_read_registers", 10, 3, 11, 77) == [1, 77, 0xFF12]
    assert device.holding_registers[1] == 4711


def test_libmodbus_reads_the_server_id(libmodbus: foreign.ForeignClient) -> None:
    assert bytes(libmodbus("report_slave_id")) == SERVER_ID


def test_libmodbus_is_told_what_is_wrong(libmodbus: foreign.ForeignClient) -> None:
    assert libmodbus("read_registers", 60_000, 1) == {"exception": 2}
    assert libmodbus("read_input_registers", 0, 1) == {"exception": 2}


# --- umodbus ---


@pytest.fixture
def umodbus(recorded: Recording) -> Iterator[Any]:
    """`umodbus("read_coils", address, count)`: what a client of uModbus gives."""
    tcp = peers.require_module("umodbus.client.tcp")
    peers.require_module("umodbus").conf.SIGNED_VALUES = False
    with socket.create_connection(("127.0.0.1", port_of(recorded)), timeout=5) as connected:
        yield lambda name, *given: tcp.send_message(getattr(tcp, name)(1, *given), connected)


def test_umodbus_reads_and_writes(umodbus: Any, device: mbap.Device) -> None:
    assert umodbus("read_holding_registers", 0, 125) == list(range(100, 225))
    assert umodbus("write_single_register", 1, 4711) == 4711
    assert umodbus("write_multiple_registers", 10, [1, 2, 65_535]) == 3
    assert umodbus("write_single_coil", 3, 1) == 1
    assert umodbus("write_multiple_coils", 5, [1, 0, 1, 1]) == 4
    assert umodbus("read_coils", 3, 6) == [1, 0, 1, 0, 1, 1]
    assert device.holding_registers[10:13] == [1, 2, 65_535]


def test_umodbus_is_told_what_is_wrong(umodbus: Any) -> None:
    errors = peers.require_module("umodbus.exceptions")
    with pytest.raises(errors.IllegalDataAddressError):
        umodbus("read_input_registers", 0, 1)


# --- Node.js ---


@pytest.fixture
def modbus_serial(recorded: Recording) -> Iterator[foreign.ForeignClient]:
    """A connected client of modbus-serial."""
    command = foreign.node_program("modbus_serial_client")
    with foreign.client(command, port_of(recorded), npm.environment()) as client:
        yield client


@pytest.fixture
def jsmodbus(recorded: Recording) -> Iterator[foreign.ForeignClient]:
    """A connected client of jsmodbus."""
    command = foreign.node_program("jsmodbus_client")
    with foreign.client(command, port_of(recorded), npm.environment()) as client:
        yield client


def test_modbus_serial_reads_and_writes(modbus_serial: foreign.ForeignClient, device: mbap.Device) -> None:
    assert modbus_serial("readHoldingRegisters", 0, 125)["data"] == list(range(100, 225))
    modbus_serial("writeRegister", 1, 4711)
    modbus_serial("writeRegisters", 10, [1, 2, 65_535])
    modbus_serial("writeCoil", 3, True)
    modbus_serial("writeCoils", 5, [True, False, True, True])
    modbus_serial("maskWriteRegister", 12, 0xFF00, 0x0012)
    assert modbus_serial("readCoils", 3, 6)["data"][:6] == [True, False, True, False, True, True]
    assert device.holding_registers[10:13] == [1, 2, 0xFF12]
    assert device.holding_registers[1] == 4711


def test_modbus_serial_reads_the_identification(modbus_serial: foreign.ForeignClient) -> None:
    assert modbus_serial("readDeviceIdentification", 1, 0)["data"] == {
        "0": "Pump works",
        "1": "P7",
        "2": "1.4",
    }
    extended = modbus_serial("readDeviceIdentification", 3, 0)["data"]
    assert extended == {str(number): text for number, text in IDENTIFICATION.items()}


def test_modbus_serial_reads_the_server_id(modbus_serial: foreign.ForeignClient) -> None:
    answer = modbus_serial("reportServerID", 0, 0)
    assert (answer["serverId"], answer["running"]) == (0x2A, True)


def test_modbus_serial_is_told_what_is_wrong(modbus_serial: foreign.ForeignClient) -> None:
    assert modbus_serial("readHoldingRegisters", 60_000, 1) == {"exception": 2}


def test_jsmodbus_reads_and_writes(jsmodbus: foreign.ForeignClient, device: mbap.Device) -> None:
    assert jsmodbus("readHoldingRegisters", 0, 125)["values"] == list(range(100, 225))
    jsmodbus("writeSingleRegister", 1, 4711)
    jsmodbus("writeMultipleRegisters", 10, [1, 2, 65_535])
    jsmodbus("writeSingleCoil", 3, True)
    jsmodbus("writeMultipleCoils", 5, [True, False, True, True])
    assert jsmodbus("readCoils", 3, 6)["values"][:6] == [1, 0, 1, 0, 1, 1]
    assert device.holding_registers[10:13] == [1, 2, 65_535]


def test_jsmodbus_is_told_what_is_wrong(jsmodbus: foreign.ForeignClient) -> None:
    assert jsmodbus("readHoldingRegisters", 60_000, 1) == {"exception": 2}


def test_jsmodbus_reads_the_identification(jsmodbus: foreign.ForeignClient) -> None:
    objects = jsmodbus("readDeviceIdentification", 1, 0)["objects"]
    texts = {one["id"]: bytes(one["value"]["data"]).decode() for one in objects}
    assert texts == {0: "Pump works", 1: "P7", 2: "1.4"}
