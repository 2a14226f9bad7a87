"""Stands before everything: checks Host, Origin and who asks, and adds the headers that browsers heed."""

from __future__ import annotations

from http import HTTPStatus

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mbap.dashboard.access import COOKIE, Doorkeeper, Throttle
from mbap.dashboard.options import KnownHosts, WebOptions
from mbap.dashboard.problems import Problem

HEADERS = {
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer a browser posts the login form with "Origin: null"
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

# What a visitor gets before having shown anything: what the login page needs, and what a supervisor asks.
_OPEN_PATHS = {"/login", "/healthz", "/readyz", "/favicon.svg"}
_OPEN_STATIC = {"/static/login.css", "/static/base.css", "/static/theme.js", "/static/favicon.svg"}


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, options: WebOptions, keeper: Doorkeeper, throttle: Throttle) -> None:
        self._app = app
        self._options = options
        self._keeper = keeper
        self._throttle = throttle
        self._hosts = KnownHosts(options)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(HTTPConnection(scope))
        if refusal is None:
            await self._app(scope, receive, _with_headers(send))
        else:
            await _refuse(refusal, scope, receive, send)

    def _refusal(self, request: HTTPConnection) -> Response | None:
        try:
            self._check_host(request)
            _check_origin(request)
            self._check_visitor(request)
        except Problem as problem:
            wants_page = "text/html" in request.headers.get("accept", "")
            if problem.status == HTTPStatus.UNAUTHORIZED and wants_page and self._keeper.has_password:
                return RedirectResponse("login", HTTPStatus.SEE_OTHER)
            return problem.response()
        return None

    def _check_host(self, request: HTTPConnection) -> None:
        host = host_name(request.headers.get("host", ""))
        if host not in self._hosts:
            raise Problem(421, f"the page is not known as {host[:100]!r}: add this name to the page's hosts.")

    def _check_visitor(self, request: HTTPConnection) -> None:
        if not self._options.protected or request.url.path in _OPEN_PATHS | _OPEN_STATIC:
            return
        header = request.headers.get("authorization")
        if header is not None:
            self._check_authorization(header, address_of(request))
        elif not self._keeper.session_fits(request.cookies.get(COOKIE, "")):
            raise Problem(401, "show the token as 'Authorization: Bearer ...', or log in at /login.")

    def _check_authorization(self, header: str, address: str) -> None:
        check_wait(self._throttle, address)
        if self._keeper.authorization_fits(header):
            self._throttle.succeeded(address)
            return
        self._throttle.failed(address)
        raise Problem(401, "the token or password is wrong.")


def check_wait(throttle: Throttle, address: str) -> None:
    """Refuse an address that failed too often a moment ago."""
    wait = throttle.wait(address)
    if wait > 0:
        raise Problem(429, f"too many wrong attempts: try again in {wait:.0f} s.", retry_after=wait)


def address_of(request: HTTPConnection) -> str:
    """The visitor's address."""
    return request.client.host if request.client else "unknown"


def host_name(header: str) -> str:
    """The host of a Host header, without its port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def _check_origin(request: HTTPConnection) -> None:
    """A page from elsewhere may neither read nor open a live connection; programs send no Origin."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise Problem(403, "this page was called from another site, which it does not allow.")


async def _refuse(refusal: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Send *refusal*; a WebSocket handshake gets it as a plain answer, or is closed where that is unknown."""
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    await refusal(scope, receive, _with_headers(send))


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return send_with_headers
