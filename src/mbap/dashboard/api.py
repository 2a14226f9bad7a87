"""The JSON API beside the page: sites, devices, points, communication, health."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from mbap.collect.counters import POINTS as COUNTERS
from mbap.collect.device import DeviceStatistics, PolledDevice
from mbap.collect.stream import Newest
from mbap.dashboard.catalogue import Catalogue, CurrentCatalogue, entries_of
from mbap.dashboard.feed import finite
from mbap.dashboard.history import History, parse_query
from mbap.dashboard.plant import Plant
from mbap.dashboard.problems import Problem, answer
from mbap.dashboard.status import problems, statistics_json

Json = dict[str, object]

_OPENAPI = Path(__file__).with_name("openapi.json")


class Api:
    """The handlers of `/api/v1` and of the two health addresses."""

    def __init__(
        self,
        plant: Plant,
        current: CurrentCatalogue,
        history: History,
        *,
        protected: bool,
        figures: Callable[[], Mapping[str, int]],
    ) -> None:
        self._plant = plant
        self._current = current
        self._history = history
        self._protected = protected
        self._figures = figures

    def routes(self) -> list[Route]:
        """What stands where."""
        return [
            Route("/api/v1/site", self.site),
            Route("/api/v1/devices", self.devices),
            Route("/api/v1/points", self.points),
            Route("/api/v1/communication", self.communication),
            Route("/api/v1/history", self.history),
            Route("/api/v1/openapi.json", self.openapi),
            Route("/healthz", self.healthz),
            Route("/readyz", self.readyz),
        ]

    async def site(self, _request: Request) -> Response:
        """The site as a whole."""
        catalogue, plant = self._current(), self._plant
        return answer(
            {
                "name": plant.name,
                "version": version("mbap"),
                "now": plant.now(),
                "revision": catalogue.revision,
                "devices": len(catalogue.devices),
                "points": len(catalogue.entries),
                "history": plant.store is not None,
                "counters": list(COUNTERS),
                "protected": self._protected,
                "problems": problems(plant),
                "health": _plain(plant.health()),
                "page": dict(self._figures()),
            }
        )

    async def devices(self, _request: Request) -> Response:
        """Every device with its labels and how its communication goes."""
        statistics = self._plant.statistics()
        catalogue = self._current()
        unknown = DeviceStatistics()
        devices = [_device_json(one, statistics.get(one.name, unknown)) for one in catalogue.devices]
        return answer({"revision": catalogue.revision, "now": self._plant.now(), "devices": devices})

    async def points(self, request: Request) -> Response:
        """Every point, or those of one device, with its newest value."""
        catalogue = self._current()
        wanted = request.query_params.get("device")
        if wanted is not None and catalogue.device(wanted) is None:
            raise Problem(404, f"there is no device {wanted[:100]!r}; /api/v1/devices lists all.")
        points = self._points(catalogue, wanted)
        return answer({"revision": catalogue.revision, "now": self._plant.now(), "points": points})

    def _points(self, catalogue: Catalogue, wanted: str | None) -> list[Json]:
        only = None if wanted is None else catalogue.device(wanted)
        points: list[Json] = []
        for device in catalogue.devices if only is None else (only,):
            newest = self._plant.latest.device(device.name)
            points += [
                {**one.as_json(), **_newest_json(newest.get(one.point.name))} for one in entries_of(device)
            ]
        return points

    async def communication(self, _request: Request) -> Response:
        """The counters of every device."""
        statistics = self._plant.statistics()
        devices = {name: statistics_json(one) for name, one in statistics.items()}
        return answer({"now": self._plant.now(), "devices": devices})

    async def history(self, request: Request) -> Response:
        """Trends of some points between two times."""
        form = request.query_params.get("format", "json")
        if form not in ("json", "csv"):
            raise Problem(400, "'format' is json or csv.")
        catalogue = self._current()
        query = parse_query(request.query_params, catalogue, self._plant.now())
        return await self._history.respond(query, catalogue, csv=form == "csv")

    async def openapi(self, _request: Request) -> Response:
        """The description of all this."""
        return FileResponse(_OPENAPI, media_type="application/json", headers={"Cache-Control": "no-cache"})

    async def healthz(self, _request: Request) -> Response:
        """The process lives and its event loop turns."""
        return answer({"status": "ok"})

    async def readyz(self, _request: Request) -> Response:
        """The site does its work, or why not."""
        ready = self._plant.health().get("ready", True) is not False
        return answer({"ready": ready, "problems": problems(self._plant)}, 200 if ready else 503)


def _device_json(device: PolledDevice, statistics: DeviceStatistics) -> Json:
    profile = device.profile
    return {
        "name": device.name,
        "title": device.title,
        "profile": profile.name,
        "manufacturer": profile.manufacturer,
        "unit": device.unit,
        "connection": device.connection,
        "labels": dict(device.labels),
        "periods": dict(device.periods),
        "points": len(profile.points),
        "communication": statistics_json(statistics),
    }


def _newest_json(newest: Newest | None) -> Json:
    if newest is None:
        return {"value": None, "quality": None, "time": None}
    return {"value": finite(newest.value), "quality": newest.quality.reason, "time": newest.time}


def _plain(value: object) -> object:
    """*value* in what JSON has."""
    if isinstance(value, dict):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None else finite(value)
