"""The public names and their signatures, against public_api.txt: a change of the API shows in the diff.

A wanted change: run this module with MBAP_UPDATE_SNAPSHOTS=1, look at the diff, commit the file.
"""

from __future__ import annotations

import enum
import inspect
import os
import re
from collections.abc import Iterator
from pathlib import Path

import mbap

SNAPSHOT = Path(__file__).with_name("public_api.txt")
HEADER = "# Made by tests/test_public_api.py with MBAP_UPDATE_SNAPSHOTS=1; do not edit.\n"
PLAINLY = [
    (re.compile(r"ForwardRef\(('[^']*')\)"), r"\1"),
    (re.compile(r"(: |-> )'([^']*)'"), r"\1\2"),
    (re.compile(r"\bmbap\.[\w.]*\."), ""),
    (re.compile(r"\bNoneType\b"), "None"),
    (re.compile(r" at 0x[0-9a-fA-F]+"), ""),
]


def signature(item: object) -> str:
    """As in the source, without what differs from run to run; nothing for what cannot be called."""
    text = str(inspect.signature(item)) if callable(item) else ""
    for pattern, plain in PLAINLY:
        text = pattern.sub(plain, text)
    return text


def own_bases(kind: type) -> list[type]:
    """The class itself and those of ours that it extends but that are not public themselves."""
    public = {getattr(mbap, name) for name in mbap.__all__ if isinstance(getattr(mbap, name), type)}
    return [base for base in kind.__mro__ if base is kind or (is_ours(base) and base not in public)]


def is_ours(kind: type) -> bool:
    return kind.__module__.split(".")[0] == "mbap"


def constructor(kind: type) -> str:
    made_by_us = any({"__init__", "__new__"} & set(vars(base)) for base in kind.__mro__ if is_ours(base))
    return signature(kind) if made_by_us and not getattr(kind, "_is_protocol", False) else ""


def describe_member(owner: type, name: str) -> str:
    member = inspect.getattr_static(owner, name)
    if isinstance(member, property):
        return f"  {name}: property"
    reached = getattr(owner, name)
    prefix = "async " if inspect.iscoroutinefunction(reached) else ""
    kind = f"  [{type(member).__name__}]" if isinstance(member, (classmethod, staticmethod)) else ""
    return f"  {prefix}{name}{signature(reached)}{kind}"


def describe(name: str, item: object) -> Iterator[str]:
    if not isinstance(item, type):
        yield f"{name}{signature(item)}"
        return
    bases = ", ".join(base.__name__ for base in item.__bases__)
    if issubclass(item, enum.Enum):
        yield f"class {name}({bases}): {', '.join(item.__members__)}"
        return
    yield f"class {name}({bases}){constructor(item)}"
    names = {name for base in own_bases(item) for name in vars(base) if not name.startswith("_")}
    yield from (describe_member(item, name) for name in sorted(names))


def public_api() -> str:
    lines = [line for name in sorted(mbap.__all__) for line in describe(name, getattr(mbap, name))]
    return HEADER + "\n".join(lines) + "\n"


def test_the_public_names_and_signatures_are_those_of_the_snapshot() -> None:
    if os.environ.get("MBAP_UPDATE_SNAPSHOTS") == "1":
        SNAPSHOT.write_text(public_api(), encoding="utf-8")
    assert public_api() == SNAPSHOT.read_text(encoding="utf-8")


def test_every_public_name_has_a_docstring() -> None:
    bare = [name for name in mbap.__all__ if not inspect.getdoc(getattr(mbap, name))]
    assert not bare


def test_dir_lists_every_public_name() -> None:
    assert set(mbap.__all__) <= set(dir(mbap))
