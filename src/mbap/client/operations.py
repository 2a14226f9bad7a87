"""Every operation of the Modbus data model, said once, for the blocking and the asynchronous client."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable
from types import FunctionType, MethodType
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from mbap.protocol import pdu
from mbap.protocol.pdu import Request

P = ParamSpec("P")
R = TypeVar("R")


class operation(Generic[P, R]):  # noqa: N801 - used as a decorator is
    """A method that takes the arguments of a request, executes it, and gives its result.

    On a blocking client it gives R, on an asynchronous one an awaitable R. *load* gives the class of the
    request, which is loaded when it is first needed: most programs need few.
    """

    def __init__(self, load: Callable[[], Callable[P, Request[R]]], doc: str) -> None:
        self._load = load
        self._doc = doc
        self._name = ""
        self._owner: type = object
        self._made: FunctionType | None = None

    def __set_name__(self, owner: type, name: str) -> None:
        self._name, self._owner = name, owner

    @property
    def _call(self) -> FunctionType:
        if self._made is None:
            self._made = self._make(self._load())
            setattr(self._owner, self._name, self._made)  # from now on a method like any other
        return self._made

    def _make(self, request: Callable[P, Request[R]]) -> FunctionType:
        import inspect

        given = inspect.signature(request).parameters
        call = _call_of_span(request) if [*given] == ["address", "count"] else _call(request)
        parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD), *given.values()]
        call.__name__, call.__qualname__ = self._name, f"{self._owner.__qualname__}.{self._name}"
        call.__doc__, call.__module__ = self._doc, self._owner.__module__
        call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            parameters, return_annotation=_result(request, inspect.Signature.empty)
        )
        return cast("FunctionType", call)

    @overload
    def __get__(self, client: None, owner: type) -> Callable[..., object]: ...
    @overload
    def __get__(self, client: BlockingOperations, owner: type) -> Callable[P, R]: ...
    @overload
    def __get__(self, client: AsyncOperations, owner: type) -> Callable[P, Awaitable[R]]: ...
    def __get__(self, client: Operations | None, owner: type) -> object:
        return self._call if client is None else MethodType(self._call, client)


def _call(request: Callable[..., Request[Any]]) -> Callable[..., object]:
    def call(self: Operations, *args: object, **kwargs: object) -> object:
        return self._execute(request(*args, **kwargs))

    return call


def _call_of_span(request: Callable[..., Request[Any]]) -> Callable[..., object]:
    """For the reads, which are most calls: what takes any arguments costs four times as much to call."""

    def call(self: Operations, address: int, count: int) -> object:
        return self._execute(request(address, count))

    return call


def _result(request: Callable[..., object], unknown: object) -> object:
    """The R of a class below Request[R], so that `help` can show it."""
    for kind in getattr(request, "__mro__", ()):
        for base in kind.__dict__.get("__orig_bases__", ()):
            origin, result = getattr(base, "__origin__", object), getattr(base, "__args__", (R,))[0]
            if issubclass(origin, Request) and not isinstance(result, TypeVar):
                return result
    return unknown


class Operations:
    """The operations; what carries them out is in the two classes below."""

    __slots__ = ()

    @abstractmethod
    def _execute(self, request: Request[Any]) -> object: ...

    read_coils = operation(
        lambda: pdu.ReadCoils,
        "`count` coils from `address`, as Bits: 1 to 2,000 (function code 1).",
    )
    read_discrete_inputs = operation(
        lambda: pdu.ReadDiscreteInputs,
        "`count` discrete inputs from `address`, as Bits: 1 to 2,000 (function code 2).",
    )
    read_holding_registers = operation(
        lambda: pdu.ReadHoldingRegisters,
        "`count` holding registers from `address`, as Registers: 1 to 125 (function code 3).",
    )
    read_input_registers = operation(
        lambda: pdu.ReadInputRegisters,
        "`count` input registers from `address`, as Registers: 1 to 125 (function code 4).",
    )
    write_single_coil = operation(
        lambda: pdu.WriteSingleCoil,
        "Switch the coil at `address` on or off (function code 5).",
    )
    write_single_register = operation(
        lambda: pdu.WriteSingleRegister,
        "Write 0 to 65535 into the holding register at `address` (function code 6).",
    )
    write_multiple_coils = operation(
        lambda: pdu.WriteMultipleCoils,
        "Switch 1 to 1,968 coils from `address` (function code 15).",
    )
    write_multiple_registers = operation(
        lambda: pdu.WriteMultipleRegisters,
        "Write 1 to 123 holding registers from `address` (function code 16).",
    )
    mask_write_register = operation(
        lambda: pdu.MaskWriteRegister,
        "Change bits of one holding register in the device: it becomes"
        " (old AND `and_mask`) OR (`or_mask` AND NOT `and_mask`) (function code 22).",
    )
    read_write_multiple_registers = operation(
        lambda: pdu.ReadWriteMultipleRegisters,
        "Write `values` from `write_address`, then read `count` registers from `address`,"
        " in one request (function code 23).",
    )
    read_fifo_queue = operation(
        lambda: pdu.ReadFifoQueue,
        "The 0 to 31 registers of the queue whose pointer is the holding register `address`, oldest first,"
        " as Registers; they stay in it (function code 24).",
    )
    read_file_record = operation(
        lambda: pdu.ReadFileRecord,
        "Groups of `records` out of files, each a `FileRecord`; gives Registers for each group"
        " (function code 20).",
    )
    write_file_record = operation(
        lambda: pdu.WriteFileRecord,
        "Write groups of `records` into files, each a `FileRecordData` (function code 21).",
    )
    read_exception_status = operation(
        lambda: pdu.ReadExceptionStatus,
        "Eight outputs of the device's own choice, the first lowest: 0 to 255 (function code 7).",
    )
    diagnostics = operation(
        lambda: pdu.Diagnostics,
        "Carry out a `sub_function` of `SubFunction` and give the data of its answer; nothing for the one"
        " that is not answered, FORCE_LISTEN_ONLY_MODE (function code 8).",
    )
    get_comm_event_counter = operation(
        lambda: pdu.GetCommEventCounter,
        "How many requests the device has carried out, as CommEventCounter (function code 11).",
    )
    get_comm_event_log = operation(
        lambda: pdu.GetCommEventLog,
        "What happened on the device's line last, as CommEventLog (function code 12).",
    )
    report_server_id = operation(
        lambda: pdu.ReportServerId,
        "What the device says of its type and state, as bytes (function code 17).",
    )


class BlockingOperations(Operations):
    """Operations that give their result."""

    __slots__ = ()


class AsyncOperations(Operations):
    """Operations that give an awaitable of their result."""

    __slots__ = ()
