"""A complete Modbus TCP system: client, server, collector, tools.

with mbap.Client("tcp://192.168.1.100", unit=6) as plc:
    plc.read_holding_registers(107, 3)
    plc.read("40108:float32", word_order="CDAB")

Names are loaded when they are first used: `import mbap` alone loads neither asyncio nor ssl.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mbap.addresses import Item, Location, Table, describe, parse_item, parse_reference, reference
    from mbap.client.asynchronous import AsyncClient, AsyncUnit
    from mbap.client.blocking import BlockingUnit, Client
    from mbap.client.breaker import Breaker
    from mbap.client.events import EventStream, LinkEvent, LinkState
    from mbap.client.link import Link
    from mbap.client.links import Links, PlacesStatistics
    from mbap.client.options import LinkOptions, LinkStatistics, UnitOptions
    from mbap.client.quirks import Quirks
    from mbap.errors import (
        Acknowledge,
        CertificateRefused,
        ConnectFailed,
        ConnectionLost,
        Disconnect,
        ExceptionCode,
        ExceptionResponse,
        GatewayPathUnavailable,
        GatewayTargetFailedToRespond,
        IllegalDataAddress,
        IllegalDataValue,
        IllegalFunction,
        MemoryParityError,
        ModbusError,
        NoAnswer,
        NotAsked,
        NotProtected,
        OutcomeUnknown,
        ProtocolError,
        QueueFull,
        ResponseTimeout,
        ServerDeviceBusy,
        ServerDeviceFailure,
        Target,
        TlsFailed,
    )
    from mbap.protocol.adu import Adu
    from mbap.protocol.execute import Executor, Priority, RequestFor
    from mbap.protocol.pdu import (
        CommEventCounter,
        CommEventLog,
        DeviceIdentification,
        Diagnostics,
        EncapsulatedInterface,
        FileRecord,
        FileRecordData,
        GetCommEventCounter,
        GetCommEventLog,
        MaskWriteRegister,
        ObjectId,
        Opaque,
        ReadCoils,
        ReadDeviceIdCode,
        ReadDeviceIdentification,
        ReadDiscreteInputs,
        ReadExceptionStatus,
        ReadFifoQueue,
        ReadFileRecord,
        ReadHoldingRegisters,
        ReadInputRegisters,
        ReadWriteMultipleRegisters,
        ReportServerId,
        Request,
        SubFunction,
        WriteFileRecord,
        WriteMultipleCoils,
        WriteMultipleRegisters,
        WriteSingleCoil,
        WriteSingleRegister,
        register,
    )
    from mbap.protocol.wire import Bits, Registers
    from mbap.server.device import Device
    from mbap.server.gateway import Gateway
    from mbap.server.handler import Call, Handler, Peer, Units
    from mbap.server.limits import Limits, ServerStatistics
    from mbap.server.permission import Permission
    from mbap.server.proxy import Cached, Patient
    from mbap.server.routes import Route
    from mbap.server.server import Server
    from mbap.server.serving import serving
    from mbap.transport.tls import TLS
    from mbap.values import Encoding, Value

__version__ = "0.1.0"

__all__ = [
    "TLS",
    "Acknowledge",
    "Adu",
    "AsyncClient",
    "AsyncUnit",
    "Bits",
    "BlockingUnit",
    "Breaker",
    "Cached",
    "Call",
    "CertificateRefused",
    "Client",
    "CommEventCounter",
    "CommEventLog",
    "ConnectFailed",
    "ConnectionLost",
    "Device",
    "DeviceIdentification",
    "Diagnostics",
    "Disconnect",
    "EncapsulatedInterface",
    "Encoding",
    "EventStream",
    "ExceptionCode",
    "ExceptionResponse",
    "Executor",
    "FileRecord",
    "FileRecordData",
    "Gateway",
    "GatewayPathUnavailable",
    "GatewayTargetFailedToRespond",
    "GetCommEventCounter",
    "GetCommEventLog",
    "Handler",
    "IllegalDataAddress",
    "IllegalDataValue",
    "IllegalFunction",
    "Item",
    "Limits",
    "Link",
    "LinkEvent",
    "LinkOptions",
    "LinkState",
    "LinkStatistics",
    "Links",
    "Location",
    "MaskWriteRegister",
    "MemoryParityError",
    "ModbusError",
    "NoAnswer",
    "NotAsked",
    "NotProtected",
    "ObjectId",
    "Opaque",
    "OutcomeUnknown",
    "Patient",
    "Peer",
    "Permission",
    "PlacesStatistics",
    "Priority",
    "ProtocolError",
    "QueueFull",
    "Quirks",
    "ReadCoils",
    "ReadDeviceIdCode",
    "ReadDeviceIdentification",
    "ReadDiscreteInputs",
    "ReadExceptionStatus",
    "ReadFifoQueue",
    "ReadFileRecord",
    "ReadHoldingRegisters",
    "ReadInputRegisters",
    "ReadWriteMultipleRegisters",
    "Registers",
    "ReportServerId",
    "Request",
    "RequestFor",
    "ResponseTimeout",
    "Route",
    "Server",
    "ServerDeviceBusy",
    "ServerDeviceFailure",
    "ServerStatistics",
    "SubFunction",
    "Table",
    "Target",
    "TlsFailed",
    "UnitOptions",
    "Units",
    "Value",
    "WriteFileRecord",
    "WriteMultipleCoils",
    "WriteMultipleRegisters",
    "WriteSingleCoil",
    "WriteSingleRegister",
    "__version__",
    "describe",
    "parse_item",
    "parse_reference",
    "reference",
    "register",
    "serving",
]

_MODULES = {
    "mbap.addresses": (
        "Item",
        "Location",
        "Table",
        "describe",
        "parse_item",
        "parse_reference",
        "reference",
    ),
    "mbap.client.asynchronous": (
        "AsyncClient",
        "AsyncUnit",
    ),
    "mbap.client.blocking": (
        "BlockingUnit",
        "Client",
    ),
    "mbap.client.breaker": ("Breaker",),
    "mbap.client.events": (
        "EventStream",
        "LinkEvent",
        "LinkState",
    ),
    "mbap.client.link": ("Link",),
    "mbap.client.links": (
        "Links",
        "PlacesStatistics",
    ),
    "mbap.client.options": (
        "LinkOptions",
        "LinkStatistics",
        "UnitOptions",
    ),
    "mbap.client.quirks": ("Quirks",),
    "mbap.errors": (
        "Acknowledge",
        "CertificateRefused",
        "ConnectFailed",
        "ConnectionLost",
        "Disconnect",
        "ExceptionCode",
        "ExceptionResponse",
        "GatewayPathUnavailable",
        "GatewayTargetFailedToRespond",
        "IllegalDataAddress",
        "IllegalDataValue",
        "IllegalFunction",
        "MemoryParityError",
        "ModbusError",
        "NoAnswer",
        "NotAsked",
        "NotProtected",
        "OutcomeUnknown",
        "ProtocolError",
        "QueueFull",
        "ResponseTimeout",
        "ServerDeviceBusy",
        "ServerDeviceFailure",
        "Target",
        "TlsFailed",
    ),
    "mbap.protocol.adu": ("Adu",),
    "mbap.protocol.execute": (
        "Executor",
        "Priority",
        "RequestFor",
    ),
    "mbap.protocol.pdu": (
        "CommEventCounter",
        "CommEventLog",
        "DeviceIdentification",
        "Diagnostics",
        "EncapsulatedInterface",
        "FileRecord",
        "FileRecordData",
        "GetCommEventCounter",
        "GetCommEventLog",
        "MaskWriteRegister",
        "ObjectId",
        "Opaque",
        "ReadCoils",
        "ReadDeviceIdCode",
        "ReadDeviceIdentification",
        "ReadDiscreteInputs",
        "ReadExceptionStatus",
        "ReadFifoQueue",
        "ReadFileRecord",
        "ReadHoldingRegisters",
        "ReadInputRegisters",
        "ReadWriteMultipleRegisters",
        "ReportServerId",
        "Request",
        "SubFunction",
        "WriteFileRecord",
        "WriteMultipleCoils",
        "WriteMultipleRegisters",
        "WriteSingleCoil",
        "WriteSingleRegister",
        "register",
    ),
    "mbap.protocol.wire": (
        "Bits",
        "Registers",
    ),
    "mbap.server.device": ("Device",),
    "mbap.server.gateway": ("Gateway",),
    "mbap.server.handler": (
        "Call",
        "Handler",
        "Peer",
        "Units",
    ),
    "mbap.server.limits": (
        "Limits",
        "ServerStatistics",
    ),
    "mbap.server.permission": ("Permission",),
    "mbap.server.proxy": (
        "Cached",
        "Patient",
    ),
    "mbap.server.routes": ("Route",),
    "mbap.server.server": ("Server",),
    "mbap.server.serving": ("serving",),
    "mbap.transport.tls": ("TLS",),
    "mbap.values": (
        "Encoding",
        "Value",
    ),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'mbap' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
