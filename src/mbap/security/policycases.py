"""A file of requests with the verdicts that they should get: the test of a policy."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path as FilePath
from typing import Annotated, Literal

from pydantic import Field

from mbap.filefaults import Path
from mbap.filemodel import FileModel, load_toml
from mbap.security.policymodels import Texts


class CaseModel(FileModel):
    """`[[cases]]`: a request, from whom, and what should become of it."""

    name: str = ""
    request: str
    """In words or hexadecimal: "read hr0..9", "write hr10=42", "06 000A 0007"."""
    address: str = ""
    """From where it comes."""
    role: str | None = None
    subject: str = ""
    issuer: str = ""
    fingerprint: str = ""
    listener: str = "tcp://0.0.0.0:502"
    to: str = ""
    """The name or endpoint of the device."""
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    at: datetime | None = None
    """When, with its zone; now when not given."""
    armed: Texts | None = None
    """The maintenance windows that are open."""
    expect: Literal["allow", "deny", "alert", "malformed"]
    rule: str | None = None
    """The rule that should decide; "" for none."""
    field: str | None = None
    """What should decide: rule, default, count, points, rate."""

    def faults_between(self, dropped: Collection[Path]) -> Iterator[tuple[Path, str]]:
        """A time without its zone."""
        if self.at is not None and self.at.tzinfo is None:
            yield ("at",), "needs a zone: 2027-06-30T18:00:00Z"


class CasesModel(FileModel):
    """A file of cases."""

    cases: list[CaseModel] = Field(min_length=1)

    def faults_between(self, dropped: Collection[Path]) -> Iterator[tuple[Path, str]]:
        """What is wrong within each."""
        for number, case in enumerate(self.cases):
            for path, text in case.faults_between(dropped):
                yield ("cases", number, *path), text


def load_cases(path: str | FilePath) -> list[CaseModel]:
    """The cases in the file at *path*.

    Raises:
        FileFaults: everything that is wrong with it.
    """
    return load_toml(path, CasesModel).cases
