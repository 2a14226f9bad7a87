"""Errors of the API: one JSON object with one sentence (RFC 9457), and the one place that makes JSON."""

from __future__ import annotations

import json
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response


class Problem(Exception):
    """What the caller gets instead of an answer."""

    def __init__(self, status: int, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.retry_after = status, detail, retry_after

    def response(self) -> Response:
        """The problem as an `application/problem+json` answer."""
        headers = {} if self.retry_after is None else {"Retry-After": str(max(1, round(self.retry_after)))}
        if self.status == HTTPStatus.UNAUTHORIZED:
            headers["WWW-Authenticate"] = 'Bearer realm="mbap"'
        body = {"title": HTTPStatus(self.status).phrase, "status": self.status, "detail": self.detail}
        return Response(dump(body), self.status, headers, "application/problem+json")


def dump(value: object) -> str:
    """Compact JSON; a number that JSON does not have is a bug here, not in the browser."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def answer(value: object, status: int = 200) -> Response:
    """*value* as a JSON answer that nobody keeps."""
    return Response(dump(value), status, {"Cache-Control": "no-store"}, "application/json")


async def on_problem(_request: Request, problem: Exception) -> Response:
    """Starlette's handler of `Problem`."""
    assert isinstance(problem, Problem)
    return problem.response()


async def on_http_exception(_request: Request, error: Exception) -> Response:
    """Starlette's own refusals (no such path, wrong method), as problems."""
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    return Problem(status, _SENTENCES.get(status, f"{status.phrase.lower()}.")).response()


_SENTENCES = {
    HTTPStatus.NOT_FOUND: "there is nothing at this address; /api/v1/openapi.json lists what there is.",
    HTTPStatus.METHOD_NOT_ALLOWED: "this address does not take this method; see /api/v1/openapi.json.",
}
