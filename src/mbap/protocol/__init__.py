"""Modbus as pure functions and state machines: no socket, clock, thread, task or log."""
