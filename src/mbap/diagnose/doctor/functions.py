"""Which function codes the device has."""

from __future__ import annotations

from collections.abc import Iterator

from mbap.diagnose.doctor.case import Case
from mbap.diagnose.doctor.finding import Finding, note, warning
from mbap.diagnose.scan.functions import Function, scan
from mbap.errors import ConnectFailed

SILENCES = 2
"""After so many functions without an answer no more are asked for."""


def functions(case: Case) -> Iterator[Finding]:
    """Ask for something small with each function that only reads."""
    found: list[Function] = []
    unclear = 0
    try:
        for function in scan(case.asking, case.unit, tell=case.progress):
            found.append(function)
            unclear = unclear + 1 if function.present is None else 0
            if unclear >= SILENCES or function.ended_connection:
                break
    except ConnectFailed as error:
        yield warning("functions", f"while functions are asked for: {error.reason}", "", error.advice)
        return
    yield ends_connection(found) if found[-1].ended_connection else judge(found)


def ends_connection(found: list[Function]) -> Finding:
    """It closes the connection where it should answer exception 01."""
    seen = (
        f"asked for a function that it does not have, it closes the connection; it has {_codes(found, True)}"
    )
    means = "others that share the connection lose it, too"
    return warning("functions", seen, means, "ask it for nothing but what its manual names")


def judge(found: list[Function]) -> Finding:
    """What it has, what it has not, and where it was silent."""
    data = {
        "has": [one.code for one in found if one.present],
        "has_not": [one.code for one in found if one.present is False],
        "unclear": [one.code for one in found if one.present is None],
    }
    seen = f"it has {_codes(found, True)}, of those that only read"
    if not data["unclear"]:
        return note("functions", seen, "", "", **data)
    means = "it is silent where it should answer exception 01: whoever asks for more waits in vain"
    advice = "ask it for nothing but what its manual names"
    return warning("functions", f"{seen}, and is silent to {_codes(found, None)}", means, advice, **data)


def _codes(found: list[Function], present: bool | None) -> str:
    return ", ".join(str(one.code) for one in found if one.present is present) or "none"
