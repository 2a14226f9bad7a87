"""The programs in examples/, as a user starts them."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import mbap

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGINT of one process")
def test_the_gateway_in_python_routes_permits_and_counts() -> None:
    devices = mbap.Units({5: mbap.Device(holding_registers=[55] * 120)})
    with mbap.serving(devices, "rtu+tcp://127.0.0.1:0") as line:
        command = [sys.executable, str(EXAMPLES / "gateway.py"), line, "tcp://127.0.0.1:0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout is not None
            url = program.stdout.readline().split()[2]
            with mbap.Client(url, retries=0) as client:
                for _ in range(2):
                    assert client.unit(5).read_holding_registers(0, 2) == [55, 55]
                for unit, address in ((5, 100), (105, 0)):
                    with pytest.raises(mbap.IllegalFunction):
                        client.unit(unit).write_single_register(address, 7)
                client.unit(105).write_single_register(100, 7)
                assert client.unit(5).read_holding_registers(100, 1) == [7]
                with pytest.raises(mbap.GatewayPathUnavailable):
                    client.unit(99).read_holding_registers(0, 1)
            program.send_signal(signal.SIGINT)
            said = program.stdout.read()
            assert program.wait(20) == 0
    assert "setting 5: 2 requests, 1 answers" in said
    assert "watching 5: 4 requests, 3 answers" in said
    assert "from the cache: 1" in said
