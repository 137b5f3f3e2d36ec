"""What apps above this one add to its pages; they register at start-up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from accounts.models import User
from inventory.models import Asset, BlindSpot
from inventory.records import Kind


class Panel(msgspec.Struct, frozen=True):
    """A part of an asset's page: a template that finds what it shows in `panel`."""

    title: str
    template: str
    content: dict[str, Any]


class Blinded(msgspec.Struct, frozen=True):
    """Something that cannot be answered because of a blind spot."""

    title: str
    address: str


AssetPanel = Callable[[Asset, User, datetime], Panel | None]
asset_panels: list[AssetPanel] = []
blinded_by: list[Callable[[BlindSpot], list[Blinded]]] = []
judged_by: list[Callable[[], frozenset[Kind]]] = []


def panels_of(asset: Asset, user: User, now: datetime) -> list[Panel]:
    """What the other apps say about an asset, in the order they registered."""
    made = (make(asset, user, now) for make in asset_panels)
    return [panel for panel in made if panel is not None]


def blinded(spot: BlindSpot) -> list[Blinded]:
    """What a blind spot keeps from being answered."""
    return [each for find in blinded_by for each in find(spot)]


def is_judged(kind: Kind) -> bool:
    """Whether anything says pass or fail about this kind at all."""
    return any(kind in kinds() for kinds in judged_by)
