"""Answers that a device gave, in a file: what was broken off goes on, and asks nothing twice."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from mbap.errors import (
    ExceptionResponse,
    GatewayPathUnavailable,
    GatewayTargetFailedToRespond,
    ProtocolError,
    ResponseTimeout,
    Target,
)
from mbap.protocol.pdu import Request

_SILENCE: Final = "-"
_HEAD: Final = "mbap answers 1"
_MOST_SHOWN: Final = 80
_NOBODY = (GatewayPathUnavailable, GatewayTargetFailedToRespond)


class Journal:
    """Answers that were given before, and those that are given now.

    The same question gets the same answers in the same order. That nobody answered is only written down when
    somebody does later: at the end of a run it may be that the device was switched off.

    Args:
        lines: of an earlier run, without their ends.
        write: called with each further line.
    """

    def __init__(self, lines: Sequence[str], write: Callable[[str], object]) -> None:
        self._known: dict[str, deque[str]] = defaultdict(deque)
        self._write = write
        self._doubtful: list[str] = []
        for line in lines:
            request, space, answer = line.partition(" ")
            if space and answer.endswith("."):
                self._known[request].append(answer[:-1])

    def execute(self, request: Request[Any], ask: Callable[[Request[Any]], Any]) -> Any:
        """What *request* gave, then or now."""
        key = request.encode().hex()
        before = self._known.get(key)
        if before:
            try:
                return _again(request, before.popleft())
            except (ValueError, ProtocolError):
                pass  # somebody has changed the file
        try:
            result = ask(request)
        except _NOBODY as error:
            self._doubtful.append(f"{key} {error.code}.")
            raise
        except ExceptionResponse as error:
            self._note(f"{key} {error.code}.")
            raise
        except ResponseTimeout:
            self._doubtful.append(f"{key} {_SILENCE}.")
            raise
        self._note(f"{key} {request.encode_response(result).hex()}.")
        return result

    def _note(self, line: str) -> None:
        for one in (*self._doubtful, line):
            self._write(one)
        self._doubtful.clear()


def _again(request: Request[Any], answer: str) -> Any:
    if answer == _SILENCE:
        raise ResponseTimeout("there was no answer before", Target())
    if len(answer) <= 3:
        raise ExceptionResponse(int(answer))
    return request.decode_response(bytes.fromhex(answer))


class JournalFile:
    """The journal of one unit in *path*: gone on with where the file is there, begun where it is not.

    Args:
        lost: called once, when something cannot be written (a full disk): from then on nothing is.

    Attributes:
        before: how many answers were there. added: how many came; a file without any is removed at the end.

    Raises:
        ValueError: the file is of another unit, or something else altogether.
        OSError: it cannot be read or made.
    """

    def __init__(
        self, path: Path, endpoint: str, unit: int, lost: Callable[[OSError], None] = lambda _error: None
    ) -> None:
        if path.exists() and not path.is_file():
            raise ValueError(f"{path} is no file that answers can be kept in: name another")
        head = f"{_HEAD} {endpoint} {unit}"
        lines = _whole_lines(path)
        if lines and lines[0] != head:
            raise ValueError(_strange(path, lines[0]))
        self.path = path
        self.before = max(len(lines) - 1, 0)
        self.added = 0
        self._lost = lost
        self._failed = False
        self._file = path.open("r+b" if lines else "wb", buffering=0)
        self._file.truncate(sum(len(line) + 1 for line in lines))  # a last one that is torn is left out
        self._file.seek(0, 2)
        if not lines:
            self._append(head)
        self.journal = Journal(lines[1:], self._add)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if not (self.before or self.added):
            self.path.unlink(missing_ok=True)

    def _add(self, line: str) -> None:
        self.added += 1
        self._append(line)

    def _append(self, line: str) -> None:
        if self._failed:
            return
        data = f"{line}\n".encode("ascii")
        try:
            if self._file.write(data) != len(data):
                raise OSError("no space left on the device")
        except OSError as problem:
            self._failed = True
            self._lost(problem)


def _whole_lines(path: Path) -> list[str]:
    try:
        text = path.read_bytes().decode("ascii", "replace")
    except FileNotFoundError:
        return []
    return text.split("\n")[:-1]


def _strange(path: Path, head: str) -> str:
    of = head.removeprefix(f"{_HEAD} ")
    if of == head:
        return f"{path} is not a file of answers that a scan or a clone has kept: name another, or delete it"
    url, _, unit = "".join(one for one in of if one.isprintable())[:_MOST_SHOWN].rpartition(" ")
    return f"{path} is of another device, {url} unit {unit}: name another file, or delete it"
