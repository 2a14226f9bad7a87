"""What README.md and docs/ say is tried: every command and Python block runs, every option is described.

A document's blocks run in order in one folder of their own. The notes that blocks can carry are listed in
support/documents.py.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mbap.cli.main import SETTINGS, mbap
from support.doctrial import Trial
from support.documents import ROOT, Block, blocks, documents, steps

CLI_REFERENCE = ROOT / "docs" / "reference" / "cli.md"
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
ANCHOR = re.compile(r"\]\(([^)#\s]*)#([^)\s]+)\)")
DECISION = re.compile(r"^\| \[(\d+)\]\(\S+\) \| (.*) \|$", re.MULTILINE)
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
SHELL = {"sh", "console"}


def name(document: Path) -> str:
    return document.relative_to(ROOT).as_posix()


def commands(command: click.Command, path: str = "mbap") -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from commands(found, f"{path} {child}")


def options(command: click.Command) -> set[str]:
    every = (option for option in command.params if isinstance(option, click.Option))
    return {text for option in every if not option.hidden for text in (*option.opts, *option.secondary_opts)}


def parse_command(words: list[str]) -> None:
    """Raise what click says when *words* are not a command of ours; a missing file is no fault here."""
    command: click.Command = mbap
    path = []
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        path.append(words[0])
        found = command.get_command(click.Context(command), words.pop(0))
        if found is None:
            raise click.UsageError(f"there is no command mbap {' '.join(path)}")
        command = found
    try:
        command.make_context(" ".join(path), words, **SETTINGS)  # click keeps the help it makes
    except click.exceptions.Exit:
        pass
    except click.BadParameter as fault:
        if "exist" not in fault.message:
            raise


def parse_block(block: Block) -> None:
    if block.language == "python":
        compile(block.text, f"line {block.line}", "exec")
    elif block.language in SHELL:
        for step in steps(block):
            words = shlex.split(step.command, comments=True)
            if words[0] == "mbap":
                parse_command(words[1:])


with_code = [path for path in documents() if any(b.language in {*SHELL, "python"} for b in blocks(path))]


@pytest.mark.parametrize("document", with_code, ids=name)
def test_every_command_and_python_block_runs(document: Path, tmp_path: Path) -> None:
    with Trial(document, tmp_path) as trial:
        for block in blocks(document):
            if "needs" in block.notes:
                parse_block(block)
            else:
                trial.run(block)


@pytest.mark.parametrize("document", documents(), ids=name)
def test_every_toml_and_json_block_is_well_formed(document: Path) -> None:
    for block in blocks(document):
        if block.language == "toml":
            tomllib.loads(block.text)
        elif block.language == "json":
            json.loads(block.text)


@pytest.mark.parametrize("document", documents(), ids=name)
def test_every_relative_link_leads_to_a_file(document: Path) -> None:
    links = [link for link in LINK.findall(document.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", documents(), ids=name)
def test_every_link_into_a_page_leads_to_a_heading(document: Path) -> None:
    found = ANCHOR.findall(document.read_text(encoding="utf-8"))
    inside = [
        (document.parent / page if page else document, anchor) for page, anchor in found if "://" not in page
    ]
    assert [(page.name, anchor) for page, anchor in inside if anchor not in anchors(page)] == []


def anchors(page: Path) -> set[str]:
    """What links may name in *page*: headings in small letters, without marks, hyphens for spaces."""
    headings = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_decision_is_listed_with_its_title() -> None:
    folder = ROOT / "docs" / "decisions"
    titles = [page.read_text(encoding="utf-8").splitlines()[0][2:] for page in sorted(folder.glob("0*.md"))]
    rows = DECISION.findall((folder / "README.md").read_text(encoding="utf-8"))
    assert [f"{number}: {title}" for number, title in rows] == titles


def test_every_page_is_reached_from_the_index() -> None:
    reached, ahead = set[Path](), [ROOT / "docs" / "index.md"]
    while ahead:
        page = ahead.pop().resolve()
        if page.suffix == ".md" and page not in reached:
            reached.add(page)
            ahead += [page.parent / link for link in LINK.findall(page.read_text(encoding="utf-8"))]
    assert {name(page) for page in documents() if page not in reached} == set()


@pytest.mark.parametrize(("path", "command"), list(commands(mbap)), ids=lambda value: str(value))
def test_every_option_is_described_in_the_reference(path: str, command: click.Command) -> None:
    described = set(re.findall(r"(?<![\w-])--?[A-Za-z0-9][\w-]*", section(path)))
    assert options(command) - described == set()


@pytest.mark.parametrize(("path", "command"), list(commands(mbap)), ids=lambda value: str(value))
def test_the_reference_describes_no_option_that_is_gone(path: str, command: click.Command) -> None:
    listed = set(re.findall(r"^\| `(--?[A-Za-z0-9][\w-]*)", section(path), re.MULTILINE))
    assert listed - options(command) - {"-h"} == set()


def section(path: str) -> str:
    """The part of the command line reference below the heading *path*."""
    text = CLI_REFERENCE.read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(path)}\n(.*?)(?=^#+ mbap|\Z)", text, re.MULTILINE | re.DOTALL)
    return found[1] if found else pytest.fail(f"{name(CLI_REFERENCE)} has no heading {path!r}")
