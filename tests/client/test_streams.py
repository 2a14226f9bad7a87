"""Every operation over every kind of stream, on both fronts, against the server of this project."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

import mbap
from mbap import (
    Diagnostics,
    FileRecord,
    FileRecordData,
    GetCommEventCounter,
    GetCommEventLog,
    IllegalDataAddress,
    MaskWriteRegister,
    ReadCoils,
    ReadDiscreteInputs,
    ReadExceptionStatus,
    ReadFifoQueue,
    ReadFileRecord,
    ReadHoldingRegisters,
    ReadInputRegisters,
    ReadWriteMultipleRegisters,
    ReportServerId,
    SubFunction,
    WriteFileRecord,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)
from mbap.transport import udp
from support.fronts import FRONTS, connected
from support.peers import free_port

STREAMS = ("tcp", "rtu+tcp", "ascii+tcp", "udp")
IDENTITY = {0: b"ACME", 1: b"P7", 2: b"1.0", 4: b"Pump", 0x80: b"a" * 200, 0x81: b"b" * 200, 0x82: b"c" * 244}


@pytest.fixture(params=STREAMS)
def url(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(udp, "_warned", set())
    device = mbap.Device(
        coils=[True, False] * 8,
        discrete_inputs=[False, True] * 8,
        holding_registers=range(300),
        input_registers=range(300),
        files={4: range(100)},
        fifos={1246: [440, 4740]},
        identification=IDENTITY,
        server_id=b"\x07\xffpump",
        exception_status=0x6D,
    )
    with mbap.serving(device, f"{request.param}://127.0.0.1:0") as url:
        yield url


@pytest.mark.parametrize("kind", FRONTS)
def test_every_operation_of_the_standard_is_carried_out(kind: str, url: str) -> None:
    with connected(kind, url) as plc:
        assert plc.execute(ReadCoils(0, 3)) == [True, False, True]
        assert plc.execute(ReadDiscreteInputs(0, 3)) == [False, True, False]
        assert plc.execute(ReadHoldingRegisters(107, 125)) == list(range(107, 232))
        assert plc.execute(ReadInputRegisters(7, 2)) == [7, 8]
        plc.execute(WriteSingleCoil(1, True))
        plc.execute(WriteSingleRegister(0, 500))
        plc.execute(WriteMultipleCoils(2, [False, False]))
        plc.execute(WriteMultipleRegisters(1, [501, 502]))
        plc.execute(MaskWriteRegister(3, 0xFFF0, 0x0005))
        assert plc.execute(ReadCoils(0, 4)) == [True, True, False, False]
        assert plc.execute(ReadWriteMultipleRegisters(0, 5, 4, [504])) == [500, 501, 502, 5, 504]
        assert plc.execute(ReadExceptionStatus()) == 0x6D
        assert plc.execute(Diagnostics(SubFunction.RETURN_QUERY_DATA, b"echo")) == b"echo"
        assert plc.execute(GetCommEventCounter()).events > 0
        assert plc.execute(GetCommEventLog()).messages > 0
        assert plc.execute(ReportServerId()) == b"\x07\xffpump"
        plc.execute(WriteFileRecord([FileRecordData(4, 1, [7, 8])]))
        (record,) = plc.execute(ReadFileRecord([FileRecord(4, 0, 3)]))
        assert record == [0, 7, 8]
        assert plc.execute(ReadFifoQueue(1246)) == [440, 4740]
        with pytest.raises(IllegalDataAddress):
            plc.execute(ReadHoldingRegisters(299, 2))


@pytest.mark.parametrize("kind", FRONTS)
def test_an_identification_of_several_answers_is_read_whole(kind: str, url: str) -> None:
    with connected(kind, url) as plc:
        whole = plc.read_device_identification(3)
        assert dict(whole.objects) == IDENTITY
        assert not whole.more_follows
        assert dict(plc.read_device_identification().objects) == {0: b"ACME", 1: b"P7", 2: b"1.0"}
        assert dict(plc.read_device_identification(4, 0x81).objects) == {0x81: b"b" * 200}


@pytest.mark.parametrize("kind", FRONTS)
def test_a_broadcast_is_carried_out_and_the_next_read_is_right(kind: str, url: str) -> None:
    with connected(kind, url) as plc:
        plc.broadcast(WriteSingleRegister(5, 1000))
        assert plc.execute(ReadHoldingRegisters(5, 2)) == [1000, 6]


@pytest.mark.parametrize("kind", FRONTS)
@pytest.mark.parametrize("request_", [ReadHoldingRegisters(0, 1), ReadWriteMultipleRegisters(0, 1, 0, [1])])
def test_only_writes_can_be_broadcast(kind: str, request_: mbap.Request[object]) -> None:
    with (
        connected(kind, "192.0.2.1") as plc,
        pytest.raises(ValueError, match="only what writes and is not answered can be broadcast"),
    ):
        plc.broadcast(request_)


@pytest.mark.parametrize("kind", FRONTS)
def test_many_requests_are_carried_out_whatever_the_stream_allows(kind: str, url: str) -> None:
    requests = [ReadHoldingRegisters(i, 2) for i in range(100)]
    with connected(kind, url, outstanding=8) as plc:
        assert plc.execute_many(requests) == [[i, i + 1] for i in range(100)]


@pytest.mark.parametrize("kind", FRONTS)
def test_that_datagrams_are_not_in_the_standard_is_said_once(
    kind: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(udp, "_warned", set())
    with (
        caplog.at_level(logging.WARNING, "mbap.transport"),
        mbap.serving(mbap.Device(holding_registers=[7]), "udp://127.0.0.1:0") as url,
    ):
        for _ in range(2):
            with connected(kind, url) as plc:
                assert plc.execute(ReadHoldingRegisters(0, 1)) == [7]
    said = [record for record in caplog.records if record.name == "mbap.transport.udp"]
    assert len(said) == 1


@pytest.mark.parametrize("kind", FRONTS)
def test_datagrams_to_a_port_where_nobody_listens_end_with_an_error(kind: str) -> None:
    with connected(kind, f"udp://127.0.0.1:{free_port()}", timeout=0.3) as plc:
        for _ in range(2):
            with pytest.raises((mbap.ConnectionLost, mbap.ResponseTimeout)):
                plc.execute(ReadHoldingRegisters(0, 1))
