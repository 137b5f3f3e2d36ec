"""Licences a vCenter holds; their keys stay where they are."""

from __future__ import annotations

from typing import Any

from inventory.connectors.vsphere.mapping.facts import (
    as_number,
    as_text,
    as_time,
    dicts,
)
from inventory.parts import Licence


def licence(found: dict[str, Any]) -> Licence:
    key = as_text(found.get("licenseKey")) or ""
    properties = {
        as_text(each.get("key")): each.get("value") for each in dicts(found.get("properties"))
    }
    return Licence(
        key="…" + key[-6:] if len(key) > 12 else "…",
        name=as_text(found.get("name")) or "",
        edition=as_text(found.get("editionKey")),
        total=as_number(found.get("total")),
        expires_at=as_time(properties.get("expirationDate")),
    )
