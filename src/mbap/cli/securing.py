"""The options of TLS: who we are and whom we trust, towards a device and towards clients."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from mbap.transport.endpoint import Endpoint
    from mbap.transport.tls import TLS
    from mbap.transport.tlsfiles import Minimum

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(dir_okay=False, path_type=Path)


@dataclass(frozen=True, slots=True)
class Trust:
    """What the options of TLS say.

    Attributes:
        prefix: of the options' names.
    """

    prefix: str
    ca: tuple[Path, ...]
    certificate: Path | None
    key: Path | None
    crl: tuple[Path, ...]
    minimum: Minimum
    server_name: str | None = None

    @property
    def given(self) -> bool:
        """Whether any of them was used."""
        return bool(self.ca or self.certificate or self.key or self.crl or self.server_name)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files whose contents end some day."""
        return (*self.ca, *([self.certificate] if self.certificate else []), *self.crl)

    @property
    def words(self) -> list[str]:
        """The options of a device as they would be typed again."""
        from mbap.diagnose.doctor.prescription import tls_words

        return tls_words(self, self.server_name)

    def settings(self) -> TLS | None:
        """What they mean; None where none was used.

        Raises:
            ValueError: a file is wrong, or one is missing.
        """
        if not self.given:
            return None
        if not self.ca:
            raise click.UsageError(f"--{self.prefix}ca FILE has to name whom to trust")
        from mbap.transport.tls import TLS

        return TLS(
            ca=self.ca,
            certificate=self.certificate,
            key=self.key,
            crl=self.crl,
            minimum=self.minimum,
            server_name=self.server_name,
        )

    def settings_for(self, places: Iterable[Endpoint]) -> TLS | None:
        """The same, for *places* of which at least one has to be reached by TLS then."""
        found = self.settings()
        if found is not None and not any(place.secure for place in places):
            raise click.UsageError(f"--{self.prefix}ca goes with tls://: nothing here is reached by TLS")
        return found


def tls_options(command: F) -> F:
    """The options of whatever reaches a device by TLS; the command gets them as `tls`, a `Trust`."""
    return _with_options(command, "tls", "", "the device's", name_too=True)


def listener_tls_options(command: F) -> F:
    """The options of whatever has clients alone; the command gets them as `tls`, a `Trust`."""
    return _with_options(command, "tls", "", "clients'")


def both_tls_options(command: F) -> F:
    """The options of whatever has both; the command gets `tls` and `listen_tls`."""
    towards_clients = _with_options(command, "listen_tls", "listen-", "clients'")
    return _with_options(towards_clients, "tls", "", "the device's", name_too=True)


def _with_options(command: F, target: str, prefix: str, whose: str, *, name_too: bool = False) -> F:
    names = ["ca", "certificate", "key", "crl", "minimum", *(["server_name"] if name_too else [])]
    begin = prefix.replace("-", "_")

    @wraps(command)
    def collected(*arguments: Any, **options: Any) -> Any:
        given = {name: options.pop(f"{begin}tls_{name}") for name in names}
        return command(*arguments, **{target: Trust(prefix, **given)}, **options)

    wrapped: Any = collected
    for option in reversed(_options(begin, prefix, whose, name_too=name_too)):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]


def _options(begin: str, prefix: str, whose: str, *, name_too: bool) -> list[Callable[[Any], Any]]:
    def option(name: str, *words: str, **how: Any) -> Callable[[Any], Any]:
        return click.option(f"--{prefix}{name}", f"{begin}tls_{name.replace('-', '_')}", *words, **how)

    found = [
        option(
            "ca", multiple=True, type=_FILE, metavar="FILE", help=f"Trust {whose} certificates of this CA."
        ),
        option("certificate", type=_FILE, metavar="FILE", help="Our certificate for tls://, and its chain."),
        option("key", type=_FILE, metavar="FILE", help="Its key, which nobody else may read."),
        option(
            "crl", multiple=True, type=_FILE, metavar="FILE", help="Refuse who is on this revocation list."
        ),
        click.option(
            f"--{prefix}tls",
            f"{begin}tls_minimum",
            type=click.Choice(["1.2", "1.3"]),
            default="1.2",
            show_default=True,
            help="The oldest TLS that is spoken.",
        ),
    ]
    if name_too:
        about = "The name that the device's certificate has to have, where it is not that of ENDPOINT."
        found.append(option("server-name", metavar="NAME", help=about))
    return found
