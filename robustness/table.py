"""The page docs/reference/robustness.md, and what is printed."""

from __future__ import annotations

import importlib.metadata
import platform
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from robustness.attack import DEAD, MUTE, OTHER, SERVER_CLASSES
from robustness.clients import CLIENTS
from robustness.misbehaviours import ALL, ON_RTU, ON_TCP, TIMEOUT, Misbehaviour
from robustness.servers import SERVERS
from robustness.trial import CLASSES, CRASH, ERROR, HANG, RECOVERY, RIGHT, STUCK, WRONG, Verdict

from robustness import hostile

Verdicts = Mapping[str, Mapping[str, Verdict]]

_INTRODUCTION = """\
What clients do when devices misbehave, and servers when clients do: mbap beside other libraries in Python.
`python3 dev robustness` tries it anew and writes this page. Each trial of a client has a process of its own.
Libraries are used as their documentation shows, with their own defaults except for the timeout. Some repeat a
request, also a write, when no usable answer comes, which turns an error into right data here; mbap
repeats reads when it is told to (`retries`), and never a write."""

CLIENT_WORDS = {
    RIGHT: "right data",
    ERROR: "a clean error, and works again",
    STUCK: f"a clean error, and does not work again within {RECOVERY:g} s",
    WRONG: "wrong data, or a write reported as done that was not confirmed",
    HANG: "no end",
    CRASH: "an error that nobody has to reckon with, such as `struct.error`, or the process died",
}
SERVER_WORDS = {
    RIGHT: "what the standard wants, or a clean end of the connection",
    OTHER: "answers or accepts what it should not, or closes where it should answer; nothing else suffers",
    MUTE: "that connection is neither answered nor closed, at least for a second",
    WRONG: "its memory has changed by what it had to refuse",
    DEAD: "nobody else is served any more",
}


def page(of_clients: Verdicts, of_servers: Verdicts) -> str:
    """The whole page."""
    return "\n".join([*_head(), *_clients(of_clients), *_servers(of_servers)]) + "\n"


def _head() -> Iterator[str]:
    packages = dict.fromkeys([one.package for one in CLIENTS.values()])
    named = ", ".join(f"{package} {_version(package)}" for package in packages)
    yield "# Robustness"
    yield ""
    yield _INTRODUCTION
    yield ""
    yield f"{time.strftime('%Y-%m-%d')}, Python {platform.python_version()}: {named}."


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        needs = max((one.newest for one in CLIENTS.values() if one.package == package), default=(3, 11))
        return f"(not run: it needs Python {needs[0]}.{needs[1]})" if needs > (3, 11) else "(not installed)"


def _clients(verdicts: Verdicts) -> Iterator[str]:
    yield ""
    yield "## Clients"
    yield ""
    yield f"A client with a timeout of {TIMEOUT:g} s asks a device that misbehaves once, and then asks it for"
    yield "other registers; the worse of the two counts."
    yield ""
    yield from _words(CLIENT_WORDS)
    for title, rows in (("Modbus TCP", ON_TCP), ("RTU frames over TCP", ON_RTU)):
        names = [name for name in verdicts if CLIENTS[name].framing == rows[0].framing]
        yield ""
        yield f"### {title}"
        yield ""
        heads = [CLIENTS[name].title for name in names]
        yield from _sums(heads, [verdicts[name] for name in names], CLASSES)
        yield ""
        yield from _rows("the device", heads, rows, [verdicts[name] for name in names])


def _servers(verdicts: Verdicts) -> Iterator[str]:
    yield ""
    yield "## Servers"
    yield ""
    yield "Each input is sent over a connection of its own. Then a read on the same connection and one on a"
    yield "new connection tell what became of it; the memory is compared with what it was."
    yield ""
    yield from _words(SERVER_WORDS)
    yield ""
    heads = [SERVERS[name].title for name in verdicts]
    columns = list(verdicts.values())
    yield from _sums(heads, columns, SERVER_CLASSES)
    yield ""
    yield from _rows("the client sends", heads, hostile.ALL, columns)


def _words(words: Mapping[str, str]) -> Iterator[str]:
    yield "| word | is |"
    yield "| --- | --- |"
    yield from (f"| {word} | {meaning} |" for word, meaning in words.items())


def _sums(
    heads: Sequence[str], columns: Sequence[Mapping[str, Verdict]], words: Sequence[str]
) -> Iterator[str]:
    yield f"| of {len(columns[0]) if columns else 0} | {' | '.join(words)} |"
    yield f"| --- |{' ---: |' * len(words)}"
    for head, column in zip(heads, columns, strict=True):
        counted = Counter(verdict.word for verdict in column.values())
        yield f"| {head} | {' | '.join(str(counted[word]) for word in words)} |"


def _rows(
    what: str,
    heads: Sequence[str],
    rows: Sequence[Misbehaviour] | Sequence[hostile.Hostile],
    columns: Sequence[Mapping[str, Verdict]],
) -> Iterator[str]:
    yield f"| number | {what} | {' | '.join(heads)} |"
    yield f"| --- | --- |{' --- |' * len(heads)}"
    for row in rows:
        words = [_marked(column[row.number].word) for column in columns]
        yield f"| {row.number} | {row.title} | {' | '.join(words)} |"


def _marked(word: str) -> str:
    return word if word in (RIGHT, ERROR) else f"**{word}**"


def sums(of_clients: Verdicts, of_servers: Verdicts) -> str:
    """One line for each client and server."""
    lines = []
    for title, verdicts in (("client", of_clients), ("server", of_servers)):
        for name, column in verdicts.items():
            counted = Counter(verdict.word for verdict in column.values())
            words = ", ".join(f"{word} {count}" for word, count in counted.most_common())
            lines.append(f"{title} {name:<22} {len(column):>3}: {words}")
    return "\n".join(lines)


def seen(of_clients: Verdicts, of_servers: Verdicts) -> str:
    """What was seen in every trial, a line each."""
    titles = {one.number: one.title for one in ALL} | {one.number: one.title for one in hostile.ALL}
    return "\n".join(
        f"{number:<8} {name:<22} {verdict.word:<6} {titles[number]}: {verdict.seen}"
        for verdicts in (of_clients, of_servers)
        for name, column in verdicts.items()
        for number, verdict in column.items()
    )


def bad(of_clients: Verdicts) -> list[str]:
    """What our clients did that they may not."""
    return [
        f"  {name} {number}: {verdict.word}: {verdict.seen}"
        for name, column in of_clients.items()
        if CLIENTS[name].package == "mbap"
        for number, verdict in column.items()
        if verdict.word not in (RIGHT, ERROR)
    ]


def bad_servers(of_servers: Verdicts) -> list[str]:
    """What our server did that it may not."""
    ours = of_servers.get("mbap", {})
    return [
        f"  server {number}: {verdict.word}: {verdict.seen}"
        for number, verdict in ours.items()
        if verdict.word != RIGHT
    ]
