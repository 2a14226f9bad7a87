"""Who asks, when, and what a policy says to it: what `mbap policy explain` and `test` share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import click

from mbap.cli.policyrequest import Asked, parse_request
from mbap.security.ledger import Ledger
from mbap.security.policy import Moment, Policy, Verdict
from mbap.server.handler import Call, Identity, Peer

F = TypeVar("F", bound=Callable[..., Any])

LISTENER = "tcp://0.0.0.0:502"


class Question(NamedTuple):
    """A request with all that a policy looks at.

    Attributes:
        windows: the maintenance windows that are open.
    """

    asked: Asked
    peer: Peer
    unit: int
    target: str
    now: Moment
    windows: tuple[str, ...] = ()

    @property
    def call(self) -> Call[Any]:
        """What a firewall would be asked; only for a request that is none of the malformed."""
        assert self.asked.request is not None
        return Call(self.asked.request, self.unit, self.peer)

    def ledger(self, policy: Policy) -> Ledger:
        """A memory in which only the windows are set."""
        ledger = Ledger(policy)
        for window in self.windows:
            ledger.arm(window, 1.0, self.now)
        return ledger

    def verdict(self, policy: Policy) -> Verdict | None:
        """What *policy* says; None where the request never gets to it."""
        if self.asked.request is None:
            return None
        return policy.judge(self.call, self.now, self.ledger(policy), self.target)


def question(
    request: str,
    *,
    address: str = "",
    role: str | None = None,
    subject: str = "",
    issuer: str = "",
    fingerprint: str = "",
    listener: str = LISTENER,
    unit: int | None = None,
    to: str = "",
    at: datetime | None = None,
    armed: Iterable[str] = (),
) -> Question:
    """The question about *request*.

    Raises:
        ValueError: it is no request.
    """
    asked = parse_request(request)
    certain = subject or issuer or fingerprint or role is not None
    plain = fingerprint.replace(":", "").lower()
    identity = Identity(subject, issuer, "", plain) if certain else None
    now = Moment.at(at) if at else Moment(0.0, time.time_ns() // 1000)
    by_frame = 1 if asked.unit is None else asked.unit
    return Question(
        asked,
        Peer(address, 0, listener, role, identity),
        by_frame if unit is None else unit,
        to,
        now,
        tuple(armed),
    )


def _when(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """A date and time with its zone."""
    if value is None:
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no date and time: write 2027-06-30T18:00:00Z") from None
    if when.tzinfo is None:
        raise click.BadParameter(f"{value!r} has no zone: write {value}Z, or {value}+01:00")
    return when


def question_options(command: F) -> F:
    """The options that say who asks, and when."""
    options = [
        click.option("--from", "address", default="", metavar="ADDRESS", help="The client's address."),
        click.option("--role", metavar="ROLE", help="The role in its certificate."),
        click.option(
            "--subject", metavar="NAME", default="", help="The subject of its certificate: CN=hmi1,O=Plant."
        ),
        click.option("--issuer", metavar="NAME", default="", help="Who issued its certificate."),
        click.option(
            "--fingerprint", metavar="HEX", default="", help="SHA-256 of its certificate, in hexadecimal."
        ),
        click.option(
            "--listener", metavar="URL", default=LISTENER, show_default=True, help="Where it connects to."
        ),
        click.option("--unit", type=click.IntRange(0, 255), help="The unit; 1, or what the frame says."),
        click.option("--to", default="", metavar="DEVICE", help="The device, by name or endpoint."),
        click.option("--at", callback=_when, metavar="TIME", help="When, with its zone; now when not given."),
        click.option("--armed", multiple=True, metavar="WINDOW", help="A maintenance window that is open."),
    ]
    for option in reversed(options):
        command = option(command)
    return command
