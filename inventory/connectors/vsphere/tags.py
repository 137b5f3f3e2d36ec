"""Tags, which vCenter tells over REST alone: read once, before what they are attached to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from inventory.connectors.base import BlindSpot, Doubt, Item, Tags
from inventory.connectors.vsphere.client import OpenSession
from inventory.connectors.vsphere.mapping.estate import Estate
from inventory.connectors.vsphere.rest import RestRefused, RestSession, RestSpoilt
from inventory.records import Kind

_TAGS_A_CALL: Final = 100
_TAGGED: Final = (Kind.VM, Kind.IMAGE, Kind.HOST, Kind.DATASTORE)


def read_tags(session: OpenSession, estate: Estate) -> Iterator[Item]:
    """Let the estate know its tags; or say why they are unknown, or raise CollectionFailed."""
    estate.tags = None  # until they are known
    try:
        with session.rest() as rest:
            estate.tags = _tags(rest)
    except RestRefused as refused:
        for kind in _TAGGED:
            every = f"every {kind}"
            yield BlindSpot(
                kind=kind, property="tags", count=1, example=every, explanation=str(refused)
            )
    except RestSpoilt as spoilt:
        message = f"vCenter's answer about tags could not be read: {spoilt}."
        yield Doubt(kind=Kind.VM, code="malformed", message=message)


def _tags(rest: RestSession) -> dict[str, Tags]:
    """Object → category → names. Only tags that something carries are asked for their names."""
    carried = _carried(rest, rest.tags())
    categories: dict[str, str] = {}
    found: dict[str, dict[str, set[str]]] = {}
    for identifier, objects in carried.items():
        tag = rest.tag(identifier)
        if tag.category_id not in categories:
            categories[tag.category_id] = rest.category(tag.category_id).name
        for ref in objects:
            names = found.setdefault(ref, {}).setdefault(categories[tag.category_id], set())
            names.add(tag.name)
    return {
        ref: {category: tuple(sorted(names)) for category, names in sorted(own.items())}
        for ref, own in found.items()
    }


def _carried(rest: RestSession, tags: Sequence[str]) -> dict[str, list[str]]:
    carried: dict[str, list[str]] = {}
    for at in range(0, len(tags), _TAGS_A_CALL):
        for attached in rest.attached(tags[at : at + _TAGS_A_CALL]):
            if attached.object_ids:
                carried[attached.tag_id] = [each.id for each in attached.object_ids]
    return carried
