"""A simulated plant: one physical model of water, heat and electricity behind six Modbus devices."""

from mbap.server.plant.plant import FAILING, Plant, PlantDevice, PlantServers

__all__ = ["FAILING", "Plant", "PlantDevice", "PlantServers"]
