"""What to say where no answer came: with what came instead, and what it hints at."""

from __future__ import annotations

from mbap.errors import ConnectionLost, ResponseTimeout


def timed_out(timeout: float, strays: int, partial: int) -> ResponseTimeout:
    """Nobody answered within *timeout* seconds; it hints at how the device breaks the rules.

    *strays* answered nothing that was asked meanwhile; *partial* bytes of an answer came without its end.
    """
    plain = f"no answer within {timeout:g} s"
    if strays:
        error = ResponseTimeout(f"{plain}, but {strays} that answered nothing asked")
        error.advice = "a device that does not repeat transaction or unit needs a quirk for that"
    elif partial:
        error = ResponseTimeout(f"{plain}, but {partial} bytes of one that did not end")
        error.advice = "a device whose length is one too large needs the quirk long-length for that"
    else:
        error = ResponseTimeout(plain)
    return error


def closed(partial: int, pending: int, answers: int) -> ConnectionLost:
    """The device closed the connection: after *partial* bytes of an answer, or while *pending* were awaited.

    So many *answers* had come before.
    """
    if partial:
        return ConnectionLost("the device closed the connection in the middle of an answer")
    if not pending:
        return ConnectionLost("the device closed the connection")
    error = ConnectionLost("the device closed the connection instead of answering")
    if not answers:
        error.advice = (
            "it may serve only few connections or known addresses, or want a pause after connecting"
        )
    return error
