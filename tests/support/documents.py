"""The code blocks of a Markdown document, and the notes that stand above them as comments.

A note is `<!-- key: value -->` on a line of its own above a block:

    needs: hardware      not run, only parsed; the value is the reason
    file: pump.toml      the block is written to that file, for the blocks after it
    exit: 4              the last command of the block ends with this status
    runs on: ctrl-c      the last command of the block runs until it is stopped
    device: examples/plc.toml at 192.168.1.100
                         for the whole document: that device file answers at this address
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEYS = {"needs", "file", "exit", "runs on", "device"}
NOTE = re.compile(r"\s*<!--\s*([a-z ]+):\s*(.*?)\s*-->\s*")
FENCE = re.compile(r"( *)```([a-z]*)\s*")


@dataclass
class Block:
    """One fenced block: its language, text, first line's number in the document, and its notes."""

    language: str
    line: int
    notes: dict[str, str]
    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What stands between the fences."""
        return "\n".join(self.lines) + "\n"


@dataclass(frozen=True)
class Step:
    """One command of a block and what the document says it prints; None where it does not say."""

    line: int
    command: str
    output: str | None


def documents() -> list[Path]:
    """README.md and its like, and everything below docs/."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(document: Path) -> Iterator[Block]:
    """Every fenced block of *document*, in order."""
    block, indent, notes = None, 0, dict[str, str]()
    for number, line in enumerate(document.read_text(encoding="utf-8").splitlines(), start=1):
        fence = FENCE.fullmatch(line)
        if block is not None and line.strip() == "```":
            yield block
            block, notes = None, {}
        elif block is not None:
            block.lines.append(line[indent:])
        elif fence:
            block, indent = Block(fence[2], number + 1, notes), len(fence[1])
        elif note := NOTE.fullmatch(line):
            notes[_known(note[1], document, number)] = note[2]
        elif line.strip():
            notes = {}


def _known(key: str, document: Path, line: int) -> str:
    if key not in KEYS:
        raise ValueError(f"{document}:{line}: there is no note {key!r}; there are {', '.join(sorted(KEYS))}")
    return key


def steps(block: Block) -> list[Step]:
    """The commands of a `sh` or `console` block, joined where a line ends in a backslash."""
    if block.language == "sh":
        return [Step(line, command, None) for line, command in _joined(block.line, block.lines)]
    found: list[tuple[int, str, list[str]]] = []
    for line, text in _joined(block.line, block.lines, keep=True):
        if text.startswith("$ "):
            found.append((line, text[2:], []))
        else:
            found[-1][2].append(text)
    return [Step(line, command, "\n".join(lines) if lines else None) for line, command, lines in found]


def _joined(first: int, lines: list[str], *, keep: bool = False) -> Iterator[tuple[int, str]]:
    start, so_far = first, ""
    for number, line in enumerate(lines, start=first):
        start = start if so_far else number
        if line.endswith("\\"):
            so_far += line.removesuffix("\\")
            continue
        whole, so_far = so_far + line, ""
        if keep or (whole.strip() and not whole.startswith("#")):
            yield start, whole


def devices(document: Path) -> dict[str, Path]:
    """The hosts that the document's `device` notes name, and the device file that answers there."""
    notes = (NOTE.fullmatch(line) for line in document.read_text(encoding="utf-8").splitlines())
    values = [note[2] for note in notes if note and note[1] == "device"]
    pairs = [value.split(" at ") for value in values]
    return {host.strip(): ROOT / file.strip() for file, host in pairs}


def matches(expected: str, printed: str) -> bool:
    """True when *printed* is *expected*: `...` stands for anything, and columns may be of any width."""
    pattern = ".*?".join(re.escape(part) for part in _trimmed(expected).split("..."))
    columns = re.sub(r"(?:\\ ){2,}", " {2,}", pattern)
    return re.fullmatch(columns, _trimmed(printed), re.DOTALL) is not None


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines())
