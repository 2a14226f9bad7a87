"""Checked models of TOML files; every fault of a file is reported at once, each with its place.

    class Web(FileModel):                       # unknown keys are errors that name the nearest known one
        listen: str = "127.0.0.1:8502"
        timeout: Duration = 3.0                 # written "3s" in the file, seconds here
    class Site(FileModel):
        web: Web = Web()
        devices: dict[Name, DeviceModel] = Field(default_factory=dict)

        def faults_between(self, dropped: Collection[Path]) -> Iterator[tuple[Path, str]]:
            for name, device in self.devices.items():
                wanted = device.connection
                if wanted not in self.connections and ("connections", wanted) not in dropped:
                    yield ("devices", name, "connection"), f'no connection "{wanted}"'

    site = load_toml("site.toml", Site)                # raises FileFaults: .faults, str() has a line a fault

    site.toml:12 devices.main.unti: unknown key; did you mean "unit"?
    site.toml:14 devices.main.connection: no connection "hal"; did you mean "hall"?

Models are strict, because TOML has types: `"5"` is no int and `1` no bool. Use `list` and `Literal`, not
tuple and Enum, and no unions of models. `faults_between` is called when each part for itself is right, and
also when not: then the faulty entries have been left out (`devices.main` as a whole when a value in it is
wrong) and their paths are in *dropped*, so that nothing is complained about that only follows from another
fault. A validator raises ValueError with a sentence that fits behind `devices.main.unit: `.
`schema_of(Model)` is the JSON Schema for editors. Modules with models of files, and this, need pydantic.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
)

from mbap.durations import format_duration, parse_duration
from mbap.filefaults import Fault, FileFaults, KeyLines, Path, parse_text, path_text, read_text, shown
from mbap.filesentences import FOLLOWING, real_path, sentences

__all__ = [
    "Duration",
    "Fault",
    "FileFaults",
    "FileModel",
    "Name",
    "Path",
    "TomlFile",
    "load_toml",
    "parse_toml",
    "read_toml",
    "schema_of",
]

_NAME = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_ROUNDS = 3


class FileModel(BaseModel):
    """The base of all that stands in a file: strict, frozen, no unknown keys."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True)

    def faults_between(self, dropped: Collection[Path]) -> Iterable[tuple[Path, str]]:
        """What is wrong between parts that are right by themselves: (path, sentence) each."""
        return ()


def _duration(value: object) -> float:
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(f'a duration carries its unit: write "{value:g}s" or "{value:g}ms"')
    raise ValueError(f'a duration is text such as "500ms" or "3s", not {shown(value)}')


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError(
            f"a name has small letters, digits and _ and begins with a letter{_better_name(value)}"
        )
    return value


def _better_name(value: str) -> str:
    better = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")
    return f'; write "{better}"' if _NAME.fullmatch(better) else ""


DURATION_PATTERN = r"^\s*(\d+(\.\d+)?\s*(ms|s|m|h|d|w)\s*)+$"

Duration = Annotated[
    float,
    BeforeValidator(_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN}),
]
"""Seconds; in the file it is text with a unit: "500ms", "3s", "5m", "400d"."""

Name = Annotated[
    str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": r"^[a-z][a-z0-9_]*$"})
]
"""`[a-z][a-z0-9_]*`: what history and the page know a thing by, stable for ever."""

M = TypeVar("M", bound=FileModel)


@dataclass(frozen=True, slots=True)
class TomlFile(Generic[M]):
    """What is in a file: as much of the model as is right, and what is wrong with the rest.

    Attributes:
        model: without the faulty entries; None where not even that can be made.
        faults: in the order of their lines.
        lines: where which key is, for faults that are found later.
    """

    model: M | None
    faults: tuple[Fault, ...]
    lines: KeyLines

    def whole(self) -> M:
        """The model.

        Raises:
            FileFaults: there is anything wrong.
        """
        if self.model is None or self.faults:
            raise FileFaults(self.faults)
        return self.model


def load_toml(path: str | FilePath, model: type[M]) -> M:
    """The file at *path* as a *model*.

    Raises:
        FileFaults: it cannot be read, is not TOML, or is wrong in any way; all that is wrong.
    """
    return read_toml(path, model).whole()


def read_toml(path: str | FilePath, model: type[M]) -> TomlFile[M]:
    """The file at *path* as far as it is a *model*: for those who have more to check than models can.

    Raises:
        FileFaults: it cannot be read or is not TOML.
    """
    return _parse(read_text(path), model, str(path))


def parse_toml(text: str, model: type[M], file: str = "the file") -> M:
    """The TOML *text* as a *model*; *file* is what faults call it.

    Raises:
        FileFaults: all that is wrong with it.
    """
    return _parse(text, model, file).whole()


def _parse(text: str, model: type[M], file: str) -> TomlFile[M]:
    data, lines = parse_text(text, file)
    made, found = _validate(data, model)
    faults = {Fault(file, lines.line(path), path_text(path), message): None for path, message in found}
    return TomlFile(made, tuple(sorted(faults, key=lambda fault: fault.line)), lines)


def schema_of(model: type[FileModel]) -> dict[str, Any]:
    """The JSON Schema of *model* as TOML has it: no null, which TOML lacks, and durations as text."""
    schema = _as_toml(model.model_json_schema())
    return schema if isinstance(schema, dict) else {}


def _as_toml(node: object) -> object:
    if isinstance(node, list):
        return [_as_toml(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _as_toml(item) for key, item in node.items()}
    choices = kept.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        left = [choice for choice in choices if choice != {"type": "null"}]
        del kept["anyOf"]
        kept |= left[0] if len(left) == 1 else {"anyOf": left}
    default = kept.get("default", "")
    if default is None or ("$ref" in kept and isinstance(default, dict)):
        del kept["default"]
    elif kept.get("type") == "string" and isinstance(default, float):
        kept["default"] = format_duration(default)
    return kept


def _validate(data: dict[str, Any], model: type[M]) -> tuple[M | None, list[tuple[Path, str]]]:
    """The model, if one can be made at all, and every fault."""
    found: list[tuple[Path, str]] = []
    dropped: set[Path] = set()
    left = copy.deepcopy(data)
    for attempt in range(_ROUNDS):
        try:
            made = model.model_validate(left)
        except ValidationError as error:
            details = error.errors(include_url=False)
            found += sentences(
                [d for d in details if attempt == 0 or d["type"] not in FOLLOWING], left, model
            )
            targets = {_target(real_path(detail["loc"], left), detail["type"]) for detail in details}
            for target in targets:
                _drop(left, target)
            dropped |= targets
        else:
            return made, found + list(made.faults_between(dropped))
    return None, found


def _target(path: Path, kind: str) -> Path:
    """What to leave out because of a fault at *path*: an unknown key alone, else the entry it belongs to."""
    if kind == "extra_forbidden":
        return path
    return path[:2] if len(path) > 1 and isinstance(path[1], str) else path[:1]


def _drop(data: dict[str, Any], target: Path) -> None:
    at: Any = data
    for key in target[:-1]:
        at = at.get(key) if isinstance(at, dict) else None
    if isinstance(at, dict) and target:
        at.pop(target[-1], None)
