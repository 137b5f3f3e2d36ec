"""What differs between two moments, and what is said of it to whom."""

from __future__ import annotations

import csv
import io
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Team
from inventory import changes
from inventory.changes import What
from inventory.models import Asset, AssetVersion, Source
from inventory.spans import Span
from tests.factories import SourceFactory, TeamFactory
from tests.inventory.pages.test_past_lists import go, return_to
from tests.inventory.pages.world import HOSTILE, change, person, publish
from tests.policies.builders import a_host, a_nic, a_vm

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NOW = timezone.now().replace(microsecond=0)


def ago(days: float) -> datetime:
    return NOW - days * DAY


@pytest.fixture
def source() -> Source:
    return SourceFactory(name="vc-oslo")


@pytest.fixture
def web() -> Team:
    return TeamFactory(name="Web")


@pytest.fixture
def vm(source: Source, web: Team) -> Asset:
    return publish(source, a_vm("web-01", memory_mib=2048), at=ago(30), team=web)


def found(begin: float, end: float, what: What = What.CHANGED) -> list[changes.Difference]:
    span = Span(ago(begin), ago(end))
    versions = changes.differing(AssetVersion.objects.all(), span, what).select_related("asset")
    return changes.of(list(versions.order_by("-pk")), span, user=person("analyst"))


def names(begin: float, end: float, what: What) -> list[str]:
    return sorted(each.asset.name for each in found(begin, end, what))


def test_a_fact_that_changed_is_said_from_what_to_what_and_when(source: Source, vm: Asset):
    publish(source, a_host("esx-07"), at=ago(30))
    publish(source, a_host("esx-01"), at=ago(30))
    change(vm, at=ago(20), host_ref="host-esx-07")
    change(vm, at=ago(10), memory_mib=4096)

    [difference] = found(25, 5)

    assert difference.asset == vm
    assert difference.at == ago(10)
    assert [(c.label, c.before, c.after, c.at) for c in difference.changes] == [
        ("Host", "esx-01", "esx-07", ago(20)),
        ("Memory", "2 GiB", "4 GiB", ago(10)),
    ]


def test_what_changed_back_did_not_change(vm: Asset):
    change(vm, at=ago(20), memory_mib=4096)
    change(vm, at=ago(10), memory_mib=2048)

    assert names(25, 5, What.CHANGED) == []
    assert names(25, 15, What.CHANGED) == ["web-01"]


def test_up_to_now_the_same_has_changed_as_up_to_this_moment(source: Source, vm: Asset):
    change(vm, at=ago(20), memory_mib=4096)
    back = publish(source, a_vm("back"), at=ago(30))
    change(back, at=ago(20), memory_mib=1)
    change(back, at=ago(11), memory_mib=None)
    young = publish(source, a_vm("young"), at=ago(20))
    change(young, at=ago(10), memory_mib=1)
    other = publish(source, a_vm("other"), at=ago(30))
    go(other, ago(20))
    return_to(other, ago(10))
    change(other, at=ago(5), memory_mib=1)
    gone = publish(source, a_vm("gone"), at=ago(30))
    change(gone, at=ago(20), memory_mib=1)
    go(gone, ago(10))

    def changed(span: Span) -> list[str]:
        versions = changes.differing(AssetVersion.objects.all(), span, What.CHANGED)
        order = changes.order_of(What.CHANGED, span)
        return [each.asset.name for each in versions.order_by(*order)]

    for begin, names in (
        (25, ["other", "web-01"]),
        (15, ["young", "back"]),
        (7, ["other"]),
        (3, []),
    ):
        assert changed(Span(ago(begin), ago(0), ends_now=True)) == names
        assert changed(Span(ago(begin), ago(0))) == names


@pytest.mark.parametrize(
    ("begin", "end", "appeared", "disappeared"),
    [
        (40, 25, ["web-01"], []),
        (25, 15, [], ["web-01"]),
        (25, 5, [], []),  # it went and came back
        (15, 5, ["web-01"], []),
        (40, 35, [], []),
        (40, 5, ["web-01"], []),
        (15, 1, [], []),  # it came back and went again
        (5, 1, [], ["web-01"]),
        (35, 1, [], []),
    ],
)
def test_what_comes_and_goes_is_told_by_its_state_at_both_ends(
    vm: Asset, begin: float, end: float, appeared: list[str], disappeared: list[str]
):
    go(vm, ago(20))
    return_to(vm, ago(10))
    go(vm, ago(2))

    assert names(begin, end, What.APPEARED) == appeared
    assert names(begin, end, What.DISAPPEARED) == disappeared
    assert names(begin, end, What.CHANGED) == []


def test_the_moment_of_coming_and_going_is_told(vm: Asset):
    go(vm, ago(20))
    return_to(vm, ago(10))

    assert [each.at for each in found(25, 15, What.DISAPPEARED)] == [ago(20)]
    assert [each.at for each in found(15, 5, What.APPEARED)] == [ago(10)]
    assert [each.at for each in found(40, 25, What.APPEARED)] == [ago(30)]


def test_whatever_is_told_is_what_the_two_pasts_differ_in(source: Source):
    """Held against the plain comparison of everything that was known at both moments."""
    machines = [publish(source, a_vm(f"vm-{n}", memory_mib=1), at=ago(30 - n)) for n in range(8)]
    for n, machine in enumerate(machines):
        change(machine, at=ago(20 - n), memory_mib=2 + n % 2)
        if n % 3 == 0:
            go(machine, ago(12 - n / 2))
        if n % 6 == 0:
            return_to(machine, ago(5))

    for begin in range(31, 1, -3):
        for end in range(begin - 2, 0, -3):
            before, after = (
                dict(AssetVersion.objects.at(ago(days)).values_list("asset__name", "digest"))
                for days in (begin, end)
            )
            kept = before.keys() & after.keys()
            assert names(begin, end, What.APPEARED) == sorted(after.keys() - before.keys())
            assert names(begin, end, What.DISAPPEARED) == sorted(before.keys() - after.keys())
            assert names(begin, end, What.CHANGED) == sorted(
                name for name in kept if before[name] != after[name]
            )


def test_of_very_many_steps_the_older_are_not_dated(vm: Asset, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("inventory.changes.STEPS", 2)
    change(vm, at=ago(20), cpu_count=64)
    for n in range(4):
        change(vm, at=ago(10 - n), memory_mib=4096 + n)

    [difference] = found(25, 5)

    assert {c.label: c.at for c in difference.changes} == {"CPUs": None, "Memory": ago(7)}


def test_a_page_of_changes_asks_the_same_however_much_happened(source: Source, client: Client):
    client.force_login(person("analyst"))

    def asked() -> int:
        client.get("/inventory/changes/")
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/inventory/changes/").status_code == 200
        return len(queries)

    for n in range(2):
        change(publish(source, a_vm(f"vm-{n}"), at=ago(9)), at=ago(0.5), memory_mib=1)
    few = asked()
    for n in range(2, 20):
        change(publish(source, a_vm(f"vm-{n}"), at=ago(9)), at=ago(0.4), memory_mib=1)

    assert asked() == few <= 12


def text(client: Client, path: str, **query: Any) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_tells_numbers_that_lead_to_the_lists(client: Client, source: Source, vm: Asset):
    publish(source, a_vm("young"), at=ago(0.5))
    change(vm, at=ago(0.4), memory_mib=4096)
    client.force_login(person("analyst"))

    html = text(client, "/inventory/changes/")

    assert '<a href="?what=changed">1</a> changed' in html
    assert '<a href="?what=appeared">1</a> appeared' in html
    assert "<del><bdi" in html
    assert "4 GiB" in html
    assert "young" in text(client, "/inventory/changes/", what="appeared")


def test_filters_narrow_what_changed(client: Client, source: Source, vm: Asset, web: Team):
    host = publish(source, a_host("esx-01"), at=ago(9))
    change(host, at=ago(0.5), memory_mib=1)
    change(vm, at=ago(0.4), memory_mib=4096)
    client.force_login(person("analyst"))

    def shown(**query: Any) -> set[str]:
        answer = client.get("/inventory/changes/", query)
        return {row.asset.name for row in answer.context["rows"]}

    assert shown() == {"web-01", "esx-01"}
    assert shown(kind="host") == {"esx-01"}
    assert shown(team=web.pk) == {"web-01"}
    assert shown(q="esx") == {"esx-01"}
    assert shown(source=source.pk + 1) == set()
    assert shown(kind="splendid") == set()


@pytest.mark.parametrize(
    "query", [{"from": "soon"}, {"to": "2026-13-45"}, {"from": "2026-02-02", "to": "2026-02-01"}]
)
def test_moments_that_are_none_are_said_to_be_none(
    client: Client, vm: Asset, query: dict[str, str]
):
    client.force_login(person("analyst"))

    assert 'role="alert"' in text(client, "/inventory/changes/", **query)
    assert 'role="alert"' in text(client, f"/inventory/assets/{vm.pk}/difference/", **query)
    assert client.get("/api/v1/changes/", query).status_code == 400


def test_somebody_of_another_team_learns_nothing(client: Client, vm: Asset):
    change(vm, at=ago(0.5), memory_mib=4096)
    stranger = person("analyst", teams=(TeamFactory(name="Labs"),))
    client.force_login(stranger)

    html = text(client, "/inventory/changes/")

    assert vm.name not in html
    assert "what=changed" not in html  # there is no source that this person may see
    assert client.get("/api/v1/changes/").json()["results"] == []
    absent = client.get("/inventory/assets/987654/difference/")
    hidden = client.get(f"/inventory/assets/{vm.pk}/difference/")
    assert (hidden.status_code, absent.status_code) == (404, 404)


def test_a_host_out_of_sight_is_not_named_in_a_change(client: Client, source: Source, web: Team):
    publish(source, a_host("esx-secret"), at=ago(9))
    vm = publish(source, a_vm("web-09"), at=ago(9), team=web)
    change(vm, at=ago(0.5), host_ref="host-esx-secret")
    client.force_login(person("analyst", teams=(web,)))

    html = text(client, "/inventory/changes/")

    assert "web-09" in html
    assert ">esx-secret<" not in html


def test_the_interface_pages_through_what_changed(client: Client, source: Source):
    for n in range(5):
        change(publish(source, a_vm(f"vm-{n}"), at=ago(9)), at=ago(0.5 + n % 2), memory_mib=1)
    client.force_login(person("analyst"))
    query: dict[str, Any] = {"page_size": 2, "from": ago(5).isoformat()}
    answer = client.get("/api/v1/changes/", query).json()
    rows = answer["results"]
    while answer["next"]:
        answer = client.get(answer["next"]).json()
        rows += answer["results"]

    assert sorted(row["name"] for row in rows) == [f"vm-{n}" for n in range(5)]
    assert [row["at"] for row in rows] == sorted((row["at"] for row in rows), reverse=True)
    assert rows[0]["changes"][0]["fact"] == "Memory"
    assert rows[0]["what"] == "changed"


def test_an_export_has_a_line_for_each_fact(client: Client, vm: Asset):
    change(vm, at=ago(0.5), memory_mib=4096, cpu_count=64)
    client.force_login(person("analyst"))

    answer = client.get("/inventory/changes/export/")
    said = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    lines = list(csv.DictReader(io.StringIO(said)))

    assert {line["Fact"]: line["To"] for line in lines} == {"CPUs": "64", "Memory": "4 GiB"}


def test_two_moments_of_an_assets_history_are_compared(client: Client, vm: Asset):
    change(vm, at=ago(20), nics=(a_nic(mac="00:50:56:aa:00:09"),))
    change(vm, at=ago(10), memory_mib=4096)
    client.force_login(person("analyst"))
    path = f"/inventory/assets/{vm.pk}/difference/"

    whole = text(client, path, **{"from": ago(25).isoformat()})
    part = text(client, path, **{"from": ago(25).isoformat(), "to": ago(15).isoformat()})

    assert "00:50:56:aa:00:09" in whole
    assert "4 GiB" in whole
    assert "4 GiB" not in part
    assert "1 fact differs" in part
    assert f'action="{path}"' in text(client, f"/inventory/assets/{vm.pk}/")


def test_a_difference_says_when_nothing_was_known(client: Client, vm: Asset):
    client.force_login(person("analyst"))
    path = f"/inventory/assets/{vm.pk}/difference/"

    before = text(client, path, **{"from": ago(50).isoformat(), "to": ago(40).isoformat()})
    came = text(client, path, **{"from": ago(50).isoformat()})

    assert "nothing was known of it at either moment" in before
    assert "it was not known at the first moment" in came


def test_hostile_names_stand_inert_among_changes(client: Client, source: Source):
    vm = publish(source, a_vm(HOSTILE, uid="odd", ref="vm-odd"), at=ago(9))
    change(vm, at=ago(0.5), annotation=HOSTILE)
    client.force_login(person("analyst"))

    assert "<script>alert" not in text(client, "/inventory/changes/")
    assert "<script>alert" not in text(client, f"/inventory/assets/{vm.pk}/difference/")
