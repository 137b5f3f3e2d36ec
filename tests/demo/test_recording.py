"""The scenario can still be played, and the bundles are what comes of it."""

import lzma
from pathlib import Path

import msgspec
import pytest

from demo import bergen, record
from demo.moments import COLLECTIONS, RECORDED_AT
from inventory.connectors.base import Event, Item
from inventory.connectors.bundle import BundleConnector
from inventory.records import Record

BUNDLE = record.HERE / "halden.bergen.xz"


@pytest.mark.integration
@pytest.mark.slow
def test_the_bundle_holds_what_the_scenario_makes() -> None:
    collections = record.record(
        bergen.steps(), seed=bergen.SEED, instance=bergen.INSTANCE, emptied=bergen.EMPTIED
    )

    assert [moment for moment, _ in collections] == [RECORDED_AT - ago for ago in COLLECTIONS]
    for number, (_, items) in enumerate(collections):
        kept = list(BundleConnector(BUNDLE, collection=number).collect())
        assert _identities(items) == _identities(kept)
        assert _events(items) == _events(kept)


def _identities(items: list[Item]) -> list[tuple[str, str, str]]:
    return sorted((type(i).__name__, i.uid, i.name) for i in items if isinstance(i, Record))


def _events(items: list[Item]) -> list[Event]:
    return [one for one in items if isinstance(one, Event)]


def test_a_bundle_outlives_changes_of_the_records(tmp_path: Path) -> None:
    lines = lzma.decompress(BUNDLE.read_bytes()).splitlines()
    changed = tmp_path / "changed.xz"

    changed.write_bytes(lzma.compress(b"\n".join([lines[0], *map(_with_a_new_field, lines[1:])])))

    assert list(BundleConnector(changed).collect()) == list(BundleConnector(BUNDLE).collect())


def _with_a_new_field(line: bytes) -> bytes:
    entry = msgspec.json.decode(line)
    entry["item"]["not_known_yet"] = 1
    return msgspec.json.encode(entry)
