"""The page of a running site: what it is handed, and where it listens."""

from __future__ import annotations

import errno
import socket

from mbap.dashboard.app import create_app
from mbap.dashboard.options import WebOptions
from mbap.dashboard.plant import Plant
from mbap.dashboard.serve import bind, serve, url
from mbap.site.plan import WebPlan

PORTS_TRIED = 50


class Page:
    """Serves one plant at one place.

    Attributes:
        plant: what is shown; a changed site replaces its devices.
        url: what to type into a browser.

    Raises:
        OSError: the port is taken, or the host is not one of this machine's.
        ValueError: it would be open to others without a password or token.
    """

    def __init__(self, plant: Plant, plan: WebPlan) -> None:
        self.plant = plant
        self._app = create_app(
            plant, WebOptions(listen=plan.host, password=plan.password, token=plan.token, hosts=plan.hosts)
        )
        self._plan = plan
        self._listening = _bind(plan)
        self.url = url(self._listening)

    async def run(self) -> None:
        """Serve until cancelled."""
        await serve(self._app, self._plan.host, self._plan.port, listening=self._listening)

    def close(self) -> None:
        """Give the port back, if it never ran."""
        self._listening.close()


def _bind(plan: WebPlan) -> socket.socket:
    """The port of *plan*, or, where that is allowed, the next free one."""
    last = plan.port + (PORTS_TRIED if plan.next_free_port else 0)
    for port in range(plan.port, last + 1):
        try:
            return bind(plan.host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or port == last:
                raise
    raise AssertionError("the loop returns or raises")
