"""Every operation of the Modbus data model, said once, for the blocking and the asynchronous client."""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from types import FunctionType, MethodType
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from mbap.protocol.pdu import (
    MaskWriteRegister,
    ReadCoils,
    ReadDiscreteInputs,
    ReadHoldingRegisters,
    ReadInputRegisters,
    ReadWriteMultipleRegisters,
    Request,
    WriteMultipleCoils,
    WriteMultipleRegisters,
    WriteSingleCoil,
    WriteSingleRegister,
)

P = ParamSpec("P")
R = TypeVar("R")


class operation(Generic[P, R]):  # noqa: N801 - used as a decorator is
    """A method that takes the arguments of a request, executes it, and gives its result.

    On a blocking client it gives R, on an asynchronous one an awaitable R.
    """

    def __init__(self, request: Callable[P, Request[R]], doc: str) -> None:
        def call(self: Operations, *args: P.args, **kwargs: P.kwargs) -> object:
            return self._execute(request(*args, **kwargs))

        self._call = cast("FunctionType", call)
        self._call.__doc__ = doc
        self._request = request

    def __set_name__(self, owner: type, name: str) -> None:
        parameters = [inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
        parameters += inspect.signature(self._request).parameters.values()
        self._call.__name__, self._call.__qualname__ = name, f"{owner.__qualname__}.{name}"
        self._call.__module__ = owner.__module__
        self._call.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            parameters, return_annotation=_result(self._request)
        )

    @overload
    def __get__(self, client: None, owner: type) -> Callable[..., object]: ...
    @overload
    def __get__(self, client: BlockingOperations, owner: type) -> Callable[P, R]: ...
    @overload
    def __get__(self, client: AsyncOperations, owner: type) -> Callable[P, Awaitable[R]]: ...
    def __get__(self, client: Operations | None, owner: type) -> object:
        return self._call if client is None else MethodType(self._call, client)


def _result(request: Callable[..., object]) -> object:
    """The R of a class below Request[R], so that `help` can show it."""
    for kind in getattr(request, "__mro__", ()):
        for base in kind.__dict__.get("__orig_bases__", ()):
            if getattr(base, "__origin__", None) is Request:
                return base.__args__[0]
    return inspect.Signature.empty


class Operations:
    """The operations; what carries them out is in the two classes below."""

    __slots__ = ()

    @abstractmethod
    def _execute(self, request: Request[Any]) -> object: ...

    read_coils = operation(
        ReadCoils,
        "`count` coils from `address`, as Bits: 1 to 2,000 (function code 1).",
    )
    read_discrete_inputs = operation(
        ReadDiscreteInputs,
        "`count` discrete inputs from `address`, as Bits: 1 to 2,000 (function code 2).",
    )
    read_holding_registers = operation(
        ReadHoldingRegisters,
        "`count` holding registers from `address`, as Registers: 1 to 125 (function code 3).",
    )
    read_input_registers = operation(
        ReadInputRegisters,
        "`count` input registers from `address`, as Registers: 1 to 125 (function code 4).",
    )
    write_single_coil = operation(
        WriteSingleCoil,
        "Switch the coil at `address` on or off (function code 5).",
    )
    write_single_register = operation(
        WriteSingleRegister,
        "Write 0 to 65535 into the holding register at `address` (function code 6).",
    )
    write_multiple_coils = operation(
        WriteMultipleCoils,
        "Switch 1 to 1,968 coils from `address` (function code 15).",
    )
    write_multiple_registers = operation(
        WriteMultipleRegisters,
        "Write 1 to 123 holding registers from `address` (function code 16).",
    )
    mask_write_register = operation(
        MaskWriteRegister,
        "Change bits of one holding register in the device: it becomes"
        " (old AND `and_mask`) OR (`or_mask` AND NOT `and_mask`) (function code 22).",
    )
    read_write_multiple_registers = operation(
        ReadWriteMultipleRegisters,
        "Write `values` from `write_address`, then read `count` registers from `address`,"
        " in one request (function code 23).",
    )


class BlockingOperations(Operations):
    """Operations that give their result."""

    __slots__ = ()


class AsyncOperations(Operations):
    """Operations that give an awaitable of their result."""

    __slots__ = ()
