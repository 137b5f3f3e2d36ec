"""A connector that yields what a test hands it: the one seam where a fake stands in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from inventory.connectors.base import Count, Identity, Item
from inventory.records import AnyRecord, Kind, Platform, PlatformSettings, Role, kind_of

INSTANCE = "0e6b9f3a-0000-4000-8000-000000000001"


def platform(uid: str = INSTANCE) -> PlatformSettings:
    return PlatformSettings(
        platform=Platform.VSPHERE, uid=uid, ref="ServiceInstance", name="vc", product="VMware"
    )


def role(uid: str = "-2", name: str = "ReadOnly") -> Role:
    return Role(platform=Platform.VSPHERE, uid=uid, ref=uid, name=name, privileges=())


class FakeConnector:
    """Says it has exactly what it yields, unless `extra` (Doubts, Counts …) says otherwise."""

    platform = Platform.VSPHERE

    def __init__(
        self, *records: AnyRecord, extra: Iterable[Item] = (), fail: Exception | None = None
    ) -> None:
        self.records = (platform(), *records) if not _has_platform(records) else records
        self.extra = tuple(extra)
        self.fail = fail

    def probe(self) -> Identity:
        return Identity(
            instance_uuid=INSTANCE, product="VMware", version="8", build="1", account="a"
        )

    def collect(self) -> Iterator[Item]:
        yield from self.records
        if self.fail is not None:
            raise self.fail
        counts = Counter(kind_of(record) for record in self.records)
        told = {item.kind for item in self.extra if isinstance(item, Count)}
        for kind in Kind:
            if kind not in told:
                yield Count(kind=kind, expected=counts[kind])
        yield from self.extra


def _has_platform(records: Iterable[AnyRecord]) -> bool:
    return any(isinstance(record, PlatformSettings) for record in records)
