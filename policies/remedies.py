"""How one finding is mended: the remedy of its check with the finding's own names filled in.

Nothing here runs anything: a script is text for a person to read, copy and run. Names come from
whoever may name a machine, so a value reaches a script only as a quoted literal that is assigned to
a variable; the code around it is the same whatever the names are. A script shows what it would do
and changes nothing until its reader sets `$change` to `$true`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import msgspec

from inventory.records import AnyRecord, Kind, Platform
from policies.powershell import Unquotable, comment, quoted, remark
from policies.remedy import (
    PLACEHOLDER,
    VARIABLE,
    Blank,
    Deviation,
    Place,
    Remedy,
    Value,
    standard_blanks,
)
from policies.spec import OTHERS, Check
from ui.inert import shortened

INDENT = "    "
SHOWN = 300  # of a value that is named in a sentence
ADDRESS = "address of the vCenter"
PROMISE = "vmgov wrote this script and never runs it. Read it before you do."
FRAME = """\
$change = $false  # $false only shows what would be done, $true does it
$ask = $true  # ask before each change
$ErrorActionPreference = 'Stop'
$WhatIfPreference = -not $change
$ConfirmPreference = 'None'
function Confirm-Change([string] $what) {
    Write-Host ('To do: ' + ($what -replace '\\p{C}', '?'))
    if (-not $change) { return $false }
    return (-not $ask) -or ((Read-Host 'Type yes to do it') -eq 'yes')
}
function Assert-Filled([string[]] $blanks) {
    foreach ($blank in $blanks) { if ($blank -like '«*') { throw "Fill in $blank" } }
}"""


class Filled(msgspec.Struct, frozen=True, kw_only=True):
    """A remedy for one finding. Steps are plain text: escape them where they are shown."""

    steps: tuple[str, ...]
    verify: str
    needs: str
    effect: str
    script: str | None = None  # whole: as it is copied
    commands: str | None = None  # its middle: what is particular to this finding
    because: str = ""  # why there is no script
    when: str = ""
    blanks: tuple[str, ...] = ()  # what is left for people to fill in


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One finding that a script for many is to mend."""

    check: Check
    platform: Platform
    found: Deviation
    sentence: str  # the finding's message


def remedy_for(
    check: Check,
    platform: Platform,
    record: AnyRecord,
    key: str,
    evidence: Mapping[str, Any],
    *,
    params: msgspec.Struct | None = None,
    place: Place | None = None,
    sentence: str = "",
) -> Filled | None:
    """The remedy of a finding with its names filled in; None when the check has none there.

    `params` is how the check is set: without it, expected values stay blanks. `place` is the
    source: without its address, the script asks for it.
    """
    found = deviation(record, key, evidence, params=params, place=place)
    remedy = _fitting(check, platform, found)
    if remedy is None:
        return None
    filled = _filled(remedy, found)
    if filled.commands is None:
        return filled
    asks = () if _quoted_or_none(found.place.address) else (ADDRESS,)
    return msgspec.structs.replace(
        filled,
        script=_whole(check, filled, found.place, sentence),
        blanks=(*filled.blanks, *asks),
    )


def deviation(
    record: AnyRecord,
    key: str,
    evidence: Mapping[str, Any],
    *,
    params: msgspec.Struct | None = None,
    place: Place | None = None,
) -> Deviation:
    """What a remedy may know of a finding: not what its evidence says about assets of others."""
    own = {name: value for name, value in evidence.items() if name != OTHERS}
    return Deviation(record=record, key=key, evidence=own, params=params, place=place or Place())


def templates(check: Check, platform: Platform) -> tuple[Filled, ...]:
    """The remedies of a check as they are before a finding fills them in: all blanks empty."""
    return tuple(_template(remedy, check.kind) for remedy in check.remedies.get(platform, ()))


def script_for_many(tasks: Sequence[Task], *, title: str, asked_by: str, asked_at: datetime) -> str:
    """One script for the findings of a plan: by source, each part headed by its sentence.

    A part that fails does not keep the others from running. What no script can do is listed at the
    end as comments.
    """
    filled = [(task, _filled_task(task)) for task in tasks]
    numbered = [(at, task, one) for at, (task, one) in enumerate(filled, start=1)]
    scripted = sorted(
        ((at, task, one) for at, task, one in numbered if one is not None and one.commands),
        key=lambda each: (each[1].found.place.name, each[1].found.place.address),
    )
    lines = [
        comment(f"vmgov: {title}"),
        comment(f"Asked for by {asked_by} at {asked_at.isoformat(timespec='minutes')}."),
        comment(f"{len(scripted)} of {len(tasks)} findings are in the script; {PROMISE}"),
        *([_framed(list(_by_source(scripted, len(tasks))))] if scripted else []),
        *_by_hand([each for each in numbered if each[2] is None or not each[2].commands]),
    ]
    return "\n".join(lines) + "\n"


# --- filling ----------------------------------------------------------------------------------


def _fitting(check: Check, platform: Platform, found: Deviation) -> Remedy | None:
    """The first remedy that fits; a case that the facts do not settle is not it."""
    remedies = check.remedies.get(platform, ())
    return next((one for one in remedies if one.fits is None or one.fits(found)), None)


def _filled_task(task: Task) -> Filled | None:
    remedy = _fitting(task.check, task.platform, task.found)
    return None if remedy is None else _filled(remedy, task.found)


def _filled(remedy: Remedy, found: Deviation) -> Filled:
    blanks = {**standard_blanks(found.kind), **remedy.blanks}
    values = {name: blank.value(found) for name, blank in blanks.items()}
    commands, unfit = _commands(remedy, blanks, values)
    shown = _named(remedy)
    left = [name for name in blanks if values[name] is None and name in shown]
    return _written(remedy, blanks, values, commands=commands, left=[*left, *unfit])


def _template(remedy: Remedy, kind: Kind) -> Filled:
    blanks = {**standard_blanks(kind), **remedy.blanks}
    commands = None
    if remedy.script is not None:
        names = _used(remedy.script, blanks)
        lines = [f"${name} = {_fixed(blanks[name])}" for name in names]
        commands = "\n".join([*lines, remedy.script.strip()])
    values = {name: blank.always for name, blank in blanks.items()}
    left = [name for name in blanks if name in _named(remedy) and values[name] is None]
    return _written(remedy, blanks, values, commands=commands, left=left)


def _written(
    remedy: Remedy,
    blanks: Mapping[str, Blank],
    values: Mapping[str, Value],
    *,
    commands: str | None,
    left: Iterable[str],
) -> Filled:
    fill = _filler(blanks, values)
    return Filled(
        steps=tuple(fill(step) for step in remedy.steps),
        verify=fill(remedy.verify),
        needs=fill(remedy.needs),
        effect=fill(remedy.effect),
        commands=commands,
        because=remedy.because,
        when=remedy.when,
        blanks=tuple(dict.fromkeys(blanks[name].label for name in left)),
    )


def _filler(blanks: Mapping[str, Blank], values: Mapping[str, Value]) -> Callable[[str], str]:
    """A function that writes the values into a text, once: a value is not looked into again."""

    def written(name: str) -> str:
        value = values[name]
        return f"«{blanks[name].label}»" if value is None else shortened(str(value), SHOWN)

    return lambda text: PLACEHOLDER.sub(lambda match: written(match[1]), text)


def _named(remedy: Remedy) -> set[str]:
    """The blanks that a reader of the remedy meets."""
    texts = (*remedy.steps, remedy.verify, remedy.needs, remedy.effect)
    named = {name for text in texts for name in PLACEHOLDER.findall(text)}
    return named | set(VARIABLE.findall(remedy.script or ""))


def _used(script: str, blanks: Mapping[str, Blank]) -> list[str]:
    variables = set(VARIABLE.findall(script))
    return [name for name in blanks if name in variables]


def _commands(
    remedy: Remedy, blanks: Mapping[str, Blank], values: Mapping[str, Value]
) -> tuple[str | None, list[str]]:
    """The script with its values assigned first, and the blanks whose value cannot be written."""
    if remedy.script is None:
        return None, []
    lines: list[str] = []
    left: list[str] = []
    unfit: list[str] = []
    for name in _used(remedy.script, blanks):
        value, label = values[name], blanks[name].label
        try:
            lines.append(f"${name} = {_assigned(value, label)}")
        except Unquotable:
            unfit.append(name)
            text = comment(f"it has characters that nobody sees: {str(value)[:80]}")
            lines.append(f"${name} = {_open(blanks[name])}  {text}")
        if value is None or name in unfit:
            left.append(name)
    if left:
        lines.append(_guard(left))
    return "\n".join([*lines, remedy.script.strip()]), unfit


def _assigned(value: Value, label: str) -> str:
    match value:
        case None:
            return f"'«{label}»'  # fill this in"
        case int():
            return str(value)
        case text if text.isascii():
            return quoted(text)
        case text:
            return f"{quoted(text)}  {remark(text)}"


def _fixed(blank: Blank) -> str:
    return _open(blank) if blank.always is None else _assigned(blank.always, blank.label)


def _open(blank: Blank) -> str:
    return f"'«{blank.label}»'"


def _guard(names: Iterable[str]) -> str:
    """A line that stops the script while one of its blanks is empty."""
    return f"Assert-Filled {', '.join(f'${name}' for name in names)}"


# --- whole scripts ----------------------------------------------------------------------------


def _whole(check: Check, filled: Filled, place: Place, sentence: str) -> str:
    head = [
        comment(f"vmgov, {check.id}: {sentence or check.title}"),
        comment(PROMISE),
        comment(f"Needs: {filled.needs}"),
        comment(f"Interrupts: {filled.effect}"),
    ]
    return "\n".join([*head, _framed([*_connected(place), _block(filled.commands or "")])]) + "\n"


def _framed(lines: Sequence[str]) -> str:
    """The lines in a block of their own, so that pasting them leaves nothing behind."""
    return "\n".join(["& {", _indented(FRAME), *(_indented(line) for line in lines), "}"])


def _connected(place: Place) -> list[str]:
    port = "" if place.port == 443 else f" -Port {place.port}"
    address = _quoted_or_none(place.address)
    if address is not None:
        return [f"$server = Connect-VIServer -Server {address}{port}  # asks who you are"]
    return [
        f"$address = '«{ADDRESS}»'  # fill this in",
        _guard(["address"]),
        f"$server = Connect-VIServer -Server $address{port}  # asks who you are",
    ]


def _quoted_or_none(text: str) -> str | None:
    """The text as a literal; None when there is none or it cannot be written."""
    try:
        return quoted(text) if text.strip() else None
    except Unquotable:
        return None


def _block(commands: str) -> str:
    return "\n".join(["& {", _indented(commands), "}"])


def _indented(text: str) -> str:
    return "\n".join(f"{INDENT}{line}" if line else "" for line in text.split("\n"))


Numbered = tuple[int, Task, Filled | None]


def _by_source(numbered: Iterable[Numbered], total: int) -> Iterable[str]:
    for place, group in groupby(numbered, key=lambda each: each[1].found.place):
        parts = [
            line
            for at, task, filled in group
            if filled is not None
            for line in _part(at, total, task, filled)
        ]
        yield comment(f"===== Source {place.name or place.address or 'not named'}")
        body = "\n".join([*_connected(place), *parts])
        yield _tried(body, "'A source was left out: '")


def _part(at: int, total: int, task: Task, filled: Filled) -> list[str]:
    return [
        comment(f"--- {at} of {total}: {task.sentence}"),
        comment(f"Needs: {filled.needs}"),
        comment(f"Interrupts: {filled.effect}"),
        _tried(filled.commands or "", f"'{at} of {total} was not done: '"),
    ]


def _tried(commands: str, warning: str) -> str:
    """The commands in a scope of their own, whose failure is told and ends nothing else."""
    return "\n".join(
        [
            "try {",
            _indented(_block(commands)),
            f"}} catch {{ Write-Warning ({warning} + $_.Exception.Message) }}",
        ]
    )


def _by_hand(numbered: Iterable[Numbered]) -> Iterable[str]:
    for at, task, filled in numbered:
        yield comment(f"--- {at}, by hand: {task.sentence}")
        if filled is None:
            yield comment("No remedy is known for this platform.")
            continue
        yield comment(f"Why there is no script: {filled.because}")
        yield from (comment(f"Step: {step}") for step in filled.steps)
