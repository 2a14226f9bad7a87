"""`python -m robustness.worker CLIENT NUMBER`: one trial in a process of its own, its verdict as JSON."""

from __future__ import annotations

import json
import logging
import sys
import warnings

from robustness.clients import CLIENTS
from robustness.misbehaviours import ALL
from robustness.trial import tried


def main() -> None:
    """Try what the command line names."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    client, number = CLIENTS[sys.argv[1]], sys.argv[2]
    misbehaviour = next(one for one in ALL if one.number == number)
    print(json.dumps(tried(client, misbehaviour).as_json()), flush=True)


if __name__ == "__main__":
    main()
