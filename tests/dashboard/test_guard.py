"""What stands before every answer: Host, Origin, passwords, headers."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from mbap.dashboard.access import COOKIE
from mbap.dashboard.app import create_app
from mbap.dashboard.options import WebOptions
from support.plant import FakePlant

ClientOf = Callable[..., httpx.AsyncClient]
PROTECTED = WebOptions(listen="0.0.0.0", password="sesame", token="t0ken")


def test_a_page_open_to_the_network_is_not_made_without_a_password(fake: FakePlant) -> None:
    with pytest.raises(ValueError, match="password or a token"):
        create_app(fake.plant, WebOptions(listen="0.0.0.0"))


async def test_a_foreign_name_that_points_here_gets_nothing(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/points", headers={"Host": "rebound.example:8502"})
    assert response.status_code == 421
    assert "not known as 'rebound.example'" in response.json()["detail"]


async def test_a_name_that_was_given_is_served(client_of: ClientOf) -> None:
    client = client_of(WebOptions(hosts=("plant7.example.org",)), "http://plant7.example.org")
    assert (await client.get("/api/v1/site")).status_code == 200


@pytest.mark.parametrize("host", ["[::1]:8502", "localhost:8502", "192.168.7.7"])
async def test_addresses_are_served(client: httpx.AsyncClient, host: str) -> None:
    assert (await client.get("/api/v1/site", headers={"Host": host})).status_code == 200


async def test_a_page_of_another_site_gets_nothing(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/points", headers={"Origin": "https://evil.example"})
    assert response.status_code == 403


async def test_its_own_origin_is_served(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/v1/points", headers={"Origin": "http://127.0.0.1:8502"})
    assert response.status_code == 200


@pytest.mark.parametrize("path", ["/", "/api/v1/points", "/nothing", "/static/app.js"])
async def test_every_answer_has_the_headers_that_browsers_heed(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


async def test_a_refusal_has_them_too(client: httpx.AsyncClient) -> None:
    response = await client.get("/", headers={"Host": "rebound.example"})
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/api/v1/points", "/api/v1/history", "/static/app.js", "/nothing"])
async def test_a_protected_page_shows_nothing_to_a_stranger(client_of: ClientOf, path: str) -> None:
    response = await client_of(PROTECTED).get(path)
    assert response.status_code == 401
    assert "Bearer" in response.headers["www-authenticate"]


async def test_a_strangers_browser_is_led_to_the_login_page(client_of: ClientOf) -> None:
    response = await client_of(PROTECTED).get("/", headers={"Accept": "text/html"})
    assert (response.status_code, response.headers["location"]) == (303, "login")


@pytest.mark.parametrize("path", ["/login", "/healthz", "/readyz", "/static/base.css", "/favicon.svg"])
async def test_what_the_login_page_and_a_supervisor_need_is_open(client_of: ClientOf, path: str) -> None:
    assert (await client_of(PROTECTED).get(path)).status_code == 200


async def test_the_token_opens(client_of: ClientOf) -> None:
    response = await client_of(PROTECTED).get("/api/v1/points", headers={"Authorization": "Bearer t0ken"})
    assert response.status_code == 200


async def test_the_password_opens_by_http_basic(client_of: ClientOf) -> None:
    assert (await client_of(PROTECTED).get("/api/v1/points", auth=("me", "sesame"))).status_code == 200


async def test_wrong_tokens_make_the_next_one_wait(client_of: ClientOf) -> None:
    client = client_of(PROTECTED)
    statuses = [
        (await client.get("/api/v1/site", headers={"Authorization": f"Bearer {n}"})).status_code
        for n in range(4)
    ]
    assert statuses == [401, 401, 401, 429]
    right = await client.get("/api/v1/site", headers={"Authorization": "Bearer t0ken"})
    assert (right.status_code, right.headers["retry-after"]) == (429, "1")


async def test_logging_in_gives_a_cookie_that_opens(client_of: ClientOf) -> None:
    client = client_of(PROTECTED)
    response = await client.post("/login", data={"password": "sesame"})
    assert (response.status_code, response.headers["location"]) == (303, "./")
    assert (await client.get("/api/v1/points")).status_code == 200


async def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(client_of: ClientOf) -> None:
    response = await client_of(PROTECTED).post("/login", data={"password": "sesame"})
    cookie = response.headers["set-cookie"].lower()
    assert cookie.startswith(COOKIE)
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


async def test_a_wrong_password_shows_the_form_again(client_of: ClientOf) -> None:
    response = await client_of(PROTECTED).post("/login", data={"password": "guess"})
    assert response.status_code == 401
    assert "This is not the password." in response.text


async def test_wrong_passwords_make_even_the_right_one_wait(client_of: ClientOf) -> None:
    client = client_of(PROTECTED)
    for _ in range(3):
        await client.post("/login", data={"password": "guess"})
    response = await client.post("/login", data={"password": "sesame"})
    assert (response.status_code, "set-cookie" in response.headers) == (429, False)


async def test_another_site_cannot_log_a_visitor_in(client_of: ClientOf) -> None:
    response = await client_of(PROTECTED).post(
        "/login", data={"password": "sesame"}, headers={"Origin": "https://evil.example"}
    )
    assert response.status_code == 403


async def test_a_form_that_is_too_large_is_refused(client_of: ClientOf) -> None:
    response = await client_of(PROTECTED).post("/login", data={"password": "x" * 5000})
    assert response.status_code == 413


async def test_logging_out_takes_the_cookie(client_of: ClientOf) -> None:
    client = client_of(PROTECTED)
    await client.post("/login", data={"password": "sesame"})
    await client.post("/logout")
    assert (await client.get("/api/v1/points")).status_code == 401


async def test_without_a_password_there_is_no_login_page(client_of: ClientOf) -> None:
    assert (await client_of(WebOptions(token="t")).get("/login")).status_code == 404
