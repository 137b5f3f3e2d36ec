"""Remedies of stored assets: what `policies.remedies` needs, read from the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from inventory.history import typed
from inventory.models import Asset, Source
from inventory.records import Platform
from policies.configuration import configured_checks
from policies.remedies import Filled, Task, deviation, remedy_for
from policies.remedy import Place
from policies.spec import Check, Parameters

Asked = Mapping[str, Parameters]


def asked_now() -> Asked:
    """How every check is set, by its id: one query, for any number of remedies."""
    return {one.check.id: one.params for one in configured_checks()}


def place_of(source: Source, *, shows_address: bool = False) -> Place:
    """The source as a remedy may name it; a recorded bundle has no address.

    Where a platform is reached is for those who see the whole estate; others fill it in.
    """
    is_reached = shows_address and source.connector == Source.Connector.VSPHERE
    parts = urlsplit(source.url) if is_reached else None
    mapping = {str(field): str(name) for field, name in source.attribute_mapping.items()}
    try:
        port = (parts and parts.port) or 443
    except ValueError:
        port = 443
    return Place(
        name=source.name,
        address=(parts and parts.hostname) or "",
        port=port,
        attributes=mapping,
    )


def remedy_of(
    asset: Asset,
    check: Check,
    *,
    key: str,
    evidence: Mapping[str, Any],
    sentence: str,
    asked: Asked,
    shows_address: bool = False,
) -> Filled | None:
    """How this finding is mended, with its names; None when the check has no remedy there.

    The asset comes with its source. `evidence` is what the reader may see of the finding's.
    """
    return remedy_for(
        check,
        Platform(asset.source.platform),
        typed(asset.record),
        key,
        evidence,
        params=asked.get(check.id),
        place=place_of(asset.source, shows_address=shows_address),
        sentence=sentence,
    )


def task_of(
    asset: Asset,
    check: Check,
    *,
    key: str,
    evidence: Mapping[str, Any],
    sentence: str,
    asked: Asked,
    shows_address: bool = False,
) -> Task:
    """The same finding as a part of `script_for_many`."""
    return Task(
        check=check,
        platform=Platform(asset.source.platform),
        found=deviation(
            typed(asset.record),
            key,
            evidence,
            params=asked.get(check.id),
            place=place_of(asset.source, shows_address=shows_address),
        ),
        sentence=sentence,
    )
