"""What is there: hosts, units, registers and functions that answer; slowly, and only by reading."""
