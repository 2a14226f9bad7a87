"""Sizes of files as people write them: "500MB", "2GB"."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def _size(value: object) -> int:
    text = str(value)
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?B)\s*", text, re.IGNORECASE)
    if not isinstance(value, str) or match is None:
        raise ValueError(f'a size is text with a unit such as "500MB" or "2GB", not {text!r}')
    size = int(float(match[1]) * _UNITS[match[2].upper()])
    if not 10**6 <= size <= 10**15:
        raise ValueError(f'must be from "1MB" to "1000TB", not {text!r}')
    return size


Size = Annotated[
    int,
    BeforeValidator(_size),
    PlainSerializer(lambda size: f"{size}B", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*[KMGTkmgt]?[Bb]$"}),
]
"""Bytes; in the file it is text with a unit: "500MB", "2GB"."""
