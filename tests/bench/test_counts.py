"""bench.counts: what is kept against what is counted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from bench.counts import KEPT, CannotCount, Counts
from bench.hotpaths import PATHS, HotPath

from bench import counts

OTHER_BUILD = "another build of CPython 3.11: the yardstick takes 900, not 1,000"
KEPT_COUNTS = Counts("CPython 3.11", 1000, {"read": 200, "write": 100})


def with_paths(**paths: int) -> Counts:
    return Counts("CPython 3.11", 1000, paths)


def test_ten_paths_are_kept() -> None:
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    assert list(kept["paths"]) == [path.name for path in PATHS]
    assert len(PATHS) == 10


def test_ten_per_cent_more_is_no_fault() -> None:
    assert list(counts.faults(KEPT_COUNTS, with_paths(read=220, write=50))) == []


def test_more_than_ten_per_cent_more_is_one() -> None:
    (fault,) = counts.faults(KEPT_COUNTS, with_paths(read=221, write=100))
    assert fault.startswith("read: 221 instructions, 10% more than the 200 that are kept; ")


def test_a_path_that_is_not_kept_is_one() -> None:
    (fault,) = counts.faults(KEPT_COUNTS, with_paths(erase=1))
    assert fault == "erase: not kept yet; python3 dev bench counts --update"


@pytest.mark.parametrize(
    ("now", "why"),
    [
        (Counts("CPython 3.13", 1000, {}), "this is CPython 3.13, and what is kept is of CPython 3.11"),
        (
            Counts("CPython 3.11", 900, {}),
            OTHER_BUILD,
        ),
        (Counts("CPython 3.11", 1009, {}), None),
    ],
)
def test_another_python_is_not_judged(now: Counts, why: str | None) -> None:
    assert counts.incomparable(KEPT_COUNTS, now) == why


def test_what_surrounds_the_rounds_falls_out() -> None:
    paths = [HotPath("a", 10), HotPath("b", 2)]
    totals = [9999, 150, 250, 7777, 44, 64]
    assert dict(counts._each(paths, totals)) == {"a": 10, "b": 10}


def test_without_valgrind_the_check_passes_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(CannotCount):
        counts.counted()
    assert counts.main([]) == 0
    assert counts.main(["--update"]) == 1
    assert capsys.readouterr().out.startswith("not counted: there is no valgrind")


def test_a_path_that_takes_too_much_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    kept = tmp_path / "counts.json"
    kept.write_text(json.dumps(vars(KEPT_COUNTS)), encoding="utf-8")
    monkeypatch.setattr(counts, "KEPT", kept)
    monkeypatch.setattr(counts, "counted", lambda: with_paths(read=400, write=100))
    assert counts.main([]) == 1
    assert "200         400 +100.0 %" in capsys.readouterr().out
