"""One target under atheris, guided by coverage: python -m fuzz.with_atheris TARGET [libFuzzer's options].

A process of its own: libFuzzer ends the one that it runs in.
"""

from __future__ import annotations

import sys

import atheris  # type: ignore[import-not-found,import-untyped,unused-ignore]


def main() -> None:
    """Fuzz the target that the first argument names."""
    with atheris.instrument_imports(include=["mbap"], enable_loader_override=False):
        from fuzz.targets import TARGETS

    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
