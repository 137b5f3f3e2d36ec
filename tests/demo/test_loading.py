"""Loading the demo again, and what becomes of it afterwards."""

import json
import stat
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings, settings
from django.core.management import call_command

from accounts.models import User
from accounts.roles import Role
from audit.models import Entry
from findings import pipeline
from findings.models import Finding, FindingEvent
from inventory import ledger
from inventory.connecting import connect
from inventory.connectors.base import CollectionFailed, Event, Item
from inventory.connectors.bundle import BundleConnector, at_address
from inventory.heartbeat import Pulse
from inventory.models import Asset, AssetVersion, Source, SyncRun
from inventory.records import VirtualMachine
from vmgov import demo

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

OSLO = "demo/halden.oslo.xz"
SUMMER = datetime(2026, 6, 11, 9, 30, tzinfo=UTC)


def _everything() -> dict[str, Any]:
    kept = (Asset, AssetVersion, Finding, FindingEvent, SyncRun, Source, User, Entry)
    return {model.__name__: list(model.objects.order_by("pk").values()) for model in kept}


def test_loading_again_changes_nothing(
    estate: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    before = _everything()

    call_command("load_demo")

    assert _everything() == before
    assert "already" in capsys.readouterr().out


def test_the_passwords_are_kept_for_us_alone(estate: datetime) -> None:
    path = Path(settings.VAR_DIR) / "demo-users.json"
    users = _users(path.parent)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [user["role"] for user in users] == [role.value for role in Role]
    for user in users:
        assert User.objects.get(username=user["username"]).check_password(user["password"])
        assert len(user["password"]) >= 15


def test_who_lost_the_passwords_gets_new_ones(
    estate: datetime, tmp_path: Path, settings: LazySettings
) -> None:
    lost = {one["username"]: one["password"] for one in _users(Path(settings.VAR_DIR))}
    settings.VAR_DIR = tmp_path

    demo.load_people()

    for user in _users(tmp_path):
        assert user["password"] != lost[user["username"]]
        person = User.objects.get(username=user["username"])
        assert person.check_password(user["password"])
        assert not person.must_change_password


def _users(folder: Path) -> list[dict[str, str]]:
    users: list[dict[str, str]] = json.loads((folder / "demo-users.json").read_text("utf-8"))
    return users


@pytest.mark.parametrize("name", demo.SOURCES)
def test_a_later_collection_finds_everything_as_it_was(estate: datetime, name: str) -> None:
    source = Source.objects.get(name=name)
    later = estate + timedelta(hours=3)
    run = SyncRun.objects.create(source=source, requested_by="schedule", requested_at=later)
    held = ledger.claim(run.pk)
    assert held is not None
    connector = at_address(source.url, folder=settings.BASE_DIR, now=later)

    run = pipeline.govern(held, pulse=Pulse(held), now=later, connector=connector)

    assert run.state == SyncRun.State.COMPLETE
    moved = Counter[str]()
    for counts in run.counts.values():
        moved.update({key: counts[key] for key in ("new", "changed", "missing", "retired")})
    assert sum(moved.values()) == 0
    assert run.events["new"] == 0


def test_a_source_of_the_demo_can_be_connected(estate: datetime) -> None:
    source = Source.objects.get(name="vc-oslo")

    assert connect(source).probe().instance_uuid == source.instance_uuid


def test_collections_keep_their_order_whenever_the_demo_is_loaded() -> None:
    for hours in range(0, 24 * 8, 3):
        now = SUMMER + timedelta(hours=hours)
        moments = [moment.at for moment in demo.moments(OSLO, now=now)]

        assert moments == sorted(moments)
        assert moments[-1] == now
        assert moments[demo.EVENING[0]].strftime("%A %H") == "Tuesday 21"
        assert moments[demo.EVENING[1]] - moments[demo.EVENING[0]] == timedelta(hours=6)


@pytest.mark.parametrize("file", demo.SOURCES.values())
def test_events_stay_between_the_collections_they_were_recorded_between(file: str) -> None:
    for hours in range(0, 24 * 7, 41):
        before = None
        times: dict[int, datetime] = {}
        for moment in demo.moments(file, now=SUMMER + timedelta(hours=hours)):
            told = [one for one in _replayed(file, moment) if isinstance(one, Event)]
            fresh = [one for one in told if one.key not in times]
            assert all(times.setdefault(one.key, one.at) == one.at for one in told)
            assert all(before is not None and before < one.at <= moment.at for one in fresh)
            before = moment.at


def _replayed(file: str, moment: demo.Moment) -> list[Item]:
    connector = BundleConnector(
        settings.BASE_DIR / file,
        collection=moment.collection,
        shift=moment.shift,
        looks=moment.looks,
    )
    return list(connector.collect())


@pytest.mark.parametrize("hours", [0, 5, 19, 23, 24, 200])
def test_recovery_points_stay_those_of_last_night(hours: int) -> None:
    now = SUMMER + timedelta(hours=hours)
    address = f"{OSLO}?as_of={SUMMER:%Y-%m-%dT%H:%M:%SZ}"

    found = {
        item.name: item
        for item in at_address(address, folder=settings.BASE_DIR, now=now).collect()
        if isinstance(item, VirtualMachine)
    }

    [nightly] = found["ehr-db-01"].snapshots or ()
    [forgotten] = found["erp-app-02"].snapshots or ()
    assert timedelta() <= now - nightly.created_at < timedelta(days=1)
    assert (SUMMER - forgotten.created_at).days == 63


def test_an_address_without_a_moment_replays_what_was_recorded() -> None:
    plain = at_address(OSLO, folder=settings.BASE_DIR, now=SUMMER)

    assert list(plain.collect()) == list(BundleConnector(settings.BASE_DIR / OSLO).collect())


def test_an_address_with_a_spoilt_moment_is_refused() -> None:
    with pytest.raises(CollectionFailed, match="not a moment"):
        at_address(f"{OSLO}?as_of=noon", folder=settings.BASE_DIR, now=SUMMER)
