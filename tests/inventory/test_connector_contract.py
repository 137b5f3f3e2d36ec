"""What every connector promises. A new platform adds a line to CONNECTORS and passes all of it."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from inventory.carrying import collect
from inventory.connectors import sealed, signing
from inventory.connectors.base import (
    NOTES,
    Connector,
    Count,
    Doubt,
    Item,
    Unreadable,
)
from inventory.connectors.bundle import BundleConnector, write_bundle
from inventory.connectors.vsphere import tls
from inventory.connectors.vsphere.connector import VsphereConnector
from inventory.records import (
    KIND_OF,
    AnyRecord,
    Kind,
    Platform,
    PlatformSettings,
    decode,
    encode,
    kind_of,
)
from tests.peers.vcsim import start_vcsim

pytestmark = pytest.mark.integration


@contextmanager
def vsphere(folder: Path) -> Iterator[Connector]:
    with start_vcsim(
        cluster=1,
        host=2,
        vm=4,
        seed="contract",
        scenario={
            "ops": [
                {"op": "create_snapshot", "vm": "DC0_H0_VM0", "name": "before", "description": "x"},
                {"op": "custom_field", "name": "Owner"},
                {"op": "custom_value", "target": "DC0_H0_VM0", "name": "Owner", "value": "Ann"},
                {"op": "create_vm", "name": "gold", "template": True},
            ]
        },
    ) as vcenter:
        yield VsphereConnector(
            url=vcenter.url,
            username=vcenter.readonly_username,
            password=vcenter.readonly_password,
            trust=tls.PinnedTrust(vcenter.cert_pem.read_text()),
            attributes={"owner": "Owner"},
        )


@contextmanager
def bundle(folder: Path) -> Iterator[Connector]:
    with vsphere(folder) as live:
        items = list(live.collect())
    path = folder / "recorded.vmgov"
    write_bundle(
        path,
        title="Contract",
        platform=Platform.VSPHERE,
        collections=[(datetime(2026, 1, 1, tzinfo=UTC), items)],
    )
    yield BundleConnector(path)


@contextmanager
def carried(folder: Path) -> Iterator[Connector]:
    path, key = folder / "carried.vmgov", signing.new_key()
    with vsphere(folder) as live:
        collect(live, path, key=key, collector="9.9", clock=lambda: datetime.now(UTC))
    with path.open("rb") as file:
        yield sealed.CarriedConnector(file, sealed.verified(file, key=key.public_key()))


CONNECTORS: dict[str, Callable[[Path], AbstractContextManager[Connector]]] = {
    "vsphere": vsphere,
    "bundle": bundle,
    "carried": carried,
}


@pytest.fixture(scope="module", params=CONNECTORS)
def connector(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Connector]:
    with CONNECTORS[request.param](tmp_path_factory.mktemp(request.param)) as made:
        yield made


@pytest.fixture(scope="module")
def items(connector: Connector) -> list[Item]:
    return list(connector.collect())


@pytest.fixture(scope="module")
def records(items: list[Item]) -> list[AnyRecord]:
    return [item for item in items if not isinstance(item, NOTES)]


def test_the_first_item_is_the_platform_the_probe_names(
    connector: Connector, items: list[Item]
) -> None:
    first = items[0]

    assert isinstance(first, PlatformSettings)
    assert first.uid == connector.probe().instance_uuid


def test_every_item_is_a_record_or_one_of_the_notes(items: list[Item]) -> None:
    assert {type(item) for item in items} <= {*KIND_OF, *NOTES}


def test_every_record_is_of_the_connectors_platform_and_has_an_identity(
    connector: Connector, records: list[AnyRecord]
) -> None:
    for record in records:
        assert record.platform == connector.platform
        assert record.uid
        assert record.ref
        assert record.name


def test_no_two_records_of_a_kind_have_the_same_identity(records: list[AnyRecord]) -> None:
    seen = Counter((kind_of(record), record.uid) for record in records)

    assert [identity for identity, times in seen.items() if times > 1] == []


def test_every_kind_is_counted_and_the_counts_are_what_arrived(items: list[Item]) -> None:
    arrived = Counter(item.kind for item in items if isinstance(item, Unreadable))
    arrived.update(kind_of(item) for item in items if not isinstance(item, NOTES))

    counts = [item for item in items if isinstance(item, Count)]
    assert {count.kind: count.expected for count in counts} == {
        kind: arrived[kind] for kind in Kind
    }
    assert len(counts) == len(Kind)


def test_a_healthy_platform_leaves_no_doubt(items: list[Item]) -> None:
    assert [item for item in items if isinstance(item, Doubt | Unreadable)] == []


def test_the_estate_has_something_of_everything(records: list[AnyRecord]) -> None:
    assert {kind_of(record) for record in records} == set(Kind)


def test_every_record_survives_being_stored(records: list[AnyRecord]) -> None:
    for record in records:
        assert decode(encode(record)) == record


def test_every_moment_is_in_utc(records: list[AnyRecord]) -> None:
    moments = [value for value in leaves(records) if isinstance(value, datetime)]

    assert moments
    assert {moment.utcoffset() for moment in moments} == {UTC.utcoffset(None)}


def test_no_text_holds_what_a_database_or_a_page_cannot(records: list[AnyRecord]) -> None:
    for value in leaves(records):
        if isinstance(value, str):
            assert "\0" not in value
            value.encode("utf-8")  # a lone surrogate raises


def test_a_second_collection_says_the_same(connector: Connector, items: list[Item]) -> None:
    assert list(connector.collect()) == items


def test_a_collection_can_be_given_up_at_any_time(connector: Connector) -> None:
    for read in (0, 1, 10):
        collecting = connector.collect()
        for _ in range(read):
            next(collecting)
        collecting.close()  # type: ignore[attr-defined]


def test_nothing_that_may_be_a_secret_is_kept(records: list[AnyRecord]) -> None:
    text = b"".join(encode(record) for record in records).lower()

    assert b"guestinfo." not in text
    assert b"battery staple" not in text


def leaves(value: Any) -> Iterator[Any]:
    """Every plain value inside records."""
    if isinstance(value, msgspec.Struct):
        value = [getattr(value, name) for name in value.__struct_fields__]
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if isinstance(value, list | tuple):
        for inner in value:
            yield from leaves(inner)
    else:
        yield value
