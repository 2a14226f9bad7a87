"""security.auditfile: files begun anew, taken up after a kill, and never more than there may be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mbap.security.auditfile import AuditFile, Keeping, files_of, lines_of
from mbap.security.trailcheck import verify

MINUTE = 60_000_000


class Now:
    def __init__(self) -> None:
        self.now = 1_700_000_000_000_000

    def __call__(self) -> int:
        return self.now


def deny(unit: int) -> Mapping[str, object]:
    return {"ts": "2026-03-01T00:00:00.000Z", "event": "deny", "unit": unit}


def everything(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for one in files_of(path) for line in lines_of(one)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trail" / "audit.jsonl"


def test_the_first_line_says_that_the_trail_begins(path: Path) -> None:
    AuditFile(path).close()
    (line,) = everything(path)
    assert (line["n"], line["prev"], line["event"], line["reason"]) == (1, "0" * 64, "audit", "begun")


def test_only_its_owner_may_read_it(path: Path) -> None:
    AuditFile(path).close()
    assert path.stat().st_mode & 0o077 == 0


def test_a_second_process_is_refused(path: Path) -> None:
    file = AuditFile(path)
    with pytest.raises(OSError, match="is being written by another process"):
        AuditFile(path)
    file.close()
    AuditFile(path).close()


def test_after_a_restart_the_chain_goes_on(path: Path) -> None:
    for unit in (1, 2):
        file = AuditFile(path)
        file.append([deny(unit)])
        file.close()
    found = verify(path)
    assert (found.fault, found.lines, found.vouched) == ("", 4, True)
    assert [one.get("unit", one.get("reason")) for one in everything(path)] == ["begun", 1, "taken up", 2]


def test_half_a_line_is_cut_off_and_kept_in_the_next(path: Path) -> None:
    file = AuditFile(path)
    file.append([deny(1)])
    file.close()
    with path.open("ab") as torn:
        torn.write(b'{"n":3,"prev":"\x1b[2J')
    assert verify(path).fault == "it is cut off"
    AuditFile(path).close()
    assert verify(path).fault == ""
    assert everything(path)[-1]["torn"] == '{"n":3,"prev":"\x1b[2J'
    assert b"\x1b" not in path.read_bytes()


def test_lines_that_were_removed_from_the_end_are_missed_at_once_and_said_at_the_next_start(
    path: Path,
) -> None:
    file = AuditFile(path)
    for unit in range(4):
        file.append([deny(unit)])
    file.close()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]))
    assert verify(path).fault == "lines 4 to 5 are missing at the end"
    AuditFile(path).close()
    last = everything(path)[-1]
    assert (last["missing_from"], last["missing_to"], last["n"]) == (4, 5, 4)


def test_a_file_that_was_removed_whole_is_missed(path: Path) -> None:
    file = AuditFile(path)
    file.append([deny(1)])
    file.close()
    path.unlink()
    assert verify(path).fault == "lines 1 to 2 are missing at the end"
    AuditFile(path).close()
    assert everything(path)[0]["n"] == 3


def test_a_large_file_is_begun_anew_and_the_chain_goes_on_in_the_next(path: Path) -> None:
    file = AuditFile(path, Keeping(size=1_000, files=3))
    for unit in range(20):
        file.append([deny(unit)])
    file.close()
    names = [one.name for one in files_of(path)]
    assert len(names) == 3
    assert names[-1] == "audit.jsonl"
    found = verify(path)
    assert (found.fault, found.vouched) == ("", True)
    assert found.first is not None
    assert found.first.number > 1
    assert file.total == sum(one.stat().st_size for one in files_of(path))


def test_what_was_removed_is_said(path: Path) -> None:
    file = AuditFile(path, Keeping(size=300, files=2))
    for unit in range(9):
        file.append([deny(unit)])
    file.close()
    said = [one for one in everything(path) if one.get("reason") == "begun anew"]
    assert said[-1]["removed"] == [f"audit.{int(said[-1]['removed'][0].split('.')[1]):012d}.jsonl"]


def test_an_old_file_is_begun_anew(path: Path) -> None:
    now = Now()
    file = AuditFile(path, Keeping(age=3_600), now=now)
    file.append([deny(1)])
    now.now += 61 * MINUTE
    file.append([deny(2)])
    file.close()
    assert [one.name for one in files_of(path)] == ["audit.000000000001.jsonl", "audit.jsonl"]


def test_the_age_of_a_file_counts_from_its_first_line_also_after_a_restart(path: Path) -> None:
    now = Now()
    file = AuditFile(path, Keeping(age=3_600), now=now)
    file.close()
    now.now += 61 * MINUTE
    file = AuditFile(path, Keeping(age=3_600), now=now)
    file.append([deny(1)])
    file.close()
    assert len(files_of(path)) == 2
    assert verify(path).fault == ""


def test_a_restart_right_after_a_file_was_begun_anew_goes_on_from_the_older_one(path: Path) -> None:
    file = AuditFile(path)
    file.append([deny(1)])
    file.close()
    path.rename(path.with_name("audit.000000000001.jsonl"))
    AuditFile(path).close()
    assert verify(path).fault == ""
    assert [one["n"] for one in everything(path)] == [1, 2, 3]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trail of three files."""
    path = tmp_path_factory.mktemp("whole") / "audit.jsonl"
    file = AuditFile(path, Keeping(size=900, files=9))
    for unit in range(8):
        file.append([deny(unit)])
    file.close()
    assert len(files_of(path)) >= 3
    return path


@given(st.data())
def test_whatever_somebody_does_to_a_file_is_found(whole: Path, data: st.DataObject) -> None:
    """A byte set, put in or taken out; a line taken out, doubled or moved; beginning or end cut off."""
    file = data.draw(st.sampled_from(files_of(whole)))
    before = file.read_bytes()
    lines = before.splitlines(keepends=True)
    at, line = data.draw(st.integers(0, len(before) - 1)), data.draw(st.integers(0, len(lines) - 1))
    byte = bytes([data.draw(st.integers(0, 255))])
    changed = data.draw(
        st.sampled_from(
            [
                before[:at] + byte + before[at + 1 :],
                before[:at] + byte + before[at:],
                before[:at] + before[at + 1 :],
                before[:at],
                before[at:],
                b"".join(lines[line:]),
                b"".join(lines[:line] + lines[line + 1 :]),
                b"".join([*lines, lines[line]]),
                b"".join([*lines[:line], *reversed(lines[line:])]),
            ]
        )
    )
    assume(changed != before)
    file.write_bytes(changed)
    try:
        assert verify(whole).fault
    finally:
        file.write_bytes(before)


def test_the_beginning_of_a_trail_that_is_one_file_is_missed_too(path: Path) -> None:
    file = AuditFile(path)
    file.append([deny(1)])
    file.append([deny(2)])
    file.close()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    assert verify(path).fault == "the file begins with line 2, in the middle: lines before it were removed"
