"""The OpenAPI file says what there is, and the answers are as it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Route, WebSocketRoute

import mbap.dashboard
from mbap.dashboard.app import create_app
from mbap.dashboard.options import WebOptions
from support.plant import DAY, FakePlant

Schema = dict[str, Any]
DOCUMENT: Schema = json.loads(Path(mbap.dashboard.__path__[0], "openapi.json").read_text(encoding="utf-8"))
TYPES: dict[str, Callable[[object], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}


def faults(value: object, schema: Schema, place: str = "$") -> Iterator[str]:
    """Where *value* is not as *schema* says: types, required and unknown properties, enumerations."""
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    types = schema.get("type", list(TYPES))
    if not any(TYPES[one](value) for one in ([types] if isinstance(types, str) else types)):
        yield f"{place} is {value!r}, not {types}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place} is {value!r}, not one of {schema['enum']}"
    if isinstance(value, dict):
        yield from object_faults(value, schema, place)
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from faults(one, schema["items"], f"{place}[{index}]")


def object_faults(value: dict[str, object], schema: Schema, place: str) -> Iterator[str]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    yield from (f"{place} lacks {name}" for name in schema.get("required", []) if name not in value)
    for name, one in value.items():
        if name in properties or others:
            yield from faults(one, properties.get(name, others), f"{place}.{name}")
        elif properties:
            yield f"{place} has {name}, which is not described"


def test_every_address_of_the_api_is_described_and_no_other(fake: FakePlant) -> None:
    routes = create_app(fake.plant).routes
    paths = {one.path for one in routes if isinstance(one, Route | WebSocketRoute)}
    pages = {"/", "/login", "/logout", "/favicon.svg"}
    assert paths - pages == set(DOCUMENT["paths"])


async def test_the_file_is_served(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/openapi.json")).json() == DOCUMENT


def test_every_reference_leads_somewhere() -> None:
    text = json.dumps(DOCUMENT)
    names = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert names <= set(DOCUMENT["components"]["schemas"])


def schema_of(path: str, status: int, method: str = "get") -> Schema:
    content = DOCUMENT["paths"][path][method]["responses"][str(status)]["content"]
    (described,) = content.values()
    schema = described["schema"]
    assert isinstance(schema, dict)
    return schema


HISTORY = "/api/v1/history?series=main.power,main.comm_requests&steps=50"


@pytest.mark.parametrize(
    "url",
    [
        "/api/v1/site",
        "/api/v1/devices",
        "/api/v1/points",
        "/api/v1/points?device=pump",
        "/api/v1/communication",
        HISTORY,
        HISTORY + f"&from={1_780_000_000_000_000 - 30 * DAY}",
        "/healthz",
        "/readyz",
        "/api/v1/history",
        "/api/v1/history?series=main.nothing",
        "/api/v1/points?device=nobody",
    ],
)
async def test_an_answer_is_as_described(client: httpx.AsyncClient, url: str) -> None:
    response = await client.get(url)
    assert list(faults(response.json(), schema_of(url.partition("?")[0], response.status_code))) == []


@pytest.mark.parametrize(
    ("url", "body", "status"),
    [
        ("/api/v1/frames/explain", {"text": "00 01 00 00 00 06 01 03 00 6b 00 03"}, 200),
        ("/api/v1/frames/explain", {"text": "00 01 00 01 00 03 01 83"}, 200),
        ("/api/v1/frames/explain", {"text": "zz"}, 200),
        ("/api/v1/frames/build", {"function": 3, "address": 107, "count": 3}, 200),
        ("/api/v1/frames/build", {"function": 3}, 200),
        ("/api/v1/frames/build", {"function": 3, "framing": "morse"}, 400),
    ],
)
async def test_what_is_posted_is_answered_as_described(
    client: httpx.AsyncClient, url: str, body: Schema, status: int
) -> None:
    response = await client.post(url, json=body)
    assert response.status_code == status
    assert list(faults(response.json(), schema_of(url, status, "post"))) == []


async def test_a_refusal_is_as_described(client_of: Callable[..., httpx.AsyncClient]) -> None:
    response = await client_of(WebOptions(token="t0ken")).get("/api/v1/site")
    assert list(faults(response.json(), schema_of("/api/v1/site", 401))) == []
