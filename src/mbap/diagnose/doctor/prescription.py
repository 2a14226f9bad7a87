"""What to write down at the end: the quirks, a piece of a profile, and the command that reads a value."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from mbap.client.quirks import Quirks
from mbap.diagnose.doctor.case import Case, Known
from mbap.durations import format_duration

USUAL_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class Prescription:
    """How this device is read.

    Attributes:
        command: the `mbap read` that works. quirks: what has to be forgiven.
        profile: `[read]` and `[quirks]` of a profile, in TOML; empty where the defaults will do.
    """

    command: str
    quirks: Quirks
    profile: str

    def as_json(self) -> dict[str, object]:
        """As it is printed for programs."""
        return {"command": self.command, "quirks": self.quirks.said(), "profile": self.profile}


def prescribe(case: Case) -> Prescription | None:
    """What to write down; None where nothing could be read."""
    if case.known.place is None:
        return None
    return Prescription(_command(case), case.asking.quirks, _profile(case))


def _command(case: Case) -> str:
    return in_full(case, "read", *(case.known.items or [str(case.known.place)]))


def in_full(case: Case, verb: str, *items: str) -> str:
    """`mbap VERB URL ITEM...`, with all options that this device needs."""
    words = ["mbap", verb, case.endpoint.url, *items, "--unit", str(case.unit)]
    if _waits_longer(case):
        words += ["--timeout", format_duration(case.known.timeout or 0.0)]
    words += _trust(case)
    for quirk in str(case.asking.quirks).split(", "):
        words += ["--quirk", quirk] if quirk else []
    return shlex.join(words)


def _trust(case: Case) -> list[str]:
    tls = case.wishes.tls
    if tls is None or not case.endpoint.secure:
        return []
    return tls_words(tls.settings, tls.server_name)


class TlsGiven(Protocol):
    """What options of TLS say: the settings of a `TLS`, or what stands on a command line."""

    @property
    def ca(self) -> Sequence[Path]: ...
    @property
    def certificate(self) -> Path | None: ...
    @property
    def key(self) -> Path | None: ...
    @property
    def crl(self) -> Sequence[Path]: ...
    @property
    def minimum(self) -> str: ...


def tls_words(given: TlsGiven, server_name: str | None) -> list[str]:
    """The options of TLS as they are typed."""
    every = (
        *(("--ca", path) for path in given.ca),
        ("--certificate", given.certificate),
        ("--key", given.key),
        *(("--crl", path) for path in given.crl),
        ("--tls", None if given.minimum == "1.2" else given.minimum),
        ("--server-name", server_name),
    )
    return [word for name, what in every if what is not None for word in (name, str(what))]


def _waits_longer(case: Case) -> bool:
    """Whether answers may take longer than a client waits that was told nothing."""
    return (case.known.timeout or 0.0) > USUAL_TIMEOUT


def _profile(case: Case) -> str:
    known = case.known
    reads = [f"largest = {known.largest}"] if known.largest not in (None, 125) else []
    reads += [] if known.gaps else ["gap = 0"]
    for name, seconds in (
        ("pause", known.pause),
        ("connect_pause", known.connect_pause),
        ("timeout", known.timeout or 0.0 if _waits_longer(case) else 0.0),
    ):
        reads += [f'{name} = "{format_duration(seconds)}"'] if seconds else []
    quirks = [f"{name} = {_toml(name, value)}" for name, value in case.asking.quirks.said().items()]
    sections = [("[read]", reads), ("[quirks]", quirks)]
    return "\n\n".join(
        _moved(case) + _order(known) + ["\n".join([head, *lines]) for head, lines in sections if lines]
    )


def _moved(case: Case) -> list[str]:
    """What has to be done to the profile's addresses."""
    shift, profile = case.known.shift, case.wishes.profile
    if not shift or profile is None:
        return []
    return [f"# addresses: those of {profile.name} {'plus' if shift > 0 else 'minus'} {abs(shift)}"]


def _order(known: Known) -> list[str]:
    """The order of words, where it is another than that of the profile, or than the usual one without it."""
    if not known.order:
        return []
    doubt = "" if known.order_sure == "sure" else "  # likely; compare a value with its display"
    return [f'[profile]\nword_order = "{known.order}"{doubt}']


def _toml(name: str, value: object) -> str:
    if value is True:
        return "true"
    if name == "reconnect_idle" and isinstance(value, float):
        return f'"{format_duration(value)}"'
    return str(value) if isinstance(value, int) else f'"{value}"'
