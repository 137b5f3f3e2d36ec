"""What is published of a source, for what can only be noticed by comparing."""

from __future__ import annotations

from typing import Final

from inventory.connectors.base import Tags
from inventory.models import Source
from inventory.records import KIND_OF

_TAGGED: Final = [kind for type_, kind in KIND_OF.items() if "tags" in type_.__struct_fields__]


def tags(source: Source) -> dict[str, Tags | None]:
    """The tags of everything that can carry some, by its reference; None: they are unknown."""
    there = source.assets.present().filter(missing_since__isnull=True, kind__in=_TAGGED)
    return {
        ref: None if told is None else {category: tuple(names) for category, names in told.items()}
        for ref, told in there.values_list("ref", "record__tags")
    }
