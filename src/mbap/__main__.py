"""`python -m mbap`: the same as `mbap`."""

from mbap.cli.main import main

main()
