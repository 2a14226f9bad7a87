"""`mbap policy`: check, explain, compare, test and show what a firewall allows."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mbap.cli import policyarming, policytraffic
from mbap.cli.exits import ExitCode
from mbap.cli.groups import Listing
from mbap.cli.policyasking import Question, question, question_options
from mbap.cli.tables import many, paragraph, table
from mbap.filefaults import FileFaults

if TYPE_CHECKING:
    from mbap.security.policy import Policy, Verdict
    from mbap.security.policycases import CaseModel
    from mbap.security.policyexplain import Step

_AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_OUTPUT = click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file, in UTF-8."
)
_FILE = click.argument("file", type=click.Path(path_type=Path))
_NEAR = 5
"""Rules that nearly fit, and are shown."""


@click.group(cls=Listing, short_help="check, explain and test the rules of a firewall")
def command() -> None:
    """Work with policies: what a firewall for Modbus lets pass.

    A policy is a TOML file, or a text with a rule a line: what does not end in .toml is read as that.

    \b
    Examples:
      mbap policy check plant.toml
      mbap policy explain plant.toml "write hr100=5" --from 10.1.0.7
      mbap policy test plant.toml cases.toml
      mbap policy show rules.txt --format toml -o plant.toml
      mbap policy learn monday.pcapng -o plant.toml
      mbap policy replay plant.toml tuesday.pcapng
    """


_MORE = (
    policytraffic.replay,
    policytraffic.learn,
    policytraffic.export,
    policyarming.arm,
    policyarming.disarm,
)
for one in _MORE:
    command.add_command(one)


def load(file: Path) -> Policy:
    """The policy in *file*.

    Raises:
        FileFaults: everything that is wrong with it.
    """
    from mbap.security.policyfile import load_policy

    return load_policy(file)


@command.command()
@_FILE
@_AS_JSON
@click.pass_context
def check(ctx: click.Context, file: Path, as_json: bool) -> None:
    """Check FILE: everything that is wrong with it, then what is suspicious.

    Rules that never decide, that overlap, that have expired; names that nobody uses; ways to write that a
    rule which denies forgets. Exits with 2 when FILE cannot be used, with 1 when there is any warning.

    \b
    Examples:
      mbap policy check plant.toml
      mbap policy check rules.txt --json
    """
    from mbap.security.policy import Moment
    from mbap.security.policycheck import findings, in_words

    try:
        policy = load(file)
    except FileFaults as error:
        _print_faults(file, error, as_json=as_json)
        ctx.exit(ExitCode.USAGE)
    found = findings(policy, Moment(0.0, time.time_ns() // 1000))
    warnings = sum(one.kind == "warning" for one in found)
    if as_json:
        data = [{"kind": o.kind, "about": o.about, "rule": o.rule, "message": o.message} for o in found]
        _echo_json({"file": str(file), "ok": True, "hash": policy.hash, "faults": [], "findings": data})
    else:
        for sentence in in_words(found):
            click.echo(paragraph(sentence))
        click.echo(f"{file}: {many(len(policy.rules), 'rule')}, {many(warnings, 'warning')}")
    ctx.exit(ExitCode.FAILED if warnings else ExitCode.OK)


def _print_faults(file: Path, error: FileFaults, *, as_json: bool) -> None:
    if as_json:
        faults = [fault.as_json() for fault in error.faults]
        _echo_json({"file": str(file), "ok": False, "hash": None, "faults": faults, "findings": []})
    else:
        click.echo(str(error), err=True)
        click.echo(f"{file}: {many(len(error.faults), 'fault')}")


@command.command()
@_FILE
@click.argument("request", nargs=-1, required=True)
@question_options
@_AS_JSON
@click.pass_context
def explain(ctx: click.Context, /, file: Path, request: tuple[str, ...], as_json: bool, **who: Any) -> None:
    """Say which rule of FILE decides about REQUEST, and by which field.

    REQUEST is in words, or in hexadecimal: a PDU or a whole frame. Rates are taken as unused, and last values
    as unknown. Exits with 0 when it is allowed, with 1 when it is not.

    \b
    Examples:
      mbap policy explain plant.toml read hr0..9 --from 10.1.0.7
      mbap policy explain plant.toml write hr100:float32=42 \\
          --from 10.1.0.7 --role Operator
      mbap policy explain plant.toml "08 0001 0000" --unit 3
    """
    from mbap.security.policyexplain import explain as steps_of

    policy = load(file)
    asked = question(" ".join(request), **who)
    verdict = asked.verdict(policy)
    steps = []
    if verdict is not None:
        steps = steps_of(policy, asked.call, asked.now, asked.ledger(policy), asked.target)
    if as_json:
        _echo_json(_explained(asked, verdict, steps))
    else:
        _print_explained(asked, verdict, steps)
    ctx.exit(ExitCode.OK if verdict is not None and verdict.passes else ExitCode.FAILED)


def _print_explained(asked: Question, verdict: Verdict | None, steps: list[Step]) -> None:
    if verdict is None or asked.asked.request is None:
        click.echo(f"malformed: answered with exception {_code(asked):02X}, and never gets to a rule")
        return
    request = asked.asked.request
    click.echo(f"unit {asked.unit}, function {request.function_code}, {request.title}")
    for side in dict.fromkeys(step.side for step in steps):
        deciding = [step.rule for step in steps if step.side == side and not step.misfits]
        which = f'rule "{deciding[0]}"' if deciding else "no rule is about it"
        click.echo(paragraph(f"  {side}: {which}"))
    click.echo(paragraph(_sentence(verdict)))
    near = sorted((step for step in steps if step.misfits), key=lambda step: len(step.misfits))
    for step in near[:_NEAR] if not verdict.rule else []:
        why = "; ".join(f"{field}: {text}" for field, text in step.misfits)
        click.echo(paragraph(f'  not "{step.rule}": {why}'))


def _sentence(verdict: Verdict) -> str:
    by = f'by rule "{verdict.rule}"' if verdict.rule else "by default"
    if verdict.passes:
        return f"{verdict.action} {by}; log {verdict.log}"
    return f"deny {by}, field {verdict.field}: {verdict.reason}; answer {verdict.answer}, log {verdict.log}"


def _explained(asked: Question, verdict: Verdict | None, steps: list[Step]) -> dict[str, object]:
    if verdict is None or asked.asked.request is None:
        return {"action": "malformed", "answer": f"exception {_code(asked):02X}"}
    request = asked.asked.request
    return {
        "action": verdict.action,
        "rule": verdict.rule or None,
        "rules": list(verdict.rules),
        "field": verdict.field,
        "reason": verdict.reason,
        "answer": None if verdict.passes else str(verdict.answer),
        "log": verdict.log,
        "unit": asked.unit,
        "function": request.function_code,
        "title": request.title,
        "steps": [{"rule": step.rule, "side": step.side, "misfits": dict(step.misfits)} for step in steps],
    }


def _code(asked: Question) -> int:
    return 0 if asked.asked.refusal is None else asked.asked.refusal.code


@command.command("test")
@_FILE
@click.argument("cases", type=click.Path(path_type=Path))
@_AS_JSON
@click.pass_context
def test_(ctx: click.Context, file: Path, cases: Path, as_json: bool) -> None:
    """Put the requests in CASES to FILE, and compare the verdicts with those expected.

    Exits with 1 when any is different.

    \b
    Example:
      mbap policy test plant.toml cases.toml
    """
    from mbap.security.policycases import load_cases

    policy = load(file)
    results = [_tried(policy, case) for case in load_cases(cases)]
    wrong = [one for one in results if one["ok"] is False]
    if as_json:
        _echo_json(results)
    else:
        for one in wrong:
            click.echo(paragraph(f"{one['name']}: expected {one['expected']}, and it is {one['got']}"))
        click.echo(f"{cases}: {many(len(results), 'case')}, {len(wrong)} different")
    ctx.exit(ExitCode.FAILED if wrong else ExitCode.OK)


def _tried(policy: Policy, case: CaseModel) -> dict[str, object]:
    asked = question(
        case.request,
        address=case.address,
        role=case.role,
        subject=case.subject,
        issuer=case.issuer,
        fingerprint=case.fingerprint,
        listener=case.listener,
        unit=case.unit,
        to=case.to,
        at=case.at,
        armed=case.armed or (),
    )
    verdict = asked.verdict(policy)
    got = {"action": "malformed", "rule": "", "field": ""}
    if verdict is not None:
        got = {"action": verdict.action, "rule": verdict.rule, "field": verdict.field}
    expected = {"action": case.expect, "rule": case.rule, "field": case.field}
    expected_said = {key: value for key, value in expected.items() if value is not None}
    return {
        "name": case.name or case.request,
        "ok": all(got[key] == value for key, value in expected_said.items()),
        "expected": _short(expected_said),
        "got": _short(got),
    }


def _short(said: Mapping[str, object]) -> str:
    parts = [str(said["action"])]
    if "rule" in said:
        parts.append(f'by rule "{said["rule"]}"' if said["rule"] else "by default")
    if said.get("field") and said["field"] != "default":
        parts.append(f"field {said['field']}")
    return ", ".join(parts)


@command.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@_AS_JSON
@click.pass_context
def diff(ctx: click.Context, old: Path, new: Path, as_json: bool) -> None:
    """Show what is different from OLD to NEW: rules added, removed, changed, moved, and what they name.

    Exits with 1 when there is any difference.

    \b
    Example:
      mbap policy diff plant.toml plant-new.toml
    """
    from mbap.security.policydiff import differences

    changes = differences(load(old), load(new))
    if as_json:
        rows = [
            {
                "what": o.what,
                "where": o.where,
                "name": o.name,
                "fields": {k: list(v) for k, v in o.fields.items()},
            }
            for o in changes
        ]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False, default=str))
    else:
        for one in changes:
            click.echo(paragraph(str(one)))
        click.echo(many(len(changes), "difference"))
    ctx.exit(ExitCode.FAILED if changes else ExitCode.OK)


@command.command()
@_FILE
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "toml", "compact", "json"]),
    default="table",
    help="toml and compact can be read again; compact has no words for everything.",
)
@_AS_JSON
@_OUTPUT
def show(file: Path, form: str, as_json: bool, output: Path | None) -> None:
    """Show what FILE says, as a table, or convert it.

    \b
    Examples:
      mbap policy show plant.toml
      mbap policy show rules.txt --format toml -o plant.toml
      mbap policy show plant.toml --format compact
    """
    policy = load(file)
    text = _shown(policy, "json" if as_json else form)
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8", newline="\n")


def _shown(policy: Policy, form: str) -> str:
    if form == "toml":
        return str(policy)
    if form == "compact":
        from mbap.security.compactwriter import compact_text

        return compact_text(policy)
    from mbap.security.policytext import policy_data

    data = policy_data(policy)
    if form == "json":
        whole = {"hash": policy.hash, **data, "rules": list(data["rules"].values())}
        return json.dumps(whole, indent=2, ensure_ascii=False, default=str) + "\n"
    return _table(policy, data["rules"])


def _table(policy: Policy, rules: Mapping[str, Mapping[str, object]]) -> str:
    heads = ("#", "rule", "action", "from", "to", "unit", "function", "address", "limits", "log")
    rows = [(str(number), *_row(rule)) for number, rule in enumerate(rules.values(), start=1)]
    default = policy.default
    last = f"otherwise deny, {default.answer}, log {default.log}; mode {policy.mode}; hash {policy.hash[:16]}"
    return f"{table(heads, rows, right={0})}\n{paragraph(last)}\n"


def _row(rule: Mapping[str, object]) -> tuple[str, ...]:
    limits = [
        f"{key} {_cell(rule[key])}"
        for key in ("points", "count", "rate", "when", "armed", "expires", "enabled")
        if key in rule
    ]
    where = [_cell(rule[key]) for key in ("address", "address_read", "address_write") if key in rule]
    return (
        _cell(rule["id"]),
        _cell(rule["action"]),
        _cell(rule.get("from", "anybody")),
        _cell(rule.get("to", "any")),
        _cell(rule["unit"]),
        _cell(rule["function"]),
        "; ".join(where) or "any",
        "; ".join(limits) or "-",
        _cell(rule.get("log", "-")),
    )


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{key} {_cell(one)}" for key, one in value.items())
    if isinstance(value, list):
        return ",".join(_cell(one) for one in value)
    return str(value)


@command.command()
@_OUTPUT
def schema(output: Path | None) -> None:
    """Print the JSON Schema of policy files, for editors that complete and check TOML.

    \b
    Example:
      mbap policy schema -o policy.schema.json
    """
    from mbap.security.policyfile import policy_json_schema

    text = json.dumps(policy_json_schema(), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8", newline="\n")


def _echo_json(data: object) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))
