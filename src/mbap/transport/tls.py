"""TLS for Modbus/TCP Security: who we are, whom we trust, and contexts that are made anew on every change."""

from __future__ import annotations

import contextlib
import logging
import os
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from mbap.transport.certificate import (
    Certificate,
    moment,
    need_cryptography,
    path_of,
    read_certificate,
)
from mbap.transport.handshake import Watched
from mbap.transport.tlsfiles import (
    Minimum,
    Revocations,
    Settings,
    Side,
    certificates_in,
    expired_list,
    new_context,
    revocations,
    stamps,
)

if TYPE_CHECKING:
    from mbap.transport.fallback import Reached

log = logging.getLogger("mbap.tls")

PathLike = str | os.PathLike[str]
_MOST_SESSIONS: Final = 256
_MOST_PATHS: Final = 1024


class Objection(ValueError):
    """Why a certificate is not accepted; `check` names what it did not pass."""

    def __init__(self, check: str, reason: str) -> None:
        super().__init__(reason)
        self.check = check


class _Loaded:
    """What the files said when they were last read."""

    def __init__(self, settings: Settings, password: str | None, now: float) -> None:
        self.stamps = stamps(settings.files)
        self.trusted = certificates_in(settings.ca, "the CA")
        own = [] if settings.certificate is None else [settings.certificate]
        self.chain = certificates_in(own, "the certificate")
        self.revoked = revocations(settings) if settings.crl else Revocations()
        self.crl_holds = not (settings.stale_crl and expired_list(self.revoked, now))
        self.contexts: dict[Side, Watched] = {}
        self.sessions: dict[tuple[str, int], ssl.SSLSession] = {}
        self._settings, self._password = settings, password
        for side in _sides(settings):
            self.context(side)

    def context(self, side: Side) -> Watched:
        """The contexts for *side*."""
        if side not in self.contexts:
            made = new_context(self._settings, side, self._password, crl_holds=self.crl_holds)
            self.contexts[side] = made
        return self.contexts[side]


def _sides(settings: Settings) -> tuple[Side, ...]:
    return ("client",) if settings.certificate is None else ("client", "server")


class TLS:
    """Who we are and whom we trust, for `tls://` on either side; several clients and servers may share one.

    Both sides prove who they are. Changed files are noticed when the next connection is made, and by servers
    within some seconds: contexts are then made anew, so that no session of before goes on, and servers close
    the connections of those who are revoked. Files that are wrong leave everything as it was; that is logged.

    Args:
        ca: file, or files, with the certificates of the authorities that are trusted, in PEM.
        certificate: file with our certificate, and below it those of the authorities up to the root.
        key: file with its key, which nobody else may read; without it, the key is in *certificate*.
        crl: file, or files, with the revocation lists, one of each authority; without it none is looked at.
        minimum: the oldest TLS that is spoken, "1.2" or "1.3".
        server_name: the name that the server's certificate has to have, where it is not the host of the URL.
        verify: False trusts whoever is there, and as a server asks nobody who he is: for tests alone.
        stale_crl: go on with a revocation list that has expired, with a warning; otherwise nobody is let in
            until there is a new one. Whoever is on it is refused either way.
        null_encryption: the suite TLS_RSA_WITH_NULL_SHA256 and no other: everybody may read along.
        password: of the key, where it has one.
        remember: a file in which to keep which devices were reached by TLS; for `tls+fallback://`.
        on_fallback: called with the URL and a sentence whenever plain Modbus is spoken instead of TLS.

    Attributes:
        clock: gives the seconds since 1970, by which certificates and lists expire.

    Raises:
        ValueError: a file or an argument is wrong; the sentence says which, and what to do.
        ModuleNotFoundError: something has to be installed; the message says what.
    """

    def __init__(
        self,
        *,
        ca: PathLike | Sequence[PathLike] = (),
        certificate: PathLike | None = None,
        key: PathLike | None = None,
        crl: PathLike | Sequence[PathLike] = (),
        minimum: Minimum = "1.2",
        server_name: str | None = None,
        verify: bool = True,
        stale_crl: bool = False,
        null_encryption: bool = False,
        password: str | None = None,
        remember: PathLike | None = None,
        on_fallback: Callable[[str, str], None] | None = None,
    ) -> None:
        need_cryptography()
        self.settings = Settings(
            _paths(ca),
            None if certificate is None else Path(certificate),
            None if key is None else Path(key),
            _paths(crl),
            minimum,
            verify,
            stale_crl,
            null_encryption,
        )
        _check(self.settings)
        self.server_name = server_name
        self.remember = None if remember is None else Path(remember)
        self.on_fallback = on_fallback
        self.clock: Callable[[], float] = time.time
        self._reached: Reached | None = None
        self._paths: dict[str, tuple[Certificate, ...]] = {}
        self._password = password
        self._lock = threading.Lock()
        self._listeners: WeakSet[_Listener] = WeakSet()
        self._loaded = _Loaded(self.settings, password, self.clock())
        self._refused: object = None
        self._warn_of_list()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TLS) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"TLS({self.settings!r}, server_name={self.server_name!r})"

    def _key(self) -> tuple[object, ...]:
        return self.settings, self.server_name, self.remember, self._password

    @property
    def chain(self) -> Sequence[Certificate]:
        """Our certificate, and those above it in its file; nothing without one."""
        return self._loaded.chain

    @property
    def trusted(self) -> Sequence[Certificate]:
        """The authorities."""
        return self._loaded.trusted

    @property
    def reached(self) -> Reached:
        """Which devices were reached by TLS; for `tls+fallback://`."""
        if self._reached is None:
            from mbap.transport.fallback import Reached

            self._reached = Reached(self.remember)
        return self._reached

    @property
    def list_until(self) -> float | None:
        """When the first of the revocation lists expires, in seconds since 1970; None without any."""
        return self._loaded.revoked.until

    def context(self, side: Side) -> Watched:
        """The contexts for *side*, of the files as they are now."""
        self.refresh()
        return self._loaded.context(side)

    def refresh(self) -> bool:
        """Look whether a file has changed, or a list has expired, and apply it; tells whether it was.

        What is wrong is logged, and everything stays as it was.
        """
        loaded = self._loaded
        seen = stamps(self.settings.files)
        stale = loaded.crl_holds and self.settings.stale_crl and self._list_problem()
        if (seen == loaded.stamps or seen == self._refused) and not stale:
            return False
        try:
            self.reload()
        except ValueError as problem:
            self._refused = seen
            log.error("TLS goes on as before: %s", problem)
            return False
        return True

    def reload(self) -> None:
        """Read all files anew now; servers close the connections of those who are revoked.

        Raises:
            ValueError: a file is wrong, and everything stays as it was.
        """
        with self._lock:
            self._loaded = _Loaded(self.settings, self._password, self.clock())
            self._refused = None
        self._warn_of_list()
        for listener in tuple(self._listeners):
            listener()

    def when_changed(self, listener: Callable[[], None]) -> object:
        """Have *listener* called after each reload, in whichever thread; as long as what this gives lives."""
        one = _Listener(listener)
        self._listeners.add(one)
        return one

    def check(self, certificate: Certificate, now: float | None = None) -> None:
        """Look once more at the *certificate* of a session that goes on from an earlier one.

        Raises:
            Objection: it has been revoked, or has expired, since it was checked.
        """
        now = self.clock() if now is None else now
        since = self._loaded.revoked.revoked(certificate)
        if since is not None:
            raise Objection("revoked", f"{certificate.holder} is revoked since {moment(since)}")
        if not certificate.not_before <= now <= certificate.not_after:
            raise Objection(*wrong_time(certificate, now))

    def path(self, certificate: Certificate, sent: Sequence[bytes] | None) -> tuple[Certificate, ...]:
        """*certificate* of the other side and all above it, of those that it has *sent* and that are trusted.

        Where a session goes on, nothing is sent: then it is as it was in the whole handshake.
        """
        if sent:
            known = [*_readable(sent), *self.trusted]
            path = self._paths[certificate.fingerprint] = path_of(certificate, known)
            if len(self._paths) > _MOST_PATHS:
                del self._paths[next(iter(self._paths))]
            return path
        return self._paths.get(certificate.fingerprint) or path_of(certificate, self.trusted)

    def objection(self, path: Sequence[Certificate], now: float | None = None) -> Objection | None:
        """What is wrong with a session by now whose other side showed the first of *path*; None: nothing."""
        if not self.settings.verify:
            return None
        for certificate in path:
            try:
                self.check(certificate, now)
            except Objection as problem:
                of_issuer = "" if certificate is path[0] else f"{path[0].holder}: its issuer "
                return Objection(problem.check, f"{of_issuer}{problem}")
        return None

    def session_for(self, host: str, port: int) -> ssl.SSLSession | None:
        """A session to go on with at this server."""
        return self._loaded.sessions.get((host, port))

    def keep_session(self, host: str, port: int, watched: Watched, session: ssl.SSLSession | None) -> None:
        """Keep *session* for the next connection to this server, unless contexts were made anew since."""
        sessions = self._loaded.sessions
        if session is None or self._loaded.contexts.get("client") is not watched:
            return
        sessions.pop((host, port), None)
        if len(sessions) >= _MOST_SESSIONS:
            del sessions[next(iter(sessions))]
        sessions[host, port] = session

    def drop_session(self, host: str, port: int) -> None:
        """No session goes on at this server: the last one ended by an alert."""
        self._loaded.sessions.pop((host, port), None)

    def _list_problem(self) -> str:
        return expired_list(self._loaded.revoked, self.clock())

    def _warn_of_list(self) -> None:
        problem = self._list_problem()
        if problem:
            then = "it goes on with the old one" if self.settings.stale_crl else "nobody is let in until then"
            log.warning("%s: %s; fetch a new one", problem, then)


class _Listener:
    """What is to be called; whoever wants it keeps it."""

    __slots__ = ("__weakref__", "_call")

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call

    def __call__(self) -> None:
        self._call()


def wrong_time(certificate: Certificate, now: float) -> tuple[str, str]:
    """Which of the two checks of time *certificate* does not pass, and a sentence about it."""
    if now > certificate.not_after:
        days = int((now - certificate.not_after) // 86_400)
        since = f", {days} days ago" if days else ""
        return "expired", f"{certificate.holder} has expired on {moment(certificate.not_after)}{since}"
    return "not yet valid", f"{certificate.holder} is valid from {moment(certificate.not_before)} on"


def _readable(sent: Iterable[bytes]) -> Iterator[Certificate]:
    for der in sent:
        with contextlib.suppress(ValueError):
            yield read_certificate(der)


def _paths(given: Any) -> tuple[Path, ...]:
    if isinstance(given, (str, os.PathLike)):
        return (Path(given),)
    return tuple(Path(one) for one in given)


def _check(settings: Settings) -> None:
    if settings.minimum not in ("1.2", "1.3"):
        raise ValueError(f"minimum is '1.2' or '1.3', not {settings.minimum!r}: what is older is not safe")
    if settings.key is not None and settings.certificate is None:
        raise ValueError("a key goes with its certificate: give certificate=...")
    if settings.verify and not settings.ca:
        raise ValueError("ca=... has to name whom to trust: the certificate of the site's authority")
    if settings.null_encryption and settings.minimum == "1.3":
        raise ValueError("null_encryption is of TLS 1.2, so minimum cannot be '1.3'")
