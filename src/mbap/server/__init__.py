"""Modbus servers: handlers, devices, simulation."""
