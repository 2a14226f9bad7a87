"""What pydantic finds, in sentences of ours: each with the path of the fault in the file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from mbap.durations import format_duration
from mbap.filefaults import Path, nearest, shown, suggestion

FOLLOWING = ("missing", "too_short")
"""Kinds of fault that can come of leaving out what is faulty."""

_MISSING = "is missing"


def sentences(
    details: Sequence[ErrorDetails], data: Mapping[str, Any], model: type[BaseModel]
) -> list[tuple[Path, str]]:
    """(path, sentence) for each of *details*, which came of validating *data* as *model*."""
    found: list[tuple[Path, str]] = []
    meant: set[Path] = set()
    for detail in details:
        path = real_path(detail["loc"], data)
        if detail["type"] == "extra_forbidden":
            known = _known_keys(model, path[:-1])
            found.append((path, f"unknown key{suggestion(str(path[-1]), known)}"))
            meant |= {(*path[:-1], near) for near in [nearest(str(path[-1]), known)] if near}
        else:
            found.append((path, _sentence(detail, path)))
    # What is missing only because its key is misspelled has been said already.
    return [(path, text) for path, text in found if not (text == _MISSING and path in meant)]


def real_path(loc: tuple[str | int, ...], data: object) -> Path:
    """*loc* without what pydantic puts in between: keys that are there, at the end perhaps a missing one."""
    path: list[str | int] = []
    at = data
    for index, key in enumerate(loc):
        inside = (isinstance(at, dict) and key in at) or (
            isinstance(at, list) and isinstance(key, int) and key < len(at)
        )
        if inside:
            at = at[key]  # type: ignore[index]
            path.append(key)
        elif index == len(loc) - 1 and isinstance(at, dict) and key != "[key]":
            path.append(key)
    return tuple(path)


def _known_keys(model: type[BaseModel], path: Path) -> list[str]:
    """The keys of the model that stands at *path* below *model*."""
    at: Any = model
    for key in path:
        if isinstance(at, type) and issubclass(at, BaseModel):
            field = _fields(at).get(str(key))
            at = field.annotation if field else None
        else:
            at = next(iter(_inner_models(at)), None)
        at = (
            at
            if isinstance(at, type) or get_origin(at) in (dict, list)
            else next(iter(_inner_models(at)), at)
        )
    return list(_fields(at)) if isinstance(at, type) and issubclass(at, BaseModel) else []


def _fields(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of *model*, by the keys they have in a file."""
    return {field.alias or name: field for name, field in model.model_fields.items()}


def _inner_models(annotation: Any) -> Iterable[Any]:
    """The models, and containers of models, that *annotation* is made of."""
    for argument in get_args(annotation):
        if isinstance(argument, type) and issubclass(argument, BaseModel):
            yield argument
        elif get_args(argument):
            yield from _inner_models(argument)


_WANTED = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "text in quotes",
    "list": "a list [...]",
    "dict": "a table",
    "model": "a table",
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
}


def _sentence(detail: ErrorDetails, path: Path) -> str:
    """What pydantic found, in our words."""
    kind, value, context = detail["type"], detail.get("input"), detail.get("ctx", {})
    if kind == "missing":
        return _MISSING
    if kind == "value_error":
        return str(context["error"])
    if kind == "literal_error":
        return _not_one_of(value, context, path)
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"must be {words} {_bound(context[bound], value)}, not {shown(value)}"
    if kind in ("too_short", "too_long"):
        return f"has {context['actual_length']} entries and needs {_length(context)}"
    if kind == "string_too_short":
        return "is empty"
    if wanted := _WANTED.get(kind.rpartition("_")[0]):
        return f"must be {wanted}, not {shown(value)}"
    return detail["msg"][:1].lower() + detail["msg"][1:]


def _bound(bound: float, value: object) -> str:
    """*bound* as one would write it in place of *value*: a number that is written as text is a duration."""
    return f'"{format_duration(bound)}"' if isinstance(value, str) else f"{bound:g}"


def _not_one_of(value: object, context: Mapping[str, Any], path: Path) -> str:
    known = re.findall(r"'([^']*)'", str(context.get("expected", "")))
    what = next((key for key in reversed(path) if isinstance(key, str)), "value").replace("_", " ")
    return f"{shown(value)} is not a known {what}{suggestion(str(value), known)}"


def _length(context: Mapping[str, Any]) -> str:
    least, most = context.get("min_length"), context.get("max_length")
    return f"at least {least}" if least is not None else f"at most {most}"
