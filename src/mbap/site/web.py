"""The table [web] of a site file -> the plan of the page."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from mbap.dashboard.options import WebOptions, check_listen
from mbap.site.file import WebTable
from mbap.site.plan import WebPlan
from mbap.transport.endpoint import parse_endpoint

Complain = Callable[[str, str], None]
"""Is told the key and what is wrong with it."""


def web_plan(
    table: WebTable, complain: Complain, environment: Mapping[str, str] = os.environ
) -> WebPlan | None:
    """The plan of the page; None when it is switched off, or when anything is wrong."""
    password = _secret(table.password, "password", complain, environment)
    token = _secret(table.token, "token", complain, environment)
    try:
        endpoint = parse_endpoint(f"tcp://{table.listen}", listening=True)
        host = endpoint.host or "0.0.0.0"  # nosec B104 # as the user wrote it; it needs a password then
        plan = WebPlan(host, endpoint.port, password, token, tuple(table.hosts))
        if table.enabled and not (table.password or table.token):
            check_listen(WebOptions(listen=plan.host))
    except ValueError as error:
        complain("listen", str(error).replace("tcp://", ""))
        return None
    return plan if table.enabled else None


def _secret(text: str | None, key: str, complain: Complain, environment: Mapping[str, str]) -> str | None:
    if text is None or not text.startswith("env:"):
        return text
    value = environment.get(text[4:])
    if not value:
        complain(key, f"the {key} is to come from the environment variable {text[4:]}, which is not set")
    return value
