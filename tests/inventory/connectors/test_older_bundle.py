"""A bundle that was recorded before principals were collected is as whole as it was then."""

from datetime import UTC, datetime
from pathlib import Path

from inventory.connectors.base import BlindSpot, Count, Doubt, Item
from inventory.connectors.bundle import BundleConnector, write_bundle
from inventory.records import Kind, Platform, Principal
from tests.policies.builders import a_grant, a_platform, a_principal


def replayed(folder: Path, *items: Item) -> list[Item]:
    path = folder / "recorded.xz"
    recorded: list[Item] = [a_platform(), *items]
    write_bundle(
        path,
        title="Older",
        platform=Platform.VSPHERE,
        collections=[(datetime(2026, 1, 1, tzinfo=UTC), recorded)],
    )
    return [item for item in BundleConnector(path).collect() if item not in recorded]


def test_who_holds_grants_is_told_and_who_is_in_groups_is_a_blind_spot(tmp_path: Path) -> None:
    grants = (
        a_grant(r"HALDEN\Ops", 101),
        a_grant("ops@halden", 102),
        a_grant(r"HALDEN\anna", is_group=False),
    )

    items = replayed(tmp_path, *grants)

    found = {one.name: one for one in items if isinstance(one, Principal)}
    assert set(found) == {r"HALDEN\Ops", r"HALDEN\anna"}
    assert found[r"HALDEN\Ops"].members is None
    assert found[r"HALDEN\anna"].members == ()
    assert Count(kind=Kind.PRINCIPAL, expected=2) in items
    [spot] = [item for item in items if isinstance(item, BlindSpot)]
    assert (spot.property, spot.count, spot.example) == ("members", 1, r"HALDEN\Ops")


def test_nothing_is_added_to_what_was_said_about_principals(tmp_path: Path) -> None:
    doubt = Doubt(kind=Kind.PRINCIPAL, code="not-read", message="Not read.")

    assert replayed(tmp_path, a_grant(), doubt) == []
    assert replayed(tmp_path, a_grant(), a_principal()) == []
    assert replayed(tmp_path, a_grant(), Count(kind=Kind.PRINCIPAL, expected=0)) == []
