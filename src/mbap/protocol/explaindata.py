"""Explanations of frames as plain data, for JSON."""

from __future__ import annotations

from collections.abc import Sequence

from mbap.protocol.explain import Explanation
from mbap.protocol.fields import Field


def as_data(one: Explanation) -> dict[str, object]:
    """*one* with names; a field that a fault names has `wrong`."""
    named = {field.name: field.value for field in one.header if isinstance(field.value, int)}
    faults = one.every_fault
    return {
        "offset": one.offset,
        "bytes": one.data.hex(),
        "transaction": named.get("transaction"),
        "unit": named.get("unit"),
        "function_code": one.readings[0].fields[0].value if one.readings else None,
        "answers": one.answers,
        "header": _fields(one.header, faults),
        "readings": [
            {
                "role": reading.role.value,
                "summary": reading.summary,
                "fields": _fields(reading.fields, reading.faults),
            }
            for reading in one.readings
        ],
        "trailer": _fields(one.trailer, faults),
        "faults": list(faults),
    }


def _fields(fields: Sequence[Field], faults: Sequence[str]) -> list[dict[str, object]]:
    return [
        {
            "offset": field.offset,
            "bytes": field.data.hex(),
            "name": field.name,
            "value": field.value,
            "meaning": field.meaning,
            "wrong": any(_names(fault, field.name) for fault in faults),
        }
        for field in fields
    ]


def _names(fault: str, name: str) -> bool:
    """Whether *fault* is about the field *name*, with which it begins."""
    return f"{fault} ".startswith((f"{name} ", f"the {name} "))
