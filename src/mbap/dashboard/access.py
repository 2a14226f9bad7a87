"""Who may look: a password or a token, a cookie after logging in, and ever longer waits after failures."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from mbap.dashboard.options import WebOptions

COOKIE = "mbap_session"
SESSION_SECONDS = 30 * 24 * 3600
_ROUNDS = 200_000
_KEPT_ADDRESSES = 1024
_FREE_FAILURES = 3
_LONGEST_WAIT = 60.0


class Throttle:
    """After a few failures an address has to wait, each time twice as long, up to a minute.

    Keeps the newest 1,024 addresses and forgets the oldest (`forgotten` counts them).
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self.forgotten = 0

    def wait(self, address: str) -> float:
        """Seconds until *address* may try again; 0: now."""
        _, until = self._failures.get(address, (0, 0.0))
        return max(0.0, until - self._clock())

    def failed(self, address: str) -> None:
        """Another failure of *address*."""
        count = self._failures.pop(address, (0, 0.0))[0] + 1
        pause = min(_LONGEST_WAIT, 2.0 ** (count - _FREE_FAILURES)) if count >= _FREE_FAILURES else 0.0
        self._failures[address] = (count, self._clock() + pause)
        if len(self._failures) > _KEPT_ADDRESSES:
            self._failures.popitem(last=False)
            self.forgotten += 1

    def succeeded(self, address: str) -> None:
        """*address* knew it: its failures are forgiven."""
        self._failures.pop(address, None)


class Doorkeeper:
    """Knows the password and the token, makes session cookies and tells whether one is genuine.

    A cookie is signed with a key drawn from the password: it outlives a restart, and changing the password
    ends every session. Nothing is stored here for a visitor.
    """

    def __init__(self, options: WebOptions, clock: Callable[[], float] = time.time) -> None:
        self._options = options
        self._clock = clock
        self._key = _session_key(options.password)

    @property
    def has_password(self) -> bool:
        """True when somebody can log in."""
        return bool(self._options.password)

    def password_fits(self, given: str) -> bool:
        """True when *given* is the password; takes the same time whatever is given."""
        return _same(given, self._options.password)

    def new_session(self) -> str:
        """The value of a cookie that is good for 30 days."""
        ends = f"{int(self._clock()) + SESSION_SECONDS}.{secrets.token_urlsafe(12)}"
        return f"{ends}.{self._signature(ends)}"

    def session_fits(self, cookie: str) -> bool:
        """True when *cookie* was made here and has not ended."""
        ends, _, signature = cookie.rpartition(".")
        if not self.has_password or not _same(signature, self._signature(ends)):
            return False
        return int(ends.partition(".")[0]) > self._clock()

    def authorization_fits(self, header: str) -> bool:
        """True when the Authorization header *header* shows the token, or the password by HTTP Basic."""
        scheme, _, rest = header.partition(" ")
        if scheme.lower() == "bearer":
            return _same(rest.strip(), self._options.token)
        return scheme.lower() == "basic" and self.password_fits(_basic_password(rest))

    def _signature(self, text: str) -> str:
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def _session_key(password: str | None) -> bytes:
    if not password:
        return secrets.token_bytes(32)
    return hashlib.pbkdf2_hmac("sha256", password.encode(), b"mbap session", _ROUNDS)


def _basic_password(encoded: str) -> str:
    try:
        return base64.b64decode(encoded.strip(), validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _same(given: str, wanted: str | None) -> bool:
    equal = hmac.compare_digest(given.encode(), (wanted or "").encode())
    return equal and bool(wanted)
