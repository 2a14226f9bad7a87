"""The page as an ASGI application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from mbap.dashboard import frames
from mbap.dashboard.access import Doorkeeper, Throttle
from mbap.dashboard.api import Api
from mbap.dashboard.catalogue import CurrentCatalogue
from mbap.dashboard.feed import Feed
from mbap.dashboard.guard import Guard
from mbap.dashboard.history import History
from mbap.dashboard.live import Live
from mbap.dashboard.login import Login
from mbap.dashboard.options import WebOptions, check_listen
from mbap.dashboard.plant import Plant
from mbap.dashboard.problems import Problem, on_http_exception, on_problem

STATIC = Path(__file__).with_name("static")
_REVALIDATE = {"Cache-Control": "no-cache"}


def create_app(plant: Plant, options: WebOptions | None = None) -> Starlette:
    """The page of *plant*, its API and its live connection.

    Raises:
        ValueError: it would be open to the network without a password or token.
    """
    options = options or WebOptions()
    check_listen(options)
    keeper, throttle = Doorkeeper(options), Throttle()
    current = CurrentCatalogue(plant)
    live, history = Live(Feed(plant, current), options.max_pages), History(plant)

    def figures() -> dict[str, int]:
        return {
            "open": live.pages,
            "refused": live.refused,
            "merged": live.merged,
            "queries_refused": history.refused,
            "addresses_forgotten": throttle.forgotten,
        }

    api = Api(plant, current, history, protected=keeper.has_password, figures=figures)
    return Starlette(
        routes=[
            *api.routes(),
            *frames.routes(),
            *Login(keeper, throttle, STATIC).routes(),
            WebSocketRoute("/api/v1/live", live.endpoint),
            *_file_routes(),
        ],
        middleware=[Middleware(Guard, options=options, keeper=keeper, throttle=throttle)],
        exception_handlers={Problem: on_problem, HTTPException: on_http_exception},
    )


def _file_routes() -> list[BaseRoute]:
    return [
        Route("/", _file("index.html")),
        Route("/favicon.svg", _file("favicon.svg")),
        Mount("/static", _Files(directory=STATIC)),
    ]


def _file(name: str) -> Callable[[Request], Awaitable[Response]]:
    async def send(_request: Request) -> Response:
        return FileResponse(STATIC / name, headers=_REVALIDATE)

    return send


class _Files(StaticFiles):
    """Static files that a browser asks about each time, so that a new version is seen at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(_REVALIDATE)
        return response
