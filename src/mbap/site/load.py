"""A site file -> the plan of the site, with all that is wrong said at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from mbap.client.quirks import Quirks
from mbap.collect.device import PolledDevice
from mbap.collect.plan import plan
from mbap.collect.profiles import load_profile
from mbap.collect.registermap import Profile
from mbap.filefaults import Fault, FileFaults, KeyLines
from mbap.filemodel import read_toml
from mbap.site.csvfile import read_devices
from mbap.site.endpoints import Endpoints
from mbap.site.file import DeviceTable, SiteFile
from mbap.site.gatewayfile import gateway_plan
from mbap.site.gatewayplan import GatewayPlan
from mbap.site.guardfile import guard_plan
from mbap.site.guardplan import GuardPlan
from mbap.site.plan import HistoryPlan, LinkPlan, SitePlan
from mbap.site.quirks import SharedQuirks, quirk_warnings
from mbap.site.ranges import numbers
from mbap.site.serverfile import ServerTable, server_plan
from mbap.site.serverplan import ServerPlan
from mbap.site.web import web_plan
from mbap.transport.endpoint import parse_endpoint

DEFAULT_PERIODS = {"fast": 1.0, "default": 5.0, "slow": 60.0}
PROFILES_KEPT = 256

T = TypeVar("T")


def load_site(path: str | Path) -> SitePlan:
    """The plan of the site in the file at *path*.

    Raises:
        FileFaults: the file, a profile or a list that it names is wrong; all that is.
    """
    found = read_toml(path, SiteFile)
    if found.model is None:
        raise FileFaults(found.faults)
    return _Loading(Path(path), found.model, found.lines, list(found.faults)).plan()


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a device was written, for a fault."""

    file: str
    line: int
    path: str

    def fault(self, key: str, message: str) -> Fault:
        return Fault(self.file, self.line, ".".join(filter(None, (self.path, key))), message)


@dataclass(slots=True)
class _Loading:
    """One file being made a plan: faults gather while the parts are built."""

    path: Path
    file: SiteFile
    lines: KeyLines
    faults: list[Fault]
    endpoints: Endpoints = field(init=False)
    periods: dict[str, float] = field(init=False)
    quirks: SharedQuirks = field(default_factory=SharedQuirks)
    devices: dict[str, PolledDevice] = field(default_factory=dict)
    places: dict[tuple[str, int, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.endpoints = Endpoints(self.file.connections, self._beside)
        self.periods = DEFAULT_PERIODS | {name: group.period for name, group in self.file.groups.items()}

    def plan(self) -> SitePlan:
        for name, message in self.endpoints.faults:
            self._complain(("connections", name), "url", message)
        for name, table, origin in self._tables():
            self._add(name, table, origin)
        gateway = self._gateway()
        server = self._server(gateway)
        guard = self._guard()
        history = self._history()
        certificates = self._certificates()
        web = web_plan(self.file.web, lambda key, message: self._complain(("web",), key, message))
        if self.faults:
            raise FileFaults(sorted(self.faults, key=self._place_of))
        if not self.devices and gateway is None:
            raise FileFaults([Fault(str(self.path), 0, "", f"there is no device in {self._list()}")])
        links = self.quirks.on({**self.endpoints.links, **(gateway.links if gateway else {})})
        if gateway is not None:
            own = {url: links[url] for url in gateway.links}
            gateway = replace(gateway, links=own, certificates=certificates)
        return SitePlan(
            name=self.file.site.name,
            links=links,
            devices=tuple(self.devices.values()),
            history=history,
            web=web,
            gateway=gateway,
            server=server,
            certificates=certificates,
            guard=guard,
            max_open_connections=self.file.site.max_open_connections,
            warnings=(*self.endpoints.warnings(), *quirk_warnings(links)),
        )

    def _tables(self) -> Iterator[tuple[str, DeviceTable, _Origin]]:
        for name, table in self.file.devices.items():
            origin = _Origin(str(self.path), self.lines.line(("devices", name)), f"devices.{name}")
            yield name, table, origin
        if self.file.site.devices_from:
            source = self._list()
            rows, faults = read_devices(source, set(self.file.connections))
            self.faults += faults
            for line, name, table in rows:
                yield name, table, _Origin(str(source), line, name)

    def _add(self, name: str, table: DeviceTable, origin: _Origin) -> None:
        profile = self._try(origin, "profile", lambda: self._profile(table.profile))
        places = self._try(origin, "host", lambda: self.endpoints.places(table)) or []
        units = self._try(origin, "units", lambda: _units(table)) or []
        if profile is None or not self._groups_known(profile, origin):
            return
        for suffix, endpoint in places:
            fitting = self._try(origin, "quirks", partial(self._with_quirks, table, profile, endpoint))
            if fitting is None:
                return
            self.endpoints.link(endpoint, fitting)
            for unit_suffix, unit in units:
                full = "_".join(filter(None, (name, suffix, unit_suffix)))
                labels = {"site": self.file.site.name} | dict(table.labels)
                title = " ".join(filter(None, (table.title or name, suffix, unit_suffix)))
                self._keep(PolledDevice(full, title, fitting, unit, endpoint, labels, self.periods), origin)

    def _keep(self, device: PolledDevice, origin: _Origin) -> None:
        place = (device.connection, device.unit, device.profile.name)
        other = self.places.setdefault(place, device.name)
        if device.name in self.devices:
            self.faults.append(origin.fault("", f'there is a device "{device.name}" already'))
        elif other != device.name:
            message = f"{device.connection} unit {device.unit} with this profile is {other} already"
            self.faults.append(origin.fault("", message))
        else:
            self.devices[device.name] = device
            self._try(origin, "quirks", partial(self.quirks.add, device))

    def _with_quirks(self, table: DeviceTable, profile: Profile, endpoint: str) -> Profile:
        """*profile*, or the same with the quirks that the site file says."""
        quirks = self.endpoints.quirks(endpoint, table, profile)
        return profile if quirks == profile.quirks else self._profile(table.profile, quirks)

    def _profile(self, name: str, quirks: Quirks | None = None) -> Profile:
        looks_like_a_path = name.endswith(".toml") or "/" in name or "\\" in name
        if not looks_like_a_path:
            return _profile_as_of(name, (0, 0), quirks)
        path = self._beside(name)
        if not path.is_file():
            raise ValueError(f"there is no file {path}")
        state = path.stat()
        return _profile_as_of(str(path), (state.st_mtime_ns, state.st_size), quirks)

    def _groups_known(self, profile: Profile, origin: _Origin) -> bool:
        unknown = sorted({point.group for point in profile.points} - set(self.periods))
        for group in unknown:
            text = f'profile {profile.name} has points in group "{group}": add [groups.{group}] with a period'
            self.faults.append(origin.fault("profile", text))
        return not unknown

    def _history(self) -> HistoryPlan | None:
        table = self.file.history
        if not table.enabled:
            return None
        path = self._beside(table.path)
        if not path.parent.is_dir():
            self._complain(("history",), "path", f"the folder {path.parent} does not exist")
        return HistoryPlan(path, table.keep, table.keep_rollups, table.max_size, table.flush)

    def _gateway(self) -> GatewayPlan | None:
        def known(endpoint: str) -> LinkPlan | None:
            return self.endpoints.links.get(endpoint) or self.endpoints.said_of(endpoint)

        table = self.file.gateway
        if table is None or not table.enabled:
            return None
        try:
            tls = None if table.tls is None else table.tls.tls(self._beside)
        except ValueError as error:
            self._complain(("gateway",), "tls", str(error))
            return None
        return gateway_plan(
            table, known, lambda key, message: self._complain(("gateway",), key, message), tls
        )

    def _server(self, gateway: GatewayPlan | None) -> ServerPlan | None:
        table = self.file.server
        taken = gateway.listeners() if gateway is not None else {}
        for url in table.listen if table is not None and table.enabled else ():
            if url in taken and not url.endswith(":0"):
                self._complain(("server",), "listen", f"[gateway] listens on {url} already")
        path = self._beside(table.map) if table is not None else self.path
        found = server_plan(
            table,
            path,
            tuple(self.devices.values()),
            lambda key, message: self._complain(("server",), key, message),
            self.faults,
            self.file.site.name,
        )
        return found if found is None or table is None else self._secured(found, table)

    def _secured(self, server: ServerPlan, table: ServerTable) -> ServerPlan:
        """*server* with what its listeners by TLS need."""
        if table.tls is None:
            plain = [url for url in server.listen if parse_endpoint(url, listening=True).secure]
            for url in plain:
                message = f"{url} needs to know who it is and whom to trust: [server.tls]"
                self._complain(("server",), "listen", message)
            return server
        try:
            return replace(server, tls=table.tls.tls(self._beside))
        except ValueError as error:
            self._complain(("server",), "tls", str(error))
            return server

    def _certificates(self) -> tuple[Path, ...]:
        """Those of [certificates], and whatever the tables `tls` name."""
        tables = [one.tls for one in self.file.connections.values()]
        tables += [
            one.tls for one in (self.file.gateway, self.file.server) if one is not None and one.enabled
        ]
        names = [*self.file.certificates.watch, *(name for one in tables if one for name in one.watched)]
        if names and find_spec("cryptography") is None:
            self._complain(("certificates",), "watch", "this needs: pip install 'mbap[tls]'")
        return tuple(map(self._beside, dict.fromkeys(names)))

    def _guard(self) -> GuardPlan | None:
        return guard_plan(
            self.file.guard,
            self._beside,
            lambda key, message: self._complain(("guard",), key, message),
            self.faults,
        )

    def _complain(self, table: tuple[str, ...], key: str, message: str) -> None:
        path = tuple(filter(None, (*table, *key.split("."))))
        self.faults.append(Fault(str(self.path), self.lines.line(path), ".".join(path), message))

    def _list(self) -> Path:
        """The file with further devices."""
        return self._beside(self.file.site.devices_from or "")

    def _beside(self, name: str) -> Path:
        with suppress(RuntimeError):  # there is no such user: then it is a name like any other
            return self.path.parent / Path(name).expanduser()
        return self.path.parent / name

    def _place_of(self, fault: Fault) -> tuple[bool, str, int]:
        """The site file's own faults first, each file's by line."""
        return fault.file != str(self.path), fault.file, fault.line

    def _try(self, origin: _Origin, key: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except FileFaults as several:
            for fault in several.faults:
                placed = fault if fault.file else origin.fault(key, fault.message)
                if placed not in self.faults:
                    self.faults.append(placed)
        except ValueError as error:
            fault = origin.fault(key, str(error))
            if fault not in self.faults:
                self.faults.append(fault)
        return None


@lru_cache(maxsize=PROFILES_KEPT)
def _profile_as_of(name: str, state: tuple[int, int], quirks: Quirks | None = None) -> Profile:
    """The profile; equal devices share one object, made anew when the *state* of its file is another.

    Raises:
        ValueError: it is wrong, or cannot be read with these *quirks*, if they are given.
    """
    if quirks is None:
        return load_profile(name)
    changed = replace(_profile_as_of(name, state, None), quirks=quirks)
    plan(changed, changed.points)
    return changed


def _units(table: DeviceTable) -> Sequence[tuple[str, int]]:
    if table.units is None:
        return [("", table.unit)]
    units = [(number, int(number)) for number in numbers(table.units)]
    wrong = next((unit for _, unit in units if unit > 255), None)
    if wrong is not None:
        raise ValueError(f"a unit is 0 to 255, not {wrong}")
    return units
