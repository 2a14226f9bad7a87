"""A file that a command makes: what is there stays, and what is in the way is said before the work begins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def overwriting(command: F) -> F:
    """The option --overwrite."""
    return click.option("--overwrite", is_flag=True, help="Write the file anew when it is there already.")(
        command
    )


def check_new(path: Path | None, *, overwrite: bool) -> None:
    """See whether *path* may be made; None always may.

    Raises:
        click.UsageError: it is there already, or its folder is not.
    """
    if path is None:
        return
    if path.exists() and not overwrite:
        raise click.UsageError(f"{path} is there already; --overwrite writes it anew")
    if not path.parent.is_dir():
        raise click.UsageError(f"{path} cannot be written: there is no folder {path.parent}")


def write_new(path: Path, text: str) -> None:
    """Write *text* to *path*.

    Raises:
        OSError: it cannot be written, with its name.
    """
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as problem:
        raise OSError(problem.errno, problem.strerror, str(path)) from None
