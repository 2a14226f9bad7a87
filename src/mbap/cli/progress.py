"""How far something long has come, on standard error, where somebody is looking."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tell = Callable[[float], None]


@contextmanager
def progress(what: str) -> Iterator[Tell]:
    """Gives a function to be told the share that is done, 0 to 1.

    A bar where rich is installed and standard error is a terminal, a percentage where it is a terminal, and
    nothing where it is a file or a pipe.
    """
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    try:
        from rich.console import Console
        from rich.progress import Progress
    except ImportError:
        with _percentage(what) as tell:
            yield tell
        return
    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share: bar.update(task, completed=share)


@contextmanager
def _percentage(what: str) -> Iterator[Tell]:
    shown = -1

    def tell(share: float) -> None:
        nonlocal shown
        if int(share * 100) != shown:
            shown = int(share * 100)
            print(f"\r{what} {shown:3} %", end="", file=sys.stderr, flush=True)

    try:
        yield tell
    finally:
        print("\r" + " " * (len(what) + 6) + "\r", end="", file=sys.stderr, flush=True)
