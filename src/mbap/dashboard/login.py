"""Logging in and out on a page that works without scripts."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from mbap.dashboard.access import COOKIE, SESSION_SECONDS, Doorkeeper, Throttle
from mbap.dashboard.guard import address_of
from mbap.dashboard.problems import Problem

_LARGEST_FORM = 4096
_PLACE = "<!-- message -->"


class Login:
    """The handlers of `/login` and `/logout`."""

    def __init__(self, keeper: Doorkeeper, throttle: Throttle, static: Path) -> None:
        self._keeper = keeper
        self._throttle = throttle
        self._form = (static / "login.html").read_text(encoding="utf-8")

    def routes(self) -> list[Route]:
        """What stands where."""
        return [
            Route("/login", self.show),
            Route("/login", self.log_in, methods=["POST"]),
            Route("/logout", self.log_out, methods=["POST"]),
        ]

    async def show(self, _request: Request) -> Response:
        """The form."""
        if not self._keeper.has_password:
            raise Problem(404, "this page has no password: show the token as 'Authorization: Bearer ...'.")
        return self._page("", HTTPStatus.OK)

    async def log_in(self, request: Request) -> Response:
        """A cookie for the right password; the form again for a wrong one."""
        address = address_of(request)
        if self._throttle.wait(address) > 0:
            return self._page("Too many wrong attempts. Wait a minute.", HTTPStatus.TOO_MANY_REQUESTS)
        if not self._keeper.password_fits(await _password(request)):
            self._throttle.failed(address)
            return self._page("This is not the password.", HTTPStatus.UNAUTHORIZED)
        self._throttle.succeeded(address)
        response = RedirectResponse("./", HTTPStatus.SEE_OTHER)
        response.set_cookie(
            COOKIE,
            self._keeper.new_session(),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return response

    async def log_out(self, _request: Request) -> Response:
        """The cookie goes."""
        response = RedirectResponse("login", HTTPStatus.SEE_OTHER)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    def _page(self, message: str, status: HTTPStatus) -> Response:
        page = self._form.replace(_PLACE, message)
        return HTMLResponse(page, status, headers={"Cache-Control": "no-store"})


async def _password(request: Request) -> str:
    """The field of the form; read by hand, because a form parser would be one more package."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_FORM:
            raise Problem(413, "the form is larger than a password.")
    return parse_qs(body.decode("utf-8", "replace")).get("password", [""])[0]
