"""The REST interface as a script meets it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import User
from findings.models import Finding
from inventory.models import AssetVersion, Source
from tests.factories import (
    NOW,
    AssetFactory,
    FindingFactory,
    SourceFactory,
    SyncRunFactory,
    TeamFactory,
    UserFactory,
)
from tests.inventory.fakes import FakeConnector
from tests.inventory.test_sync import run_of, vm

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def analyst(client: Client) -> User:
    user = UserFactory(roles=["analyst"])
    client.force_login(user)
    return user


def test_findings_are_followed_by_cursor_and_told_once(client: Client, analyst: User) -> None:
    made = [FindingFactory(updated_at=NOW + n * HOUR) for n in range(5)]

    first = client.get("/api/v1/findings/", {"page_size": 3}).json()
    second = client.get(first["next"]).json()

    told = [row["id"] for row in first["results"] + second["results"]]
    assert told == [finding.pk for finding in made]
    assert second["next"] is None


def test_rows_that_changed_at_one_moment_are_still_told_once_each(
    client: Client, analyst: User
) -> None:
    asset = AssetFactory()
    for n in range(25):
        FindingFactory(asset=asset, key=str(n), updated_at=NOW)

    told: list[int] = []
    address = "/api/v1/findings/?page_size=7"
    while address:
        page = client.get(address).json()
        told += [row["id"] for row in page["results"]]
        address = page["next"]

    assert len(told) == len(set(told)) == 25


@pytest.mark.parametrize(
    "cursor", ["x", "W10", "WzEsMl0", "WyJhIiwiYiJd", "WzFlOTksMV0", "W251bGwsbnVsbF0", "\0", "é"]
)
def test_a_cursor_that_is_not_one_is_a_400(client: Client, analyst: User, cursor: str) -> None:
    assert client.get("/api/v1/findings/", {"cursor": cursor}).status_code == 400


def test_filters_narrow_and_a_wrong_word_is_a_400(client: Client, analyst: User) -> None:
    FindingFactory(severity="high", severity_rank=1)
    FindingFactory(severity="low", severity_rank=3)

    high = client.get("/api/v1/findings/", {"severity": "high"}).json()["results"]
    wrong = client.get("/api/v1/findings/", {"severity": "terrible"})

    assert [row["severity"] for row in high] == ["high"]
    assert wrong.status_code == 400


def test_another_teams_objects_are_neither_listed_nor_found(client: Client) -> None:
    mine, theirs = TeamFactory(), TeamFactory()
    bob = UserFactory(roles=["remediator"], scope=User.Scope.TEAMS, teams=[mine])
    own = FindingFactory(asset=AssetFactory(team=mine))
    foreign = FindingFactory(asset=AssetFactory(team=theirs))
    client.force_login(bob)

    listed = client.get("/api/v1/findings/").json()["results"]
    absent = client.get("/api/v1/findings/999999/")
    hidden = client.get(f"/api/v1/findings/{foreign.pk}/")

    assert [row["id"] for row in listed] == [own.pk]
    assert (hidden.status_code, hidden.content) == (404, absent.content)
    for address in (
        f"/api/v1/assets/{foreign.asset_id}/",
        f"/api/v1/assets/{foreign.asset_id}/history/",
        f"/api/v1/findings/{foreign.pk}/events/",
        f"/api/v1/sources/{foreign.asset.source_id}/",
    ):
        assert client.get(address).status_code == 404


def test_runs_and_what_could_not_be_read_are_told_to_who_sees_the_whole_estate(
    client: Client,
) -> None:
    team = TeamFactory()
    asset = AssetFactory(team=team)
    run = SyncRunFactory(source=asset.source)
    addresses = {
        "runs": "/api/v1/sync-runs/",
        "run": f"/api/v1/sync-runs/{run.pk}/",
        "source": f"/api/v1/sources/{asset.source_id}/",
    }

    client.force_login(UserFactory(roles=["viewer"], scope=User.Scope.TEAMS, teams=[team]))
    scoped = {name: client.get(address) for name, address in addresses.items()}
    client.force_login(UserFactory(roles=["viewer"]))
    whole = {name: client.get(address) for name, address in addresses.items()}

    assert scoped["runs"].json()["results"] == []
    assert scoped["run"].status_code == 404
    assert "quarantine" not in scoped["source"].json()
    assert len(whole["runs"].json()["results"]) == 1
    assert "quarantine" in whole["source"].json()


def test_as_of_tells_what_was_true_then(client: Client, analyst: User) -> None:
    source = SourceFactory(complete_at=None, published_at=None)
    run_of(source, FakeConnector(vm(1, cpu_count=2), vm(2)))
    run_of(source, FakeConnector(vm(1, cpu_count=8), vm(3)), now=NOW + HOUR)
    run_of(source, FakeConnector(vm(1, cpu_count=8), vm(3)), now=NOW + 2 * HOUR)

    def at(moment: str) -> dict[str, int | None]:
        rows = client.get("/api/v1/assets/", {"kind": "vm", "as_of": moment}).json()["results"]
        return {row["name"]: row["record"].get("cpu_count") for row in rows}

    assert at((NOW + HOUR / 2).isoformat()) == {"web-1": 2, "web-2": None}
    assert at((NOW + 3 * HOUR).isoformat()) == {"web-1": 8, "web-3": None}
    assert at((NOW - HOUR).isoformat()) == {}
    assert client.get("/api/v1/assets/", {"as_of": "yesterday"}).status_code == 400


def test_the_history_of_an_asset_is_its_versions(client: Client, analyst: User) -> None:
    source = SourceFactory(complete_at=None, published_at=None)
    run_of(source, FakeConnector(vm(1)))
    run_of(source, FakeConnector(vm(1, cpu_count=8)), now=NOW + HOUR)
    asset = source.assets.get(kind="vm")

    versions = client.get(f"/api/v1/assets/{asset.pk}/history/").json()["results"]

    assert len(versions) == AssetVersion.objects.filter(asset=asset).count() == 2
    assert versions[0]["valid_to"] is None


def test_an_asset_that_is_gone_is_not_listed_and_still_answers_by_its_id(
    client: Client, analyst: User
) -> None:
    source = SourceFactory(complete_at=None)
    run_of(source, FakeConnector(vm(1), vm(2)))
    for hours in (1, 2):
        run_of(source, FakeConnector(vm(2)), now=NOW + hours * HOUR)
    gone = source.assets.get(uid="uuid-1")
    address = f"/api/v1/assets/{gone.pk}/"

    listed = client.get("/api/v1/assets/", {"kind": "vm"}).json()["results"]
    assert [row["uid"] for row in listed] == ["uuid-2"]
    assert client.get(address).json()["gone_at"] is not None
    assert client.get(address, {"as_of": (NOW + HOUR).isoformat()}).json()["uid"] == "uuid-1"
    assert len(client.get(f"{address}history/").json()["results"]) == 1


def test_what_a_collection_missed_is_missing_from_then_on_also_as_of_a_moment(
    client: Client, analyst: User
) -> None:
    source = SourceFactory(complete_at=None)
    there = [(0, (vm(1), vm(2))), (1, (vm(2),)), (2, (vm(1), vm(2))), (3, (vm(2),)), (4, (vm(2),))]
    for hours, machines in there:
        run_of(source, FakeConnector(*machines), now=NOW + hours * HOUR)

    def seen(hours: float) -> dict[str, str | None]:
        asked = {"kind": "vm", "as_of": (NOW + hours * HOUR).isoformat()}
        rows = client.get("/api/v1/assets/", asked).json()["results"]
        return {row["uid"]: row["missing_since"] for row in rows}

    missing = {hours: seen(hours).get("uuid-1", "not there") for hours in (0.5, 1.5, 2.5, 3.5, 4.5)}
    said = {hours: f"{NOW + hours * HOUR:%Y-%m-%dT%H:%M:%SZ}" for hours in (1, 3)}
    assert missing == {0.5: None, 1.5: said[1], 2.5: None, 3.5: said[3], 4.5: "not there"}
    asked = {"kind": "vm", "presence": "missing", "as_of": (NOW + 1.5 * HOUR).isoformat()}
    [row] = client.get("/api/v1/assets/", asked).json()["results"]
    assert row["uid"] == "uuid-1"


def test_an_operator_starts_a_collection_and_an_analyst_cannot(client: Client) -> None:
    source = SourceFactory()
    client.force_login(UserFactory(roles=["analyst"]))
    refused = client.post(f"/api/v1/sources/{source.pk}/sync/")
    client.force_login(UserFactory(roles=["operator"]))

    started = client.post(f"/api/v1/sources/{source.pk}/sync/")

    assert refused.status_code in {403, 404}
    assert started.status_code == 202
    assert started.json()["state"] == "queued"
    Source.objects.update(is_enabled=False)
    assert client.post(f"/api/v1/sources/{source.pk}/sync/").status_code == 409


def test_a_source_never_tells_its_credential(client: Client, analyst: User) -> None:
    source = SourceFactory()

    told = client.get(f"/api/v1/sources/{source.pk}/").json()

    assert not {"credential", "password", "username", "trust_pem"} & set(told)


def test_checks_and_statements_tell_how_they_are_set_and_what_they_answer(
    client: Client, analyst: User
) -> None:
    checks = client.get("/api/v1/checks/").json()["results"]
    one = client.get("/api/v1/checks/vm-snapshot-age/").json()

    assert {check["id"] for check in checks} >= {"vm-snapshot-age", "host-physical-nics"}
    assert one["params"]
    assert client.get("/api/v1/checks/no-such-check/").status_code == 404
    assert client.get("/api/v1/statements/").status_code == 200


def test_nothing_is_written_through_findings(client: Client, analyst: User) -> None:
    finding = FindingFactory()

    for method in ("put", "patch", "delete"):
        answer = getattr(client, method)(
            f"/api/v1/findings/{finding.pk}/", {"state": "resolved"}, "application/json"
        )
        assert answer.status_code in {400, 403, 405}
    assert Finding.objects.get().state == "open"
