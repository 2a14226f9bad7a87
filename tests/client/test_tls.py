"""Both clients over TLS, against the server: who is let in, and what is said where not."""

from __future__ import annotations

import pytest

import mbap
from support.certificates import plant
from support.fronts import FRONTS, connected

DEVICE = mbap.Device(holding_registers=[7, 8, 9])


@pytest.mark.parametrize("kind", FRONTS)
@pytest.mark.parametrize("minimum", ["1.2", "1.3"])
def test_a_client_with_a_certificate_reads_over_tls(kind: str, minimum: str) -> None:
    ours = plant()
    with (
        mbap.serving(DEVICE, "tls://127.0.0.1:0", tls=ours["server"].tls(minimum=minimum)) as url,
        connected(kind, url, tls=ours["client"].tls()) as client,
    ):
        assert client.read("hr0..2") == [7, 8, 9]
