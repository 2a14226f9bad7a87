"""The file of answers: what stands there is not asked again, and what is wrong with it is a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mbap import Registers
from mbap.diagnose.scan.journal import Journal, JournalFile
from mbap.errors import ExceptionResponse, ResponseTimeout, Target
from mbap.protocol.pdu import ReadHoldingRegisters, Request
from support.disks import fill, mounted

ENDPOINT = "tcp://plc:502"
READ = ReadHoldingRegisters(0, 2)


def answers(request: Request[Any]) -> Any:
    return Registers.of([7, 8])


def never(request: Request[Any]) -> Any:
    raise AssertionError(f"{request} was asked")


def silent(request: Request[Any]) -> Any:
    raise ResponseTimeout("no answer", Target())


def test_what_was_answered_is_not_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    with JournalFile(path, ENDPOINT, 1) as file:
        file.journal.execute(READ, answers)
    with JournalFile(path, ENDPOINT, 1) as file:
        assert file.before == 1
        assert file.journal.execute(READ, never) == [7, 8]


def test_a_file_without_any_answer_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    with JournalFile(path, ENDPOINT, 1) as file, pytest.raises(ResponseTimeout):
        file.journal.execute(READ, silent)
    assert not path.exists()


def test_a_refusal_is_one_again() -> None:
    lines: list[str] = []

    def refuses(request: Request[Any]) -> Any:
        raise ExceptionResponse(4)

    with pytest.raises(ExceptionResponse):
        Journal([], lines.append).execute(READ, refuses)
    with pytest.raises(ExceptionResponse, match="04"):
        Journal(lines, lines.append).execute(READ, never)


def test_silence_is_written_down_once_somebody_answered_after_it() -> None:
    lines: list[str] = []
    journal = Journal([], lines.append)
    with pytest.raises(ResponseTimeout):
        journal.execute(READ, silent)
    assert lines == []
    journal.execute(ReadHoldingRegisters(5, 2), answers)
    with pytest.raises(ResponseTimeout):
        Journal(lines, lines.append).execute(READ, never)


def test_a_line_that_is_torn_is_left_out_and_what_follows_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    path.write_text(f"mbap answers 1 {ENDPOINT} 1\n0300000002 0304000", encoding="ascii")
    with JournalFile(path, ENDPOINT, 1) as file:
        assert file.before == 0
        file.journal.execute(READ, answers)
    with JournalFile(path, ENDPOINT, 1) as file:
        assert file.journal.execute(READ, never) == [7, 8]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "mbap answers 1 tcp://10.0.0.1:502 5\n",
            "is of another device, tcp://10.0.0.1:502 unit 5: name another",
        ),
        ("mbap answers 1 tcp://\x1b[2J 5\n", r"is of another device, tcp://\[2J unit 5"),
        ('{"endpoint": 1}\n', "is not a file of answers"),
        ("\n", "is not a file of answers"),
        ("\0\xff\n", "is not a file of answers"),
    ],
)
def test_what_is_of_something_else_is_a_sentence_and_left_as_it_is(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "answers"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=said):
        JournalFile(path, ENDPOINT, 1)
    assert path.read_text(encoding="latin-1") == text


def test_lines_that_mean_nothing_are_asked_anew(tmp_path: Path) -> None:
    path = tmp_path / "answers"
    path.write_text(f"mbap answers 1 {ENDPOINT} 1\n0300000002 zz.\nx\n\n0300000002 0304.\n", encoding="ascii")
    with JournalFile(path, ENDPOINT, 1) as file:
        assert file.journal.execute(READ, answers) == [7, 8]


def test_a_full_disk_is_told_once_and_reading_goes_on(tmp_path: Path) -> None:
    told: list[OSError] = []
    with mounted(tmp_path / "disk", "64k") as disk:
        with JournalFile(disk / "answers", ENDPOINT, 1, told.append) as file:
            fill(disk / "filler")
            for address in range(3000):
                assert file.journal.execute(ReadHoldingRegisters(address, 2), answers) == [7, 8]
        (disk / "filler").unlink()
        with JournalFile(disk / "answers", ENDPOINT, 1) as file:
            assert file.journal.execute(ReadHoldingRegisters(0, 2), never) == [7, 8]
    assert len(told) == 1


def test_what_is_no_file_is_refused_before_it_is_read() -> None:
    with pytest.raises(ValueError, match="is no file that answers can be kept in"):
        JournalFile(Path("/dev/full"), "tcp://plc:502", 1)
