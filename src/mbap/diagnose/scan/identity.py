"""Who a device says it is: function code 43, and where that is missing 17."""

from __future__ import annotations

from typing import Any

from mbap.client.dialogue import Dialogue
from mbap.errors import ConnectionLost, ModbusError, ResponseTimeout
from mbap.protocol.pdu import DeviceIdentification, ReadDeviceIdentification, ReportServerId

NAMES = {
    0: "vendor",
    1: "product",
    2: "revision",
    3: "vendor_url",
    4: "product_name",
    5: "model",
    6: "application",
}
"""The objects of the standard."""


def who_is_it() -> Dialogue[dict[str, str]]:
    """Ask who it is; nothing where it does not say."""
    try:
        answer: DeviceIdentification = yield ReadDeviceIdentification(1, 0)
        return said(answer)
    except (ConnectionLost, ResponseTimeout):
        return {}
    except ModbusError:
        pass
    try:
        identity: Any = yield ReportServerId()
        return {"server_id": shown(bytes(identity))}
    except ModbusError:
        return {}


def said(answer: DeviceIdentification) -> dict[str, str]:
    """The objects by name, as text."""
    return {
        NAMES.get(number, f"object_{number}"): shown(bytes(value)) for number, value in answer.objects.items()
    }


def shown(data: bytes) -> str:
    """*data* as text where it is text, as hexadecimal otherwise; what would steer a console is left out."""
    text = data.rstrip(b"\0 ").decode("utf-8", "replace")
    readable = "".join(character for character in text if character.isprintable() and character != "\ufffd")
    return readable if len(readable) >= len(text) - 2 and readable else data.hex(" ")


def in_short(identity: dict[str, str]) -> str:
    """In a few words: vendor, product, revision."""
    known = [identity[name] for name in ("vendor", "product", "revision") if identity.get(name)]
    return " ".join(known) or identity.get("server_id", "")
