"""From the model to the names of points: what each device of the plant shows of it, and what may be set."""

from __future__ import annotations

from collections.abc import Callable

from mbap.server.plant.electricity import Meter, Phase
from mbap.server.plant.heat import HeatPump
from mbap.server.plant.water import LEVEL_HIGH, LEVEL_LOW, LEVEL_OVERFLOW, Drive, Tank
from mbap.values import Value

Values = dict[str, Value | None]
Setting = Callable[[str], float]
"""What a client has set, by the name of its point."""


def three_phase_meter(meter: Meter, frequency: float) -> Values:
    """The points of profile `sdm630`."""
    values: Values = {}
    for number, phase in enumerate(meter.phases, start=1):
        following = number % 3 + 1
        line = (phase.voltage + meter.phases[following - 1].voltage) * 0.866
        values |= {f"{name}_l{number}": value for name, value in (_phase(phase) | _distortion(phase)).items()}
        values |= {f"voltage_l{number}_l{following}": line, f"voltage_thd_l{number}_l{following}": 1.3}
    return values | _sums(meter, frequency) | _demands(meter) | _added_up(meter)


def single_phase_meter(meter: Meter, frequency: float) -> Values:
    """The points of profile `sdm120`."""
    return {
        **_phase(meter.phases[0]),
        "frequency": frequency,
        "power_demand": meter.power_demand,
        "maximum_power_demand": meter.maximum_power_demand,
        "import_power_demand": meter.power_demand,
        "maximum_import_power_demand": meter.maximum_power_demand,
        "export_power_demand": 0.0,
        "maximum_export_power_demand": 0.0,
    }


def drive(drive: Drive) -> Values:
    """The points of profile `demo_pump_drive`."""
    return {
        "mode": drive.manual,
        "manual_speed": drive.manual_reference,
        "state": drive.state,
        "faults": drive.faults,
        "warnings": (drive.current > 10.0) | (drive.temperature > 55.0) << 1 | drive.manual << 3,
        "speed_reference": drive.reference,
        "speed": drive.speed,
        "motor_speed": drive.rpm,
        "output_frequency": drive.speed * 0.5,
        "torque": drive.torque,
        "motor_current": drive.current,
        "dc_bus_voltage": drive.dc_bus,
        "heat_sink_temperature": drive.temperature,
        "power": drive.power,
        "energy": drive.energy,
        "running_time": drive.hours,
        "starts": drive.starts,
    }


def set_drive(drive: Drive, value: Setting) -> None:
    """Take over what a client may set of the drive."""
    drive.manual = value("mode") == 1.0
    drive.manual_reference = value("manual_speed")


def tank(tank: Tank, drive: Drive, age: float) -> Values:
    """The points of profile `demo_tank`."""
    level = tank.measured_level
    return {
        "level_set_point": tank.set_point,
        "alarm_low": tank.alarm_low,
        "alarm_high": tank.alarm_high,
        "pump_command": tank.pump_enabled,
        "outlet_valve": tank.valve_open,
        "alarm_reset": False,
        "level": level,
        "inflow": tank.inflow,
        "outflow": tank.outflow,
        "pressure": tank.pressure,
        "water_temperature": tank.temperature,
        "speed_demand": tank.asked,
        "delivered": tank.delivered,
        "control_state": tank.control_state,
        "cycle_time": 4.1 + 0.6 * (level % 0.1) * 10.0,
        "uptime": 1_036_800 + int(age),
        "level_low_switch": level < LEVEL_LOW,
        "level_high_switch": level > LEVEL_HIGH,
        "overflow_switch": level > LEVEL_OVERFLOW,
        "pump_running": drive.speed >= 0.5,
        "pump_fault": bool(drive.faults),
        "valve_open": tank.valve_open,
        "alarm": tank.alarm,
    }


def set_tank(tank: Tank, value: Setting) -> None:
    """Take over what a client may set of the tank."""
    tank.set_point = value("level_set_point")
    tank.alarm_low, tank.alarm_high = value("alarm_low"), value("alarm_high")
    tank.pump_enabled = bool(value("pump_command"))
    tank.valve_open = bool(value("outlet_valve"))
    if value("alarm_reset"):
        tank.reset_alarm()


def heat_pump(pump: HeatPump) -> Values:
    """The points of profile `demo_heat_pump`."""
    return {
        "enabled": pump.enabled,
        "hot_water_set_point": pump.hot_water_set_point,
        "state": pump.state,
        "error_code": 0,
        "supply_temperature": pump.supply,
        "return_temperature": pump.returned,
        "outside_temperature": pump.outside,
        "hot_water_temperature": pump.hot_water,
        "supply_set_point": pump.set_point,
        "compressor": pump.compressor,
        "fan_speed": pump.fan,
        "circulation": pump.circulation,
        "heat_power": pump.heat,
        "power": pump.power,
        "cop": pump.cop,
        "heat_energy": pump.heat_energy,
        "energy": pump.energy,
        "compressor_time": pump.hours,
        "compressor_starts": pump.starts,
    }


def set_heat_pump(pump: HeatPump, value: Setting) -> None:
    """Take over what a client may set of the heat pump."""
    pump.enabled = bool(value("enabled"))
    pump.hot_water_set_point = value("hot_water_set_point")


def _phase(phase: Phase) -> Values:
    return {
        "voltage": phase.voltage,
        "current": phase.current,
        "power": phase.power,
        "apparent_power": phase.apparent,
        "reactive_power": phase.reactive,
        "power_factor": phase.power_factor,
        "phase_angle": phase.angle,
        "current_demand": phase.current_demand,
        "maximum_current_demand": phase.maximum_current_demand,
        **_energies(phase.energy, phase.reactive_energy),
    }


def _distortion(phase: Phase) -> Values:
    return {"voltage_thd": 1.4 + phase.current * 0.02, "current_thd": 4.0 + 9.0 / (1.0 + phase.current / 4.0)}


def _energies(active: float, reactive: float) -> Values:
    """Nothing of the plant gives energy back to the mains."""
    return {
        "import_energy": active,
        "export_energy": 0.0,
        "total_energy": active,
        "import_reactive_energy": reactive,
        "export_reactive_energy": 0.0,
        "total_reactive_energy": reactive,
    }


def _sums(meter: Meter, frequency: float) -> Values:
    count = len(meter.phases)
    voltage = sum(phase.voltage for phase in meter.phases) / count
    current = sum(phase.current for phase in meter.phases)
    return {
        "voltage_average": voltage,
        "voltage_line_average": voltage * 1.732,
        "current_average": current / count,
        "current_sum": current,
        "neutral_current": meter.neutral_current,
        "power": meter.power,
        "apparent_power": meter.apparent,
        "reactive_power": meter.reactive,
        "power_factor": meter.power / meter.apparent if meter.apparent else 1.0,
        "phase_angle": sum(phase.angle for phase in meter.phases) / count,
        "frequency": frequency,
        "voltage_thd": 1.4 + current / count * 0.02,
        "voltage_thd_line": 1.3,
        "current_thd": 4.0 + 9.0 / (1.0 + current / count / 4.0),
    }


def _added_up(meter: Meter) -> Values:
    return {
        **_energies(meter.energy, meter.reactive_energy),
        "apparent_energy": meter.apparent_energy,
        "charge": meter.charge,
    }


def _demands(meter: Meter) -> Values:
    return {
        "power_demand": meter.power_demand,
        "apparent_power_demand": meter.apparent_demand,
        "maximum_apparent_power_demand": meter.maximum_apparent_demand,
        "neutral_current_demand": meter.neutral_demand,
        "maximum_neutral_current_demand": meter.maximum_neutral_demand,
    }
