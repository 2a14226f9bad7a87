"""Modbus clients, blocking and asyncio."""
