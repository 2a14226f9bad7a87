"""A profile to begin with, from what was found in a table: every register a point, holes forbidden."""

from __future__ import annotations

from mbap.diagnose.scan.walk import Walk, refusals
from mbap.tomltext import toml_text

_SHORT = {"holding": "hr", "input": "ir", "coil": "co", "discrete": "di"}


def draft(found: Walk, name: str, endpoint: str) -> str:
    """TOML of a profile that reads everything that could be read.

    Raises:
        ValueError: nothing could be read: a profile has at least one point.
    """
    if not found.values:
        raise ValueError("nothing could be read, so there is no profile to write")
    return "\n".join([*_head(found, name, endpoint), *_reads(found), *_points(found)])


def _head(found: Walk, name: str, endpoint: str) -> list[str]:
    return [
        "# A draft: every register is a point of its own. Join those that are one value, name them,",
        "# give them type, scale and unit, and delete the others. What was read stands behind each.",
        "",
        "[profile]",
        f"name = {toml_text(name)}",
        f"sources = [{toml_text(f'read from {endpoint}')}]",
        "",
    ]


def _reads(found: Walk) -> list[str]:
    key = "largest_bits" if found.table.holds_bits else "largest"
    lines = ["[read]", f"{key} = {found.largest}"]
    holes = [
        f'    "{found.table.value} {first}' + (f'..{last}",' if last > first else '",')
        for first, last, _ in refusals(found.refused)
    ]
    return [*lines, *(["forbidden = [", *holes, "]"] if holes else []), ""]


def _points(found: Walk) -> list[str]:
    lines = []
    for address, value in sorted(found.values.items()):
        lines += [
            f"[points.{_SHORT[found.table.value]}{address}]",
            f'table = "{found.table.value}"',
            f"address = {address}  # was {value}" + ("" if found.table.holds_bits else f", {value:#06x}"),
            "",
        ]
    return lines
