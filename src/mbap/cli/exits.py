"""Exit codes, and the one place where an error becomes a sentence and a code."""

from __future__ import annotations

from enum import IntEnum

import click

from mbap.errors import (
    ConnectionLost,
    ExceptionResponse,
    ModbusError,
    OutcomeUnknown,
    ProtocolError,
    ResponseTimeout,
    TrustMissing,
)


class ExitCode(IntEnum):
    """What a script can learn from a command's exit status; the same for every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    CANNOT_CONNECT = 3
    TIMEOUT = 4
    EXCEPTION_RESPONSE = 5
    PROTOCOL_ERROR = 6
    NOT_VERIFIED = 7


STOPPED = 130
"""Of a command that Ctrl-C has ended, as of a program that a shell sees end by that signal."""


_CODES: list[tuple[type[Exception], ExitCode]] = [
    (OutcomeUnknown, ExitCode.NOT_VERIFIED),
    (ConnectionLost, ExitCode.CANNOT_CONNECT),
    (ResponseTimeout, ExitCode.TIMEOUT),
    (ExceptionResponse, ExitCode.EXCEPTION_RESPONSE),
    (ProtocolError, ExitCode.PROTOCOL_ERROR),
    (ModbusError, ExitCode.FAILED),
    (ValueError, ExitCode.USAGE),
    (OSError, ExitCode.FAILED),
]

_EXTRAS = {
    "cryptography": "tls",
    "pydantic": "app",
    "starlette": "app",
    "uvicorn": "app",
    "websockets": "app",
    "prompt_toolkit": "tui",
    "rich": "cli",
    "textual": "tui",
}
"""Packages that are not always installed, and the extra that a user of a command wants then."""


def exit_code(error: BaseException) -> ExitCode | None:
    """The code for *error*; None when it is not one that a user can have caused."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), None)


def report(error: Exception) -> int:
    """Print *error* as one sentence on standard error and give its exit code; a bug is raised again."""
    if isinstance(error, ModuleNotFoundError) and error.name in _EXTRAS:
        click.echo(f"error: this command needs: pip install 'mbap[{_EXTRAS[error.name]}]'", err=True)
        return int(ExitCode.FAILED)
    code = exit_code(error)
    if code is None:
        raise error
    click.echo(f"error: {_sentence(error)}", err=True)
    return int(code)


def _sentence(error: Exception) -> str:
    """What *error* says, and what the system says of a file without the number that it has for that."""
    if isinstance(error, TrustMissing):
        return (
            f"{error.url} needs to know whom you trust and who you are: --ca FILE, --certificate FILE and"
            f" --key FILE, which mbap certs makes; mbap doctor {error.url} shows what is there"
        )
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    if isinstance(error, OSError) and error.strerror and error.errno is not None:
        return error.strerror
    return str(error)
