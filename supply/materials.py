"""The packages that are installed with mbap's extra `app`, and those that they need in turn."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRA = "app"
"""Everything that a user can want; what only development needs is left out."""


def materials(name: str = "mbap", extra: str = EXTRA) -> dict[str, str]:
    """Name and version of everything that *name* with *extra* needs here, itself left out, in order.

    Raises:
        PackageNotFoundError: *name* is not installed.
    """
    distribution(name)
    seen: set[tuple[str, str]] = set()
    found: dict[str, str] = {}
    waiting = [(canonicalize_name(name), extra)]
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        for needed in _needs(*one):
            key = canonicalize_name(needed.name)
            try:
                found[key] = distribution(key).version
            except PackageNotFoundError:
                continue
            waiting += [(key, extra) for extra in ("", *sorted(needed.extras))]
    found.pop(canonicalize_name(name), None)
    return dict(sorted(found.items()))


def _needs(name: str, extra: str) -> Iterator[Requirement]:
    """What *name* needs with *extra*, on this system."""
    for text in distribution(name).requires or ():
        needed = Requirement(text)
        if needed.marker is None or needed.marker.evaluate({"extra": extra}):
            yield needed
