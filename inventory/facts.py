"""A record in words: what every fact is called and how its value reads.

`None` reads "unknown", an empty value reads "none": the two are never confused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec

from inventory.labels import inside
from inventory.labels import label as label
from inventory.labels import label_of_all as label_of_all
from inventory.parts import Member, Part
from inventory.records import AnyRecord, Kind, VirtualMachine, kind_of
from inventory.spoken import spoken

UNKNOWN = "unknown"
NONE = "none"

# How a managed object id is named. Ids that are not resolved (out of scope, retired) stay ids.
NameOf = Callable[[Kind, str], str | None]

# Which kind a field's managed object ids point at.
POINTS_AT: dict[str, Kind] = {
    "host_ref": Kind.HOST,
    "host_refs": Kind.HOST,
    "cluster_ref": Kind.CLUSTER,
    "network_ref": Kind.NETWORK,
    "network_refs": Kind.NETWORK,
    "dv_port_group_ref": Kind.NETWORK,
    "datastore_ref": Kind.DATASTORE,
    "datastore_refs": Kind.DATASTORE,
    "vm_ref": Kind.VM,
    "vm_refs": Kind.VM,
    "switch_ref": Kind.SWITCH,
    "library_item": Kind.IMAGE,
}

# Fields with ids of several kinds, of which one kind is known here.
POINTS_PERHAPS: dict[str, Kind] = {"pool_ancestors": Kind.CLUSTER}

_NAMING = frozenset({"key", "uid", "label", "name", "path", "device"})
# What stands for a child that has no name of its own: the object it is about.
_ABOUT = ("vm_ref", "host_ref")
# What makes a child the same child in the next version, most telling first.
_IDENTITY = ("key", "uid", "path", "device", "name", "mac", *_ABOUT)


def lacking(reason: str) -> str:
    """What a check was not given, in words when the reason is the bare name of a fact."""
    is_field = reason.replace("_", "").isalpha() and reason.islower()
    return label_of_all(reason) if is_field else reason


def unnamed(kind: Kind, ref: str) -> str | None:
    """For callers that resolve no names."""
    return None


def words(field: str, value: Any, name_of: NameOf = unnamed) -> str:
    """The value as people read it."""
    if value is None:
        return UNKNOWN
    if value == "" or value == () or value == {}:
        return NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return _quantity(field, value)
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return _composite(field, value, name_of)


def _composite(field: str, value: Any, name_of: NameOf) -> str:
    if isinstance(value, Part):
        return part_words(value, name_of)
    if isinstance(value, dict):
        return "; ".join(f"{key} = {words('', each)}" for key, each in sorted(value.items()))
    if isinstance(value, tuple) and field == "vlan_ranges":
        return ", ".join(f"{low}–{high}" if low != high else str(low) for low, high in value)
    if _are_parts(value):
        return "; ".join(
            f"{part_name(part, name_of)} ({part_words(part, name_of)})" for part in value
        )
    if isinstance(value, tuple):
        return ", ".join(words(field, each, name_of) for each in value)
    if field in POINTS_AT:
        return name_of(POINTS_AT[field], value) or value
    if field in POINTS_PERHAPS:
        return name_of(POINTS_PERHAPS[field], value) or value
    return spoken(field, str(value))


def _quantity(field: str, value: int) -> str:
    if field.endswith("_bytes"):
        return size(value)
    if field.endswith("_mib"):
        return size(value * 1024 * 1024)
    if field.endswith("_mbps"):
        return f"{value / 1000:g} Gbit/s" if value >= 1000 else f"{value} Mbit/s"
    if field == "vlan_id":
        return {0: "none (0)", 4095: "all (4095)"}.get(value, str(value))
    if field.endswith("_id") or field == "vlans":
        return str(value)
    return f"{value:,}"


def size(count: int) -> str:
    """A number of bytes with a binary unit, at most one decimal."""
    number = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.1f}".removesuffix(".0") + f" {unit}"
        number /= 1024
    return f"{number:,.1f}".removesuffix(".0") + " TiB"


def part_words(part: Part, name_of: NameOf = unnamed) -> str:
    """A child in one line: only what the platform said about it, without its internal key."""
    if isinstance(part, Member):
        return "group" if part.is_group else "user"
    naming = _NAMING | (frozenset() if _own_name(part) else frozenset(_ABOUT))
    said = [
        f"{inside(label(field))} {words(field, value, name_of)}"
        for field, value in _fields(part)
        if value not in (None, "", ()) and field not in naming
    ]
    return ", ".join(said) or "present"


def _own_name(part: Part) -> str | None:
    fields = ("label", "name", "path", "device", "key", "mac")
    found = (getattr(part, field, None) for field in fields)
    return next((str(value) for value in found if value), None)


def part_name(part: Part, name_of: NameOf = unnamed) -> str:
    """What a child is called: its label before its name before its key, or what it is about."""
    own = _own_name(part)
    if own:
        return own
    for field in _ABOUT:
        value = getattr(part, field, None)
        if value:
            return words(field, value, name_of)
    return "without a name"


def part_identity(part: Part) -> tuple[str, str]:
    for field in _IDENTITY:
        value = getattr(part, field, None)
        if value is not None:
            # Two port groups of one name live on two switches.
            return (str(value), str(getattr(part, "switch", "")))
    return ("", "")


def _fields(struct: msgspec.Struct) -> Iterator[tuple[str, Any]]:
    for field in struct.__struct_fields__:
        yield field, getattr(struct, field)


class Fact(msgspec.Struct, frozen=True):
    """One line of a facts table; `parts` has each of several pieces on its own."""

    field: str
    label: str
    text: str
    known: bool
    refs: tuple[tuple[Kind, str], ...] = ()
    parts: tuple[str, ...] = ()


def fact(record: AnyRecord, field: str, name_of: NameOf = unnamed) -> Fact:
    value = _told(record, field)
    refs: tuple[tuple[Kind, str], ...] = ()
    if field in POINTS_AT and value:
        each = (value,) if isinstance(value, str) else value
        refs = tuple((POINTS_AT[field], ref) for ref in each)
    text = words(field, value, name_of)
    parts = tuple(words(field, (part,), name_of) for part in value) if _are_parts(value) else ()
    return Fact(field, label_of_all(field), text, value is not None, refs, parts)


def _told(record: AnyRecord, field: str) -> Any:
    """What a record says in a field; the snapshot a machine runs on as the record names it."""
    value = getattr(record, field)
    if not (field == "current_snapshot" and value and isinstance(record, VirtualMachine)):
        return value
    taken = next((each for each in record.snapshots or () if each.uid == value), None)
    return f"{taken.name}, {words('created_at', taken.created_at)}" if taken else value


def facts(record: AnyRecord, fields: tuple[str, ...], name_of: NameOf = unnamed) -> list[Fact]:
    return [fact(record, field, name_of) for field in fields]


def refs_of(record: AnyRecord) -> set[tuple[Kind, str]]:
    """Every other object a record points at."""
    found: set[tuple[Kind, str]] = set()
    _gather(record, found)
    return found


def _gather(struct: msgspec.Struct, found: set[tuple[Kind, str]]) -> None:
    for field, value in _fields(struct):
        if not value:
            continue
        if field in POINTS_AT:
            kind = POINTS_AT[field]
            found.update((kind, ref) for ref in ((value,) if isinstance(value, str) else value))
        elif field in POINTS_PERHAPS:
            found.update((POINTS_PERHAPS[field], ref) for ref in value)
        elif isinstance(value, tuple):
            for each in value:
                if isinstance(each, Part):
                    _gather(each, found)


# --- differences ------------------------------------------------------------------------------


class Change(msgspec.Struct, frozen=True):
    """One fact that changed: what it is called, what it was, what it is; and which field of the
    record that is, with the key of the child or the entry.
    """

    label: str
    before: str
    after: str
    field: str = ""
    part: str = ""


def difference(before: AnyRecord, after: AnyRecord, name_of: NameOf = unnamed) -> list[Change]:
    """Every fact that changed between two records of one asset, in the order of the fields."""
    if kind_of(before) is not kind_of(after):
        return [Change("Kind", kind_of(before).value, kind_of(after).value)]
    found: list[Change] = []
    for field, old in _fields(before):
        if old != getattr(after, field):
            was, is_ = _told(before, field), _told(after, field)
            found += [
                msgspec.structs.replace(change, field=field)
                for change in _changes(field, label(field), was, is_, name_of)
            ]
    return found


def _changes(field: str, called: str, old: Any, new: Any, name_of: NameOf) -> Iterator[Change]:
    if _are_parts(old) or _are_parts(new):
        yield from _child_changes(called, old, new, name_of)
    elif isinstance(old, dict) and isinstance(new, dict):
        yield from _entry_changes(called, old, new)
    elif isinstance(old, Part) and isinstance(new, Part):
        yield from _part_changes(f"{called}: ", old, new, name_of)
    elif isinstance(old, tuple) and isinstance(new, tuple):
        yield _list_change(field, called, old, new, name_of)
    else:
        yield Change(called, words(field, old, name_of), words(field, new, name_of))


def _entry_changes(called: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Change]:
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            was = words("", old[key]) if key in old else "not set"
            is_ = words("", new[key]) if key in new else "not set"
            yield Change(f"{called} {key}", was, is_, part=key)


def _part_changes(prefix: str, old: Part, new: Part, name_of: NameOf) -> Iterator[Change]:
    for field, value in _fields(old):
        other = getattr(new, field)
        if value != other:
            yield from _changes(field, prefix + inside(label(field)), value, other, name_of)


def _list_change(
    field: str, called: str, old: tuple[Any, ...], new: tuple[Any, ...], name_of: NameOf
) -> Change:
    """What left a plain list and what came; only the order may have changed."""
    gone = tuple(each for each in old if each not in new)
    come = tuple(each for each in new if each not in old)
    if gone or come:
        return Change(called, words(field, gone, name_of), words(field, come, name_of))
    return Change(f"{called}, in order", words(field, old, name_of), words(field, new, name_of))


def _are_parts(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and isinstance(value[0], Part)


def _child_changes(called: str, old: Any, new: Any, name_of: NameOf) -> Iterator[Change]:
    if old is None or new is None:
        yield Change(f"{called} list", _tally(old), _tally(new))
        return
    was = {part_identity(part): part for part in old}
    now = {part_identity(part): part for part in new}
    heirs = _heirs(was, now, name_of)
    for identity in [*was, *(each for each in now if each not in was)]:
        one, other = was.get(identity), now.get(identity)
        if identity in heirs:
            found = [_replacement(called, was[identity], now[heirs[identity]], name_of)]
        elif identity in heirs.values():
            found = []
        else:
            found = list(_child_change(called, one, other, name_of))
        for change in found:
            yield msgspec.structs.replace(change, part=identity[0])


_Children = dict[tuple[str, str], Part]


def _heirs(
    was: _Children, now: _Children, name_of: NameOf
) -> dict[tuple[str, str], tuple[str, str]]:
    """Which child of the same name, and no other, took the place of one that went."""
    gone = _by_name({key: part for key, part in was.items() if key not in now}, name_of)
    come = _by_name({key: part for key, part in now.items() if key not in was}, name_of)
    return {
        keys[0]: come[name][0]
        for name, keys in gone.items()
        if len(keys) == 1 and len(come.get(name, ())) == 1
    }


def _by_name(parts: _Children, name_of: NameOf) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for key, part in parts.items():
        found.setdefault(part_name(part, name_of), []).append(key)
    return found


def _replacement(called: str, old: Part, new: Part, name_of: NameOf) -> Change:
    """Another child of the same name, told by what it does not share with the one before it."""
    differs = [
        field
        for field, value in _fields(old)
        if field not in _NAMING and value != getattr(new, field)
    ]
    before, after = (
        ", ".join(
            f"{inside(label(field))} {words(field, getattr(part, field), name_of)}"
            for field in differs
        )
        or part_words(part, name_of)
        for part in (old, new)
    )
    return Change(f"{called} {part_name(new, name_of)}, replaced", before, after)


def _child_change(
    called: str, one: Part | None, other: Part | None, name_of: NameOf
) -> Iterator[Change]:
    if one is None and other is not None:
        name = f"{called} {part_name(other, name_of)}"
        yield Change(name, "absent", part_words(other, name_of))
    elif other is None and one is not None:
        name = f"{called} {part_name(one, name_of)}"
        yield Change(name, part_words(one, name_of), "removed")
    elif one is not None and other is not None and one != other:
        yield from _part_changes(f"{called} {part_name(other, name_of)}: ", one, other, name_of)


def _tally(value: tuple[Any, ...] | None) -> str:
    return UNKNOWN if value is None else (f"{len(value):,} listed" if value else NONE)
