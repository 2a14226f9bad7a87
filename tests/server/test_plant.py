"""The demo plant: its values hang together, its devices are what their profiles say, and one fails."""

from __future__ import annotations

import asyncio

import pytest

from mbap.collect.profiles import load_profile
from mbap.errors import IllegalDataValue
from mbap.protocol.pdu import ReadInputRegisters, Request, WriteSingleCoil, WriteSingleRegister
from mbap.server.handler import Call, Peer
from mbap.server.plant import FAILING, Plant, PlantDevice, PlantServers
from mbap.server.plant.model import DAY, Model
from mbap.server.plant.plant import FAULT_RULES
from mbap.transport.endpoint import parse_endpoint
from support.hand_clock import HandClock
from support.wire_client import connected


def run(seconds: float, seed: int = 1) -> Model:
    model = Model(seed)
    while seconds > 0:
        seconds -= model.advance(min(seconds, 60.0))
    return model


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def plant(clock: HandClock) -> Plant:
    return Plant(clock=clock)


def device(plant: Plant, name: str) -> PlantDevice:
    return next(device for device in plant.devices if device.name == name)


def show(plant: Plant, name: str) -> dict[str, object]:
    """Every point of a device, as a client would read it."""
    found = device(plant, name)
    profile = load_profile(found.profile)
    for table in {point.table for point in profile.points}:
        first = min(point.address for point in profile.points if point.table is table)
        read = found.handler.read_bits if table.holds_bits else found.handler.read_registers
        read(table, first, 1)
    return {point.name: found.handler.value(point.name) for point in profile.points}


def ask(plant: Plant, name: str, request: Request[None]) -> None:
    device(plant, name).handler.handle(Call(request, 1, Peer()))


def test_the_same_seed_gives_the_same_plant() -> None:
    assert run(30.0).main.power == run(30.0).main.power


def test_another_seed_gives_another_plant() -> None:
    assert run(30.0, seed=1).main.power != run(30.0, seed=2).main.power


def test_the_main_meter_measures_the_sum_of_what_is_behind_it() -> None:
    model = run(45.0)
    behind = (
        model.drive.power
        + model.heat_pump.power
        + model.consumers.workshop.power
        + model.consumers.cold_store.power
        + sum(load.power for load in model.consumers.building)
    )
    assert model.main.power == pytest.approx(behind)


def test_a_sub_meter_measures_its_consumer() -> None:
    model = run(45.0)
    assert model.workshop.power == pytest.approx(model.consumers.workshop.power)
    assert model.cold_store.power == pytest.approx(model.consumers.cold_store.power)


def test_flow_and_power_follow_the_speed() -> None:
    model = Model()
    model.drive.manual = True
    found = []
    for speed in (40.0, 60.0, 80.0, 100.0):
        model.drive.manual_reference = speed
        model.advance(20.0)
        found.append((model.drive.flow, model.drive.power))
    assert found == sorted(found)
    # Twice the speed: about twice the flow, and about eight times the power of the shaft.
    assert 1.8 < found[2][0] / found[0][0] < 3.5
    assert 6.0 < (found[2][1] - 45.0) / (found[0][1] - 45.0) < 11.0


def test_the_level_is_held_at_its_set_point() -> None:
    model = run(120.0)
    levels = []
    for _ in range(300):
        model.advance(1.0)
        levels.append(model.tank.level)
    assert sum(levels) / len(levels) == pytest.approx(model.tank.set_point, abs=0.15)


def test_the_tank_runs_dry_and_alarms_when_the_pump_may_not_run() -> None:
    model = Model()
    model.tank.pump_enabled = False
    for _ in range(5):
        model.advance(60.0)
    assert model.tank.level < 0.1
    assert model.tank.alarm
    assert model.drive.speed == 0.0


def test_an_alarm_stays_until_it_is_acknowledged_and_its_cause_is_gone() -> None:
    model = Model()
    model.tank.level = 0.3
    model.advance(0.1)
    model.tank.level = 1.8
    model.advance(0.1)
    assert model.tank.alarm
    model.tank.reset_alarm()
    model.advance(0.1)
    assert not model.tank.alarm


def test_energy_adds_up_the_power() -> None:
    model = Model()
    before, added = model.main.energy, 0.0
    for _ in range(600):
        model.advance(0.1)
        added += model.main.power * 0.1 / 3.6e6
    assert model.main.energy - before == pytest.approx(added, rel=1e-6)


def test_the_heat_pump_gives_its_cop_times_what_it_takes() -> None:
    pump = run(60.0).heat_pump
    assert pump.cop is not None
    assert pump.heat * 1000.0 == pytest.approx(pump.cop * pump.power)
    assert 1.5 < pump.cop < 5.0


def test_every_state_of_the_heat_pump_comes_within_a_day() -> None:
    model, states = Model(), set()
    for _ in range(int(DAY / 5)):
        model.advance(5.0)
        states.add(model.heat_pump.state)
    assert states == {2, 3, 4}


def test_after_a_long_pause_only_the_last_minute_is_lived_through() -> None:
    model = Model()
    before = model.age
    assert model.advance(86_400.0) == pytest.approx(86_400.0)
    assert model.age - before == pytest.approx(60.0)


@pytest.mark.parametrize("name", [device.name for device in Plant().devices])
def test_every_point_is_shown_and_within_its_limits_for_ten_minutes(name: str, clock: HandClock) -> None:
    plant = Plant(clock=clock)
    points = load_profile(device(plant, name).profile).points
    for _ in range(60):
        clock.now += 10.0
        values = show(plant, name)
        for point in points:
            value = values[point.name]
            assert value is not None or point.name == "cop", point.name
            if isinstance(value, (int, float)) and point.low is not None and point.high is not None:
                assert point.low <= value <= point.high, (point.name, value)
            if point.states:
                assert value in point.states, (point.name, value)


def test_values_move(plant: Plant, clock: HandClock) -> None:
    before = show(plant, "main_meter")
    clock.now += 2.0
    after = show(plant, "main_meter")
    assert all(before[name] != after[name] for name in ("power", "voltage_l1", "current_l2", "import_energy"))


def test_all_devices_show_the_same_moment(plant: Plant, clock: HandClock) -> None:
    clock.now += 30.0
    assert show(plant, "pump")["speed"] == pytest.approx(plant.model.drive.speed, abs=0.01)
    assert show(plant, "tank")["inflow"] == pytest.approx(plant.model.drive.flow, abs=0.01)


def test_a_level_set_point_can_be_written(plant: Plant, clock: HandClock) -> None:
    ask(plant, "tank", WriteSingleRegister(0, 1_200))
    clock.now += 1.0
    assert plant.model.tank.set_point == 1.2
    assert show(plant, "tank")["level_set_point"] == 1.2


def test_a_set_point_beyond_its_range_is_refused(plant: Plant) -> None:
    with pytest.raises(IllegalDataValue):
        ask(plant, "tank", WriteSingleRegister(0, 2_900))


def test_the_pump_can_be_switched_off(plant: Plant, clock: HandClock) -> None:
    ask(plant, "tank", WriteSingleCoil(0, False))
    clock.now += 20.0
    assert show(plant, "pump")["state"] == 0
    assert show(plant, "tank")["pump_running"] is False


def test_the_reset_falls_back_by_itself(plant: Plant, clock: HandClock) -> None:
    ask(plant, "tank", WriteSingleCoil(2, True))
    clock.now += 1.0
    assert show(plant, "tank")["alarm_reset"] is False


def test_the_drive_can_be_run_by_hand(plant: Plant, clock: HandClock) -> None:
    ask(plant, "pump", WriteSingleRegister(1, 9_000))
    ask(plant, "pump", WriteSingleRegister(0, 1))
    clock.now += 20.0
    assert show(plant, "pump")["speed"] == 90.0


def test_the_heat_pump_can_be_switched_off(plant: Plant, clock: HandClock) -> None:
    ask(plant, "heat_pump", WriteSingleRegister(0, 0))
    clock.now += 30.0
    assert show(plant, "heat_pump")["state"] == 1
    assert show(plant, "heat_pump")["cop"] is None


def test_there_are_more_than_a_hundred_points() -> None:
    assert sum(len(load_profile(device.profile).points) for device in Plant().devices) > 100


async def test_each_connection_has_a_port_of_its_own_and_units_share_one(plant: Plant) -> None:
    async with PlantServers(plant) as servers:
        ports = {parse_endpoint(url).port for url in servers.urls.values()}
        assert len(ports) == 5
        assert set(servers.urls) == {device.connection for device in plant.devices}
        async with connected(servers.urls["submeters"]) as client:
            first = await client.ask("0001 0000 0006 01 04 000C 0002")
            second = await client.ask("0002 0000 0006 02 04 000C 0002")
            other = await client.ask("0003 0000 0006 03 04 000C 0002")
        assert first[-11:] != second[-11:]
        assert other.endswith("03 84 0b")


async def test_one_connection_is_silent_within_the_first_ten_seconds(plant: Plant, clock: HandClock) -> None:
    async with PlantServers(plant) as servers, connected(servers.urls[FAILING]) as client:
        clock.now += 7.0
        await client.send("0001 0000 0006 0A 04 0000 0001")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.reader.read(1), 0.05)
        clock.now += 8.0
        assert (await client.ask("0002 0000 0006 0A 04 0000 0001")).startswith("00 02")


async def test_the_others_never_fail(plant: Plant, clock: HandClock) -> None:
    async with PlantServers(plant) as servers, connected(servers.urls["switchboard"]) as client:
        clock.now += 7.0
        for _ in range(100):
            assert (await client.ask("0001 0000 0006 01 04 0000 0001"))[21:23] == "04"


async def test_a_plant_can_be_served_without_faults(plant: Plant, clock: HandClock) -> None:
    async with PlantServers(plant, faults=False) as servers, connected(servers.urls[FAILING]) as client:
        clock.now += 7.0
        assert (await client.ask("0001 0000 0006 0A 04 0000 0001")).startswith("00 01")


def test_silence_comes_first_among_the_faults() -> None:
    assert [rule.fault.kind for rule in FAULT_RULES] == ["silent", "exception", "late"]


def test_a_read_request_needs_no_write(plant: Plant) -> None:
    answer = device(plant, "main_meter").handler.handle(Call(ReadInputRegisters(0, 2), 1, Peer()))
    assert len(answer) == 2
