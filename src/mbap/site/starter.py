"""The site file that `mbap site init` writes: complete, commented, and right as it stands."""

STARTER = """\
# A site for mbap. Check it with:  mbap up --check {file}
# Run it with:                     mbap up {file}

[site]
name = "{name}"
# max_open_connections = 100        # idle ones are closed and reopened in turn
# devices_from = "devices.csv"      # more devices: name,host,unit,profile,area,installation

# An endpoint that several devices share: a gateway with meters behind it.
[connections.gateway]
url = "tcp://192.168.1.100"         # port 502; "10.0.0.5:1502" and "[fe80::1]:502" work too
timeout = "3s"                      # for one attempt
# retries = 0                       # repeat a failed read at once
# slots = 1                         # how many connections it takes at a time
# pause = "0ms"                     # silence between two requests

[devices.main_meter]
connection = "gateway"
unit = 1
profile = "sdm630"                  # see: mbap profile list; or a file: "./my_meter.toml"
title = "Main meter"
labels = {{ area = "cellar", installation = "grid" }}

[devices.heating]
connection = "gateway"
unit = 2
profile = "sdm120"
labels = {{ area = "cellar", installation = "heating" }}

# Fifty equal meters in three lines: flat_10 ... flat_59
# [devices.flat]
# host = "192.168.1.[10-59]"
# profile = "sdm120"

# How often the points of a group are read. The profile says which point is in which group.
[groups.fast]
period = "1s"
[groups.default]
period = "5s"
[groups.slow]
period = "60s"

[history]
path = "history.db"                 # beside this file
keep = "400d"                       # samples; hours and days are kept for ever
# max_size = "2GB"                  # the oldest samples go first
# flush = "2s"                      # longer saves an SD card

# [server]                          # what is read, served again as Modbus TCP: mbap site map {file}
# listen = ["tcp://127.0.0.1:1502"]  # beyond this machine: "tcp://0.0.0.0:502"
# writes = false                    # clients may write what profiles call writable

[web]
listen = "127.0.0.1:8502"           # beyond this machine it needs a password: "0.0.0.0:8502" and
# password = "env:MBAP_PASSWORD"    # taken from the environment
"""


def starter(name: str, file: str) -> str:
    """The text of a new site file called *file* for a site called *name*."""
    return STARTER.format(name=name.replace("\\", "\\\\").replace('"', '\\"'), file=file)
