"""The catalogue of checks as pages to read, rendered from the registry and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from inventory.records import Platform
from policies.document import Area, Document
from policies.remedies import Filled, templates
from policies.remedy import NOUNS
from policies.spec import Check, Parameters

PLATFORMS = {
    Platform.VSPHERE: "vSphere",
    Platform.HYPERV: "Hyper-V",
    Platform.KVM: "KVM",
}
AREAS = {
    Area.SCOPE: "Scope",
    Area.SEGREGATION: "Segregation",
    Area.SECURING: "Securing and patching",
    Area.MONITORING: "Monitoring and response",
    Area.CHANGE: "Change",
}
SCRIPTS = """\
The page of a check says how a deviation is mended. On the page of a finding the same steps and the
same script have the names of that finding in them; what the facts do not say stays a blank in
«these marks», and stops the script until it is filled in. vmgov never runs a script. A script
connects to the vCenter of the finding with your own account, addresses objects by their managed
object id, shows what it would do, and changes nothing until you set `$change` to `$true` at its
top; then it asks before each change while `$ask` is `$true`. It needs VMware PowerCLI."""
NOTE = "<!-- Made by `manage.py catalogue` from the checks. Change the check, not this page. -->"


class Parameter(msgspec.Struct, frozen=True):
    """One thing an operator may set on a check."""

    name: str
    type: str
    default: Any  # as JSON knows it
    description: str


def parameters(params: type[Parameters]) -> tuple[Parameter, ...]:
    """What may be set on a check with these parameters, in the order of declaration."""
    defaults = msgspec.to_builtins(params())
    described = msgspec.inspect.type_info(params)
    if not isinstance(described, msgspec.inspect.StructType):
        raise TypeError(f"{params.__name__} is not a struct")
    return tuple(
        Parameter(
            name=field.encode_name,
            type=_type_name(field.type),
            default=json.loads(json.dumps(defaults[field.encode_name])),
            description=_description(field.type),
        )
        for field in described.fields
    )


def _description(described: msgspec.inspect.Type) -> str:
    if isinstance(described, msgspec.inspect.Metadata):
        return str((described.extra_json_schema or {}).get("description", ""))
    return ""


def _type_name(described: msgspec.inspect.Type) -> str:
    """The type in words an operator knows."""
    match described:
        case msgspec.inspect.Metadata(type=inner):
            return _type_name(inner)
        case msgspec.inspect.VarTupleType(item_type=item):
            return f"list of: {_type_name(item)}"
        case msgspec.inspect.TupleType(item_types=items):
            return "pair of: " + ", ".join(dict.fromkeys(_type_name(item) for item in items))
        case msgspec.inspect.DictType(value_type=value):
            return f"names, each with a {_type_name(value)}"
        case _:
            return _simple_type_name(described)


def _simple_type_name(described: msgspec.inspect.Type) -> str:
    match described:
        case msgspec.inspect.BoolType():
            return "true or false"
        case msgspec.inspect.IntType(ge=minimum):
            return "whole number" if minimum is None else f"whole number from {minimum}"
        case msgspec.inspect.LiteralType(values=values):
            return "one of " + ", ".join(str(value) for value in values)
        case msgspec.inspect.EnumType(cls=choices):
            return "one of " + ", ".join(str(choice.value) for choice in choices)
        case _:
            return "text"


def pages(checks: Iterable[Check], document: Document) -> dict[str, str]:
    """Every page of the catalogue by its file name."""
    listed = tuple(checks)
    found = {f"{check.id}.md": page(check, document) for check in listed}
    return {**found, "index.md": index(listed, document)}


def page(check: Check, document: Document) -> str:
    """What there is to know about one check."""
    return "\n".join([NOTE, f"# {check.title}", "", *_facts(check, document), *_body(check)]) + "\n"


def _facts(check: Check, document: Document) -> Iterator[str]:
    platforms = ", ".join(PLATFORMS[platform] for platform in check.fix)
    yield f"- Id: `{check.id}`"
    if check.aliases:
        yield f"- Former ids: {_code(check.aliases)}"
    yield f"- Judges: every {NOUNS[check.kind]} on {platforms}"
    yield f"- Severity: {check.severity}"
    for id in check.statements:
        yield f"- Policy statement: {id}, {document.statement(id).title}"
    yield f"- Decided by: {_code(check.facts)}; without them the answer is *unknown*"
    if check.reads:
        yield f"- And by other records: {_code(check.reads)}"
    if "now" in check.wants:
        yield "- The answer can change with time alone"
    if check.controls:
        yield f"- Related hardening controls: {', '.join(check.controls)}"


def _body(check: Check) -> Iterator[str]:
    yield from ("", "## Why", "", check.why)
    settable = parameters(check.params)
    if settable:
        yield from ("", "## Parameters", "", "| name | meaning | type | default |")
        yield "|---|---|---|---|"
        for one in settable:
            default = json.dumps(one.default, ensure_ascii=False)
            yield f"| `{one.name}` | {_cell(one.description)} | {one.type} | `{_cell(default)}` |"
    for platform, fix in check.fix.items():
        yield from ("", f"## How to fix it on {PLATFORMS[platform]}", "", fix)
        for remedy in templates(check, platform):
            yield from _remedy(remedy)


def _remedy(remedy: Filled) -> Iterator[str]:
    """One remedy with its blanks empty; a finding fills in what is known of it."""
    if remedy.when:
        yield from ("", f"### When {remedy.when}")
    yield ""
    yield from (f"{number}. {step}" for number, step in enumerate(remedy.steps, start=1))
    yield from ("", f"- Needs: {remedy.needs}", f"- Interrupts: {remedy.effect}")
    yield f"- Check at once: {remedy.verify}"
    if remedy.commands is None:
        yield f"- There is no script: {remedy.because}"
    else:
        yield from ("", "```powershell", remedy.commands, "```")


def index(checks: tuple[Check, ...], document: Document) -> str:
    """All checks by area, and the statements that no check covers."""
    lines = [NOTE, "# Checks", "", f"{len(checks)} checks, by the area of their first statement."]
    lines += ["", SCRIPTS]
    for area in Area:
        members = [
            check for check in checks if document.statement(check.statements[0]).area is area
        ]
        if members:
            lines += ["", f"## {AREAS[area]}", "", "| check | asks | severity | statements |"]
            lines.append("|---|---|---|---|")
        lines += [
            f"| [{check.id}]({check.id}.md) | {_cell(check.title)} | {check.severity} "
            f"| {', '.join(check.statements)} |"
            for check in members
        ]
    covered = {id for check in checks for id in check.statements}
    uncovered = [one for one in document.statements if one.id not in covered]
    lines += ["", "## Statements without a check", ""]
    lines += [f"- {one.id} {one.title} ({', '.join(one.basis)})" for one in uncovered]
    return "\n".join(lines) + "\n"


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _cell(text: str) -> str:
    """Text that does not end a table cell."""
    return text.replace("|", "\\|")
