"""The JSON API, asked without a network."""

from __future__ import annotations

import httpx
import pytest

from mbap.collect.readings import Readings
from support.plant import METER, FakePlant, device


async def test_the_site_says_what_it_is(client: httpx.AsyncClient) -> None:
    site = (await client.get("/api/v1/site")).json()
    assert (site["name"], site["devices"], site["points"]) == ("Waterworks North", 4, 30)


async def test_devices_come_with_labels_and_communication(client: httpx.AsyncClient) -> None:
    devices = (await client.get("/api/v1/devices")).json()["devices"]
    assert [one["name"] for one in devices] == ["main", "hall", "pump", "spare"]
    assert devices[0]["labels"] == {"area": "Electrical room", "installation": "Supply"}
    assert devices[1]["communication"]["exceptions"] == {"02": 1}


async def test_a_device_without_statistics_is_unknown(client: httpx.AsyncClient, fake: FakePlant) -> None:
    fake.plant.statistics = dict
    devices = (await client.get("/api/v1/devices")).json()["devices"]
    assert devices[0]["communication"]["state"] == "unknown"


async def test_a_point_has_its_newest_value(client: httpx.AsyncClient, fake: FakePlant) -> None:
    points = {one["id"]: one for one in (await client.get("/api/v1/points")).json()["points"]}
    speed = points["pump.speed"]
    assert (speed["quality"], speed["time"], speed["unit"]) == ("good", fake.now, "1/min")
    newest = fake.latest.get("pump", "speed")
    assert newest is not None
    assert speed["value"] == newest.value


async def test_a_value_that_could_not_be_read_says_why(client: httpx.AsyncClient) -> None:
    points = {one["id"]: one for one in (await client.get("/api/v1/points")).json()["points"]}
    assert (points["spare.speed"]["value"], points["spare.speed"]["quality"]) == (None, "timeout")


async def test_a_point_that_was_never_read_has_neither_value_nor_quality(
    client: httpx.AsyncClient, fake: FakePlant
) -> None:
    fake.latest.forget("main")
    point = (await client.get("/api/v1/points")).json()["points"][0]
    assert (point["value"], point["quality"], point["time"]) == (None, None, None)


async def test_points_of_one_device(client: httpx.AsyncClient) -> None:
    points = (await client.get("/api/v1/points", params={"device": "pump"})).json()["points"]
    assert {one["device"] for one in points} == {"pump"}


async def test_points_of_an_unknown_device_are_a_problem(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/points", params={"device": "pmup"})
    assert response.status_code == 404
    assert "there is no device 'pmup'" in response.json()["detail"]


async def test_a_number_that_json_does_not_have_is_no_value(
    client: httpx.AsyncClient, fake: FakePlant
) -> None:
    fake.latest.update(Readings("main", fake.now, ("power",), [float("inf")]))
    points = {one["id"]: one for one in (await client.get("/api/v1/points")).json()["points"]}
    assert points["main.power"]["value"] is None


async def test_another_set_of_devices_is_seen_at_once(client: httpx.AsyncClient, fake: FakePlant) -> None:
    before = (await client.get("/api/v1/points")).json()["revision"]
    fake.plant.devices = [device("new", "New meter", METER)]
    after = (await client.get("/api/v1/points")).json()
    assert {one["device"] for one in after["points"]} == {"new"}
    assert after["revision"] != before


async def test_communication_has_every_counter(client: httpx.AsyncClient) -> None:
    devices = (await client.get("/api/v1/communication")).json()["devices"]
    assert devices["spare"]["state"] == "failing"
    assert devices["main"]["latency_p99_ms"] == 9.7
    assert devices["main"]["quirks"] == {"answer_unit": 5}


async def test_alive(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json() == {"status": "ok"}


async def test_ready(client: httpx.AsyncClient) -> None:
    response = await client.get("/readyz")
    assert (response.status_code, response.json()) == (200, {"ready": True, "problems": []})


async def test_not_ready_says_why(client: httpx.AsyncClient, fake: FakePlant) -> None:
    fake.ready, fake.problems = False, ["history cannot be written: the disk is full."]
    response = await client.get("/readyz")
    assert (response.status_code, response.json()["problems"]) == (503, fake.problems)


@pytest.mark.parametrize("path", ["/nothing", "/api/v1/nothing", "/static/nothing.js", "/static/../app.py"])
async def test_what_is_not_there_is_a_problem_with_a_sentence(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    assert "there is nothing at this address" in response.json()["detail"]


async def test_another_method_is_a_problem(client: httpx.AsyncClient) -> None:
    assert (await client.delete("/api/v1/points")).status_code == 405


@pytest.mark.parametrize(
    "path", ["/", "/favicon.svg", "/static/app.js", "/static/theme.js", "/static/base.css"]
)
async def test_the_pages_files_are_served(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-cache"
