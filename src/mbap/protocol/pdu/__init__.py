"""Protocol data units: one class a function code.

Each class is loaded when it is first used: most programs need few.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from mbap.protocol.pdu.base import (
    Request,
    Tables,
    decode_request,
    encode_exception,
    raise_exception,
    register,
    request_class,
)

if TYPE_CHECKING:
    from mbap.protocol.pdu.bits import ReadCoils, ReadDiscreteInputs, WriteMultipleCoils, WriteSingleCoil
    from mbap.protocol.pdu.diagnostics import Diagnostics, SubFunction
    from mbap.protocol.pdu.extras import Extras, Fifos, Files, Identified, SerialStatus, ServerIdentity
    from mbap.protocol.pdu.fifo import ReadFifoQueue
    from mbap.protocol.pdu.files import FileRecord, FileRecordData, ReadFileRecord, WriteFileRecord
    from mbap.protocol.pdu.identification import (
        DeviceIdentification,
        EncapsulatedInterface,
        ObjectId,
        ReadDeviceIdCode,
        ReadDeviceIdentification,
        check_objects,
    )
    from mbap.protocol.pdu.opaque import Opaque
    from mbap.protocol.pdu.reads import READS
    from mbap.protocol.pdu.registers import (
        MaskWriteRegister,
        ReadHoldingRegisters,
        ReadInputRegisters,
        ReadWriteMultipleRegisters,
        WriteMultipleRegisters,
        WriteSingleRegister,
    )
    from mbap.protocol.pdu.status import (
        CommEventCounter,
        CommEventLog,
        GetCommEventCounter,
        GetCommEventLog,
        ReadExceptionStatus,
        ReportServerId,
    )

__all__ = [
    "READS",
    "CommEventCounter",
    "CommEventLog",
    "DeviceIdentification",
    "Diagnostics",
    "EncapsulatedInterface",
    "Extras",
    "Fifos",
    "FileRecord",
    "FileRecordData",
    "Files",
    "GetCommEventCounter",
    "GetCommEventLog",
    "Identified",
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
    "SerialStatus",
    "ServerIdentity",
    "SubFunction",
    "Tables",
    "WriteFileRecord",
    "WriteMultipleCoils",
    "WriteMultipleRegisters",
    "WriteSingleCoil",
    "WriteSingleRegister",
    "check_objects",
    "decode_request",
    "encode_exception",
    "raise_exception",
    "register",
    "request_class",
]

_MODULES: Final = {
    "bits": ("ReadCoils", "ReadDiscreteInputs", "WriteMultipleCoils", "WriteSingleCoil"),
    "diagnostics": ("Diagnostics", "SubFunction"),
    "extras": ("Extras", "Fifos", "Files", "Identified", "SerialStatus", "ServerIdentity"),
    "fifo": ("ReadFifoQueue",),
    "files": ("FileRecord", "FileRecordData", "ReadFileRecord", "WriteFileRecord"),
    "identification": (
        "DeviceIdentification",
        "EncapsulatedInterface",
        "ObjectId",
        "ReadDeviceIdCode",
        "ReadDeviceIdentification",
        "check_objects",
    ),
    "opaque": ("Opaque",),
    "reads": ("READS",),
    "registers": (
        "MaskWriteRegister",
        "ReadHoldingRegisters",
        "ReadInputRegisters",
        "ReadWriteMultipleRegisters",
        "WriteMultipleRegisters",
        "WriteSingleRegister",
    ),
    "status": (
        "CommEventCounter",
        "CommEventLog",
        "GetCommEventCounter",
        "GetCommEventLog",
        "ReadExceptionStatus",
        "ReportServerId",
    ),
}
_HOMES = {name: f"mbap.protocol.pdu.{module}" for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'mbap.protocol.pdu' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
