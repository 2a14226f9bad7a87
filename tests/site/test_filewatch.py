"""When a file counts as changed."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from mbap.site.filewatch import FileWatch, watch


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "site.toml"
    put(path, "a", 1)
    return path


def put(path: Path, text: str, second: int) -> None:
    """Write the file as if it were that second."""
    path.write_text(text, encoding="utf-8")
    os.utime(path, (second, second))


def looks(watched: FileWatch, many: int) -> list[bool]:
    return [watched.changed() for _ in range(many)]


def test_a_file_that_stays_has_not_changed(file: Path) -> None:
    assert looks(FileWatch(file), 3) == [False, False, False]


def test_a_change_is_told_once_when_it_was_seen_twice(file: Path) -> None:
    watched = FileWatch(file)
    put(file, "b", 2)
    assert looks(watched, 4) == [False, True, False, False]


def test_a_file_that_is_still_being_written_is_left_alone(file: Path) -> None:
    watched = FileWatch(file)
    said = []
    for second in range(2, 6):
        put(file, "b" * second, second)
        said.append(watched.changed())
    assert said == [False] * 4
    assert watched.changed()


def test_a_file_of_the_same_size_and_another_time_has_changed(file: Path) -> None:
    watched = FileWatch(file)
    put(file, "a", 2)
    assert looks(watched, 2) == [False, True]


def test_a_file_that_another_one_took_the_place_of_has_changed(file: Path, tmp_path: Path) -> None:
    watched = FileWatch(file)
    put(tmp_path / "new", "b", 1)
    (tmp_path / "new").replace(file)
    assert looks(watched, 2) == [False, True]


def test_a_file_that_is_gone_is_no_change_until_it_is_back(file: Path) -> None:
    watched = FileWatch(file)
    file.unlink()
    assert looks(watched, 3) == [False, False, False]
    put(file, "b", 2)
    assert looks(watched, 2) == [False, True]


async def test_watching_calls_for_each_change(file: Path) -> None:
    called = asyncio.Event()
    watching = asyncio.ensure_future(watch(FileWatch(file), called.set, every=0.001))
    await asyncio.sleep(0)
    for second in (2, 3):
        put(file, "b", second)
        await asyncio.wait_for(called.wait(), 20)
        called.clear()
    watching.cancel()
