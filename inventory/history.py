"""What was true of an asset: its versions, the difference between two of them, the record as of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import msgspec
from django.db.models import Q
from django.utils.dateparse import parse_date, parse_datetime

from inventory.facts import Change, NameOf, difference, unnamed
from inventory.labels import inside
from inventory.models import Asset, AssetVersion
from inventory.records import AnyRecord, Kind, decode


def typed(record: dict[str, Any]) -> AnyRecord:
    """The record of a row, as its type."""
    return decode(json.dumps(record))


def moment(text: str | None) -> datetime | None:
    """The moment somebody typed (a day means its last second), or None when it is not one."""
    if not text:
        return None
    try:
        at = parse_datetime(text)
        day = None if at else parse_date(text)
    except ValueError:
        return None
    if day:
        at = datetime.combine(day, time(23, 59, 59))
    if at is None:
        return None
    try:
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except OverflowError:  # the first or the last day there is, in another zone
        return None


def version_at(asset: Asset, at: datetime) -> AssetVersion | None:
    """The version that was true at a moment, or None when the asset was not known then."""
    return (
        asset.versions.filter(valid_from__lte=at)
        .filter(Q(valid_to__isnull=True) | Q(valid_to__gt=at))
        .first()
    )


class Step(msgspec.Struct, frozen=True):
    """A version, typed, with the one before it."""

    version: AssetVersion
    record: AnyRecord
    older: AssetVersion | None
    older_record: AnyRecord | None


class Entry(msgspec.Struct, frozen=True):
    """One line of an asset's history."""

    at: datetime
    sentence: str
    changes: list[Change]
    version: AssetVersion | None = None


PAGE = 20


def steps(
    asset: Asset, *, before: datetime | None = None, size: int = PAGE
) -> tuple[list[Step], datetime | None]:
    """The newest versions (begun before a moment), newest first, and where older ones begin."""
    versions = asset.versions.with_reading().order_by("-valid_from", "-id")
    if before:
        versions = versions.filter(valid_from__lt=before)
    rows = list(versions[: size + 1])
    records = [typed(row.record) for row in rows]
    found = [
        Step(
            version=row,
            record=records[i],
            older=rows[i + 1] if i + 1 < len(rows) else None,
            older_record=records[i + 1] if i + 1 < len(rows) else None,
        )
        for i, row in enumerate(rows[:size])
    ]
    return found, rows[size - 1].valid_from if len(rows) > size else None


def timeline(
    asset: Asset, found: Sequence[Step], *, name_of: NameOf = unnamed, newest: bool = True
) -> list[Entry]:
    """The steps as sentences with their differences; absences stand above the newest of them."""
    entries = [_entry(step, name_of) for step in found]
    return (_absences(asset) if newest else []) + entries


def _entry(step: Step, name_of: NameOf) -> Entry:
    version, older = step.version, step.older
    if older is None or step.older_record is None:
        return Entry(version.valid_from, "First seen.", [], version)
    changes = difference(step.older_record, step.record, name_of)
    sentence = summary(changes)
    if older.valid_to and version.valid_from - older.valid_to > timedelta(seconds=1):
        sentence = f"Came back after it had been away. {sentence}"
    return Entry(version.valid_from, sentence, changes, version)


def summary(changes: Sequence[Change]) -> str:
    """What changed, in a sentence: the first change in full, the others by name."""
    if not changes:
        return "Seen again, unchanged."
    moved = next((change for change in changes if change.label == "Host"), None)
    lead = moved or changes[0]
    if moved:
        sentence = f"Moved from {moved.before} to {moved.after}"
    else:
        sentence = f"{lead.label}: {_short(lead.before)} → {_short(lead.after)}"
    others = [inside(change.label) for change in changes if change is not lead]
    if len(others) > 3:
        return f"{sentence}; and {len(others)} more facts."
    return f"{sentence}; also {', '.join(others)}." if others else f"{sentence}."


def _short(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _absences(asset: Asset) -> list[Entry]:
    found = []
    if asset.gone_at:
        found.append(
            Entry(asset.gone_at, "Retired: absent from two complete collections in a row.", [])
        )
    if asset.missing_since:
        found.append(
            Entry(asset.missing_since, "Missing: a complete collection did not find it.", [])
        )
    return found


def since(asset: Asset, field: str, *, newest: Sequence[AssetVersion] = ()) -> datetime | None:
    """Since when one plain fact of the record is what it is, as far as we have watched.

    Looks through the versions newest first and stops at the first that differs; those that were
    read already (`newest`) are not asked for again.
    """
    current = asset.record.get(field)
    found: datetime | None = None
    for version in newest:
        if version.record.get(field) != current:
            return found
        found = version.valid_from
    versions = asset.versions.order_by("-valid_from", "-id")
    if newest:
        if newest[-1].valid_from <= asset.first_seen_at:
            return found
        versions = versions.filter(valid_from__lt=newest[-1].valid_from)
    rows = versions.values_list("valid_from", f"record__{field}")
    for valid_from, value in rows.iterator(chunk_size=200):
        if value != current:
            break
        found = valid_from
    return found


class Names:
    """Names of the objects some records point at: one query, only what the person may see."""

    def __init__(self, assets: Sequence[Asset]) -> None:
        self.assets = {(Kind(asset.kind), asset.ref): asset for asset in assets}

    def __call__(self, kind: Kind, ref: str) -> str | None:
        asset = self.assets.get((kind, ref))
        return asset.name if asset else None

    def get(self, kind: Kind, ref: str | None) -> Asset | None:
        return self.assets.get((kind, ref)) if ref else None
