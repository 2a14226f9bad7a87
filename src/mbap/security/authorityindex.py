"""The index of a site's CA: what was issued and revoked, as JSON that people can read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeVar

from mbap.records import Record, fresh
from mbap.security.facts import serial_text

State = Literal["valid", "expired", "revoked"]
_FORMAT: Final = 1
T = TypeVar("T")


class Issued(Record):
    """One certificate that the CA signed.

    Attributes:
        name: the common name; also that of its files.
        serial: unique.
        revoked: since when; None when it is not.
    """

    name: str
    serial: int
    server: bool
    client: bool
    dns: tuple[str, ...]
    ip: tuple[str, ...]
    role: str | None
    not_before: datetime
    not_after: datetime
    revoked: datetime | None = None

    def state(self, now: datetime) -> State:
        """Whether it is still good."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if now > self.not_after else "valid"


class Index(Record):
    """All that was issued, in order, and the revocation list that was made last."""

    issued: tuple[Issued, ...] = fresh(tuple)
    crl_number: int = 0
    crl_updated: datetime | None = None

    def named(self, name: str) -> list[Issued]:
        """Those with this name, whatever its case, in order."""
        return [one for one in self.issued if one.name.casefold() == name.casefold()]

    def revoked(self) -> list[tuple[int, datetime]]:
        """What goes on the list."""
        return [(one.serial, one.revoked) for one in self.issued if one.revoked is not None]


def index_text(index: Index) -> str:
    """*index* as JSON."""
    document = {
        "format": _FORMAT,
        "crl_number": index.crl_number,
        "crl_updated": None if index.crl_updated is None else _time_text(index.crl_updated),
        "issued": [as_json(one) for one in index.issued],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_json(one: Issued) -> dict[str, object]:
    """*one* as its entry is written."""
    return {
        "name": one.name,
        "serial": serial_text(one.serial),
        "server": one.server,
        "client": one.client,
        "dns": list(one.dns),
        "ip": list(one.ip),
        "role": one.role,
        "not_before": _time_text(one.not_before),
        "not_after": _time_text(one.not_after),
        "revoked": None if one.revoked is None else _time_text(one.revoked),
    }


def parse_index(text: str, path: Path) -> Index:
    """The index in *text*, which came from *path*.

    Raises:
        ValueError: it is not as it was written; the sentence says where.
    """
    try:
        document = json.loads(text)
    except ValueError as wrong:
        raise ValueError(f"{path} is not JSON: {wrong}") from None
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        raise ValueError(f'{path} is no index of certificates: it has no "format": {_FORMAT}')
    try:
        return Index(
            issued=tuple(map(_entry, _list(document["issued"]))),
            crl_number=int(document["crl_number"]),
            crl_updated=_optional(document["crl_updated"], _time),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise ValueError(f"{path} was changed and is no longer right: {wrong!r}; take the backup") from None


def _entry(data: Mapping[str, object]) -> Issued:
    return Issued(
        name=str(data["name"]),
        serial=int(str(data["serial"]), 16),
        server=bool(data["server"]),
        client=bool(data["client"]),
        dns=tuple(map(str, _list(data["dns"]))),
        ip=tuple(map(str, _list(data["ip"]))),
        role=_optional(data["role"], str),
        not_before=_time(data["not_before"]),
        not_after=_time(data["not_after"]),
        revoked=_optional(data["revoked"], _time),
    )


def _list(value: object) -> Iterable[Mapping[str, object]]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value


def _optional(value: object, read: Callable[[object], T]) -> T | None:
    return None if value is None else read(value)


def _time(text: object) -> datetime:
    return datetime.fromisoformat(str(text)).astimezone(UTC)


def _time_text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
