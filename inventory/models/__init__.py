"""What exists and existed: sources, their runs, and assets with every version they ever had."""

from inventory.chronicle.models import (
    BlindInterval,
    MacHolding,
    PlatformEvent,
    StagedEvent,
    Stay,
)
from inventory.models.assets import Asset, AssetVersion, SearchEntry
from inventory.models.kinds import KindChoices
from inventory.models.runs import BlindSpot, Quarantine, StagedRecord, SyncRun, UploadedPart
from inventory.models.sources import Credential, Source
from inventory.watching.models import Watch

__all__ = [
    "Asset",
    "AssetVersion",
    "BlindInterval",
    "BlindSpot",
    "Credential",
    "KindChoices",
    "MacHolding",
    "PlatformEvent",
    "Quarantine",
    "SearchEntry",
    "Source",
    "StagedEvent",
    "StagedRecord",
    "Stay",
    "SyncRun",
    "UploadedPart",
    "Watch",
]
