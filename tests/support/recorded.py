"""The names of the recorded traffic that tests look for in the folder of MBAP_CAPTURES."""

from __future__ import annotations

NAMES = [
    "ekin_FC1-permit.pcap",
    "ekin_ModbusFloat.pcap",
    "ekin_modbus-mask-write-register.pcap",
    "icsnpp_modbus_example.pcap",
    "iti_ModbusTCP_plant1.pcap",
    "iti_modbus_test.pcap",
    "iti_modbus_test_data_part1.pcap",
    "lemay_channel_4d_12s.pcap",
    "lemay_fake_command_p502.pcap",
    "lemay_normal_exploit_run_p502.pcap",
    "lemay_normal_moving_files_p502.pcap",
    "ndpi_modbus.pcap",
    "suricata-verify_modbus.pcap",
    "zeek_modbus-eit.pcap",
    "zeek_modbusSmall.pcap",
]
