"""The request that reads each table."""

from __future__ import annotations

from typing import Final

from mbap.addresses import Table
from mbap.protocol.pdu.bits import ReadCoils, ReadDiscreteInputs
from mbap.protocol.pdu.registers import ReadHoldingRegisters, ReadInputRegisters

READS: Final = {
    Table.COILS: ReadCoils,
    Table.DISCRETE_INPUTS: ReadDiscreteInputs,
    Table.HOLDING_REGISTERS: ReadHoldingRegisters,
    Table.INPUT_REGISTERS: ReadInputRegisters,
}
"""The request that reads each table."""
