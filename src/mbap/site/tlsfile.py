"""The tables `tls` of a site file: who we are and whom we trust."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field

from mbap.filemodel import FileModel

if TYPE_CHECKING:
    from mbap.transport.tls import TLS

Beside = Callable[[str], Path]
"""Gives the file of a name that a site file has: beside it, unless the name is absolute."""
REACHED = "tls-reached"
"""The file in which a site remembers which devices were reached by TLS, for `tls+fallback://`."""


def _files(value: object) -> object:
    return [value] if isinstance(value, str) else value


Files = Annotated[list[str], BeforeValidator(_files)]


class TlsTable(FileModel):
    """Who we are and whom we trust, for `tls://`; files are in PEM, beside the site file unless absolute."""

    ca: Files
    """The certificates of the authorities that are trusted."""
    certificate: str | None = None
    """Our certificate, and below it those of the authorities up to the root."""
    key: str | None = None
    """Its key, which nobody else may read."""
    crl: Files = Field(default_factory=list)
    """The revocation lists, one of each authority."""
    minimum: Literal["1.2", "1.3"] = "1.2"
    """The oldest TLS that is spoken."""
    server_name: str | None = None
    """The name that the device's certificate has to have, where it is not the host of its URL."""
    stale_crl: bool = False
    """Go on with a revocation list that has expired; otherwise nobody is let in until there is a new one."""
    null_encryption: bool = False
    """The suite TLS_RSA_WITH_NULL_SHA256 and no other: everybody may read along."""

    @property
    def watched(self) -> list[str]:
        """The files with something in them that ends."""
        own = [] if self.certificate is None else [self.certificate]
        return [*self.ca, *own, *self.crl]

    def tls(self, beside: Beside) -> TLS:
        """What it means.

        Raises:
            ValueError: a file is wrong.
        """
        from mbap.transport.tls import TLS

        return TLS(
            ca=[beside(one) for one in self.ca],
            certificate=None if self.certificate is None else beside(self.certificate),
            key=None if self.key is None else beside(self.key),
            crl=[beside(one) for one in self.crl],
            minimum=self.minimum,
            server_name=self.server_name,
            stale_crl=self.stale_crl,
            null_encryption=self.null_encryption,
            remember=beside(REACHED),
        )
