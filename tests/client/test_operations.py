"""mbap.client.operations: said once, right for both fronts, and known to type checkers and `help`."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable
from typing import assert_type

import pytest

from mbap import (
    AsyncClient,
    Bits,
    Client,
    CommEventCounter,
    CommEventLog,
    DeviceIdentification,
    FileRecord,
    ReadCoils,
    ReadWriteMultipleRegisters,
    Registers,
    Request,
    SubFunction,
)
from mbap.client.operations import BlockingOperations, Operations

NAMES = sorted(name for name in vars(Operations) if not name.startswith("_"))


class Recorder(BlockingOperations):
    """Gives back the request itself."""

    def _execute(self, request: Request[object]) -> object:
        return request


def test_the_operations_of_the_standard_are_there() -> None:
    assert NAMES == [
        "diagnostics",
        "get_comm_event_counter",
        "get_comm_event_log",
        "mask_write_register",
        "read_coils",
        "read_discrete_inputs",
        "read_exception_status",
        "read_fifo_queue",
        "read_file_record",
        "read_holding_registers",
        "read_input_registers",
        "read_write_multiple_registers",
        "report_server_id",
        "write_file_record",
        "write_multiple_coils",
        "write_multiple_registers",
        "write_single_coil",
        "write_single_register",
    ]


def test_an_operation_makes_its_request_from_its_arguments() -> None:
    assert Recorder().read_coils(19, count=19) == ReadCoils(19, 19)


def test_arguments_are_checked_before_anything_is_sent() -> None:
    with pytest.raises(ValueError, match="count is 1 to 125, not 126"):
        Client("192.0.2.1").read_holding_registers(0, 126)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize("name", NAMES)
def test_each_has_a_signature_a_name_and_a_docstring(kind: type, name: str) -> None:
    method = getattr(kind, name)
    assert method.__name__ == name
    assert "function code" in method.__doc__
    assert next(iter(inspect.signature(method).parameters)) == "self"


def test_a_bound_operation_shows_the_parameters_of_its_request() -> None:
    parameters = inspect.signature(Client("plc").read_write_multiple_registers).parameters
    assert list(parameters) == list(inspect.signature(ReadWriteMultipleRegisters).parameters)


def blocking_types(plc: Client) -> None:
    """Not run: mypy checks it, and that what is wrong is rejected (an unused ignore is an error)."""
    assert_type(plc.read_coils(0, 1), Bits)
    assert_type(plc.read_holding_registers(0, 10), Registers)
    assert_type(plc.unit(5).read_input_registers(address=0, count=10), Registers)
    assert_type(plc.read_fifo_queue(0), Registers)
    assert_type(plc.read_file_record([FileRecord(4, 1, 2)]), tuple[Registers, ...])
    assert_type(plc.read_exception_status(), int)
    assert_type(plc.diagnostics(SubFunction.RETURN_QUERY_DATA, b"ab"), bytes)
    assert_type(plc.get_comm_event_counter(), CommEventCounter)
    assert_type(plc.get_comm_event_log(), CommEventLog)
    assert_type(plc.report_server_id(), bytes)
    assert_type(plc.read_device_identification(), DeviceIdentification)
    plc.read_fifo_queue(0, 1)  # type: ignore[call-arg]
    plc.read_coils("0", 1)  # type: ignore[arg-type]
    plc.read_coils(0)  # type: ignore[call-arg]
    plc.write_single_coil(0, True, 1)  # type: ignore[call-arg]
    plc.read_coils(0, quantity=1)  # type: ignore[call-arg]


async def asynchronous_types(plc: AsyncClient) -> None:
    """Not run, as above."""
    assert_type(plc.read_coils(0, 1), Awaitable[Bits])
    assert_type(await plc.read_holding_registers(0, 10), Registers)
    assert_type(await plc.execute(ReadCoils(0, 1)), Bits)
    assert_type(await plc.read_exception_status(), int)
    assert_type(await plc.read_file_record([FileRecord(4, 1, 2)]), tuple[Registers, ...])
    assert_type(await plc.read_device_identification(3), DeviceIdentification)
    await plc.write_single_register(0, "1")  # type: ignore[arg-type]
