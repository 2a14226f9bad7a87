"""security.saver: documents on their way to the disk."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from mbap.security.saver import Saver


class Disk:
    """Keeps what is written, as slowly as `may_write` lets it; full where *full*."""

    def __init__(self) -> None:
        self.written: list[tuple[str, object]] = []
        self.may_write = threading.Event()
        self.began = threading.Event()
        self.full = False

    def write(self, name: str, document: Mapping[str, object]) -> None:
        self.began.set()
        assert self.may_write.wait(10)
        if self.full:
            raise OSError("full")
        self.written.append((name, document["n"]))


def test_of_what_is_handed_in_meanwhile_only_the_newest_is_written() -> None:
    disk = Disk()
    saver = Saver(disk.write)
    saver.save("a", {"n": 1})
    assert disk.began.wait(10)
    for number in (2, 3):
        saver.save("a", {"n": number})
    saver.save("b", {"n": 9})
    assert not saver.flush(0)
    disk.may_write.set()
    assert saver.flush()
    assert disk.written == [("a", 1), ("a", 3), ("b", 9)]
    saver.close()


def test_what_is_left_is_written_at_the_end() -> None:
    disk = Disk()
    disk.may_write.set()
    saver = Saver(disk.write)
    for name in ("a", "b"):
        saver.save(name, {"n": 1})
    saver.close()
    assert disk.written == [("a", 1), ("b", 1)]


def test_what_was_in_vain_is_counted_and_told_once() -> None:
    disk = Disk()
    disk.full = True
    disk.may_write.set()
    saver = Saver(disk.write)
    saver.save("a", {"n": 1})
    assert saver.flush()
    assert [saver.failed("a"), saver.failed("a"), saver.failed("b"), saver.failures] == [
        True,
        False,
        False,
        1,
    ]
    saver.close()
