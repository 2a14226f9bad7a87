"""The help of every command, as it is at 80 and at 120 columns; a command without a snapshot fails."""

from __future__ import annotations

from collections.abc import Iterator

import click
import pytest

from mbap.cli.main import mbap
from support.console import SNAPSHOTS, WIDTHS, Console


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command below *group*, itself included."""
    yield path
    if isinstance(group, click.Group):
        context = click.Context(group)
        for name in group.list_commands(context):
            if found := group.get_command(context, name):
                yield from commands(found, (*path, name))


COMMANDS = list(commands(mbap))
GROUPS = {path[:-1] for path in COMMANDS}
ELSEWHERE = {
    "capture": "test_capture.py",
    "clone": "test_clone.py",
    "doctor": "test_doctor.py",
    "probe": "test_probe.py",
    "scan": "test_scan.py",
    "shell": "test_shell.py",
    "watch": "test_watch.py",
}
"""Commands whose output other tests compare, and which."""
DATA = ("schema",)
"""What prints one file that never changes: the tests of its command read that."""


def snapshot(path: tuple[str, ...]) -> str:
    return "help/" + "-".join(("mbap", *path))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("path", COMMANDS, ids=snapshot)
def test_help_is_as_before(console: Console, path: tuple[str, ...], width: int) -> None:
    assert console.same(snapshot(path), width, *path, "--help").code == 0


@pytest.mark.parametrize("path", COMMANDS, ids=snapshot)
def test_help_has_an_example_and_cuts_no_sentence(console: Console, path: tuple[str, ...]) -> None:
    help_text = console.at(80, *path, "--help").out
    assert "\n  Example" in help_text
    assert f"\n    {' '.join(('mbap', *path[:1]))}" in help_text.split("\n  Example", 1)[1]
    assert "..." not in help_text.partition("\nCommands:")[2]


def test_every_snapshot_of_a_help_belongs_to_a_command() -> None:
    kept = {file.name for file in (SNAPSHOTS / "help").iterdir()}
    assert kept == {f"{snapshot(path).split('/')[1]}-{width}.txt" for path in COMMANDS for width in WIDTHS}


@pytest.mark.parametrize("path", [path for path in COMMANDS if path not in GROUPS], ids=snapshot)
def test_every_command_has_a_snapshot_of_what_it_prints(path: tuple[str, ...]) -> None:
    if path[0] in ELSEWHERE:
        assert (SNAPSHOTS.parent / ELSEWHERE[path[0]]).exists()
    elif path[-1] not in DATA:
        assert (SNAPSHOTS / f"{'-'.join(path)}-80.txt").exists()
