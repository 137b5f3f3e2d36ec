"""Lists as of a moment: what was true then, to whom it is shown, and what is said to be of now."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from inventory import past
from inventory.models import Asset, AssetVersion
from inventory.records import Kind
from tests.inventory.pages.test_lists import LISTS, page
from tests.inventory.pages.world import World, change, person, publish
from tests.policies.builders import a_grant, a_nic, a_vm

DAY = timedelta(days=1)


@pytest.fixture
def analyst(client: Client, world: World) -> Client:
    client.force_login(person("analyst"))
    return client


def said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def listed(client: Client, world: World, days: float, name: str = "vms", **query: Any) -> set[str]:
    """The names of the world that a list shows as of some days ago."""
    html = page(client, f"/inventory/{name}/", as_of=said(world.now - days * DAY), **query)
    leads = re.findall(r"<a data-open [^>]*>(.*?)</a>", html)
    return {each for each in (*world.assets, "db-renamed") if f">{each}<" in "".join(leads)}


def go(asset: Asset, at: datetime) -> None:
    """The asset is retired."""
    asset.versions.filter(valid_to=None).update(valid_to=at)
    Asset.objects.filter(pk=asset.pk).update(gone_at=at, missing_since=at)


def return_to(asset: Asset, at: datetime) -> None:
    """The asset is seen again."""
    AssetVersion.objects.create(
        asset=asset, record=asset.record, digest=asset.digest, valid_from=at
    )
    Asset.objects.filter(pk=asset.pk).update(gone_at=None, missing_since=None, changed_at=at)


@pytest.mark.parametrize("name", LISTS)
def test_every_list_opens_as_of_a_moment(analyst: Client, world: World, name: str):
    html = page(analyst, f"/inventory/{name}/", as_of=said(world.now - 10 * DAY))

    assert "<tbody><tr data-row>" in html
    assert "It is not now." in html


def test_a_list_of_the_past_shows_what_was_true_then(analyst: Client, world: World):
    change(world["db-pay-02"], at=world.now - 2 * DAY, name="db-renamed", classification="public")

    assert listed(analyst, world, 1, classification="public") == {"web-01", "web-02", "db-renamed"}
    assert listed(analyst, world, 5, classification="confidential") == {"db-pay-02"}
    assert listed(analyst, world, 5) == {"db-pay-02", "web-01", "web-02", "lab-old"}


def test_before_anything_was_seen_a_list_of_the_past_is_empty(analyst: Client, world: World):
    html = page(analyst, "/inventory/vms/", as_of=said(world.now - 30 * DAY))

    assert "No machine was known" in html
    assert "<tbody>" not in html


def test_what_is_gone_now_stands_in_the_list_of_when_it_was_there(analyst: Client, world: World):
    go(world["web-02"], world.now - 4 * DAY)

    assert "web-02" not in listed(analyst, world, 3)
    assert "web-02" in listed(analyst, world, 5)


def test_what_came_back_is_absent_from_the_time_it_was_away(analyst: Client, world: World):
    go(world["web-02"], world.now - 6 * DAY)
    return_to(world["web-02"], world.now - 2 * DAY)

    assert [("web-02" in listed(analyst, world, days)) for days in (7, 4, 1)] == [True, False, True]


def test_the_count_of_what_was_known_is_the_number_of_versions_then(world: World):
    go(world["web-02"], world.now - 6 * DAY)
    return_to(world["web-02"], world.now - 2 * DAY)
    go(world["web-01"], world.now - 1 * DAY)
    publish(world.source, a_vm("young"), at=world.now - 1 * DAY)
    user = person("analyst")

    for hours in range(-1, 24 * 22, 5):
        moment = timezone.now() - timedelta(hours=hours)
        assets, away = past.known(moment, user=user, kind=Kind.VM)
        there = past.at(moment, user=user).filter(kind="vm").count()
        assert assets.count() - away.count() == there, hours


def test_a_past_list_follows_its_order_page_by_page(
    analyst: Client, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("inventory.views.lists.PAGE", 1)
    following = f"?as_of={said(world.now - 5 * DAY)}&sort=owner"
    found: list[str] = []
    while following and len(found) < 9:
        answer = analyst.get(f"/inventory/vms/{following}")
        found += [row.asset.name for row in answer.context["rows"]]
        following = answer.context["page"].next_address

    assert found == ["web-01", "db-pay-02", "web-02", "lab-old"]


def test_machines_of_a_host_are_those_it_ran_then(analyst: Client, world: World):
    then, now = world["esx-01"].pk, world["esx-01"].pk
    other = Asset.objects.get(name="esx-07").pk

    assert listed(analyst, world, 15, host=other) == {"db-pay-02"}
    assert "db-pay-02" not in listed(analyst, world, 15, host=then)
    assert "db-pay-02" in listed(analyst, world, 1, host=now)


def host_of(client: Client, world: World, days: float) -> str:
    """What a list as of some days ago calls the host of a machine."""
    html = page(client, "/inventory/vms/", as_of=said(world.now - days * DAY), q="db-pay-02")
    cell = html.split('data-label="Host"')[1].split("</td>")[0]
    return re.sub(r"<[^>]*>", "", cell.partition(">")[2]).strip()


def test_a_host_has_its_name_of_then(analyst: Client, world: World):
    change(Asset.objects.get(name="esx-07"), at=world.now - 3 * DAY, name="esx-renamed")

    assert host_of(analyst, world, 15) == "esx-07"
    moment = said(world.now - 15 * DAY)
    assert "esx-07" in page(analyst, f"/inventory/assets/{world['db-pay-02'].pk}/", as_of=moment)


def test_a_host_that_was_brought_back_as_another_object_is_the_one_it_was(
    analyst: Client, world: World
):
    host, moment = Asset.objects.get(name="esx-07"), said(world.now - 15 * DAY)
    change(host, at=world.now - 3 * DAY, ref="host-9001", cluster_ref="cluster-new")
    Asset.objects.filter(pk=host.pk).update(ref="host-9001")

    assert host_of(analyst, world, 15) == "esx-07"
    assert listed(analyst, world, 15, host=host.pk) == {"db-pay-02"}
    cluster = Asset.objects.get(kind=Kind.CLUSTER)
    assert "db-pay-02" in listed(analyst, world, 15, cluster=cluster.pk)
    assert "esx-07" in page(analyst, f"/inventory/assets/{world['db-pay-02'].pk}/", as_of=moment)


def test_an_address_that_was_given_up_is_found_when_it_was_held(analyst: Client, world: World):
    change(world["web-01"], at=world.now - 3 * DAY, nics=(a_nic(mac="00:50:56:bb:00:09"),))
    change(world["web-01"], at=world.now - 1 * DAY, nics=(a_nic(mac="00:50:56:bb:00:0a"),))

    assert listed(analyst, world, 2, q="0050.56bb.0009") == {"web-01"}
    assert listed(analyst, world, 0.5, q="0050.56bb.0009") == set()
    assert listed(analyst, world, 0.5, q="00-50-56-BB-00-0A") == {"web-01"}


def test_many_matches_of_the_past_are_shown_and_not_counted(
    analyst: Client, world: World, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("inventory.search.FEW", 1)
    change(world["web-01"], at=world.now - 3 * DAY, name="db-renamed")

    assert listed(analyst, world, 5, q="web") == {"web-01", "web-02"}
    assert listed(analyst, world, 1, q="web") == {"web-02"}
    assert "2 on this page" in page(
        analyst, "/inventory/vms/", q="web", as_of=said(world.now - 5 * DAY)
    )


def test_a_past_list_says_what_in_it_is_of_now(analyst: Client, world: World):
    html = page(analyst, "/inventory/vms/", as_of=said(world.now - 5 * DAY))

    assert "Teams, verdicts and findings are those of now" in html
    assert ">Verdict now<" in html
    assert ">Findings now<" in html


def test_a_past_list_leads_to_the_pages_of_that_moment(analyst: Client, world: World):
    moment = said(world.now - 5 * DAY)
    html = page(analyst, "/inventory/vms/", as_of=moment, classification="public")
    carried = "as_of=" + moment.replace(":", "%3A")

    assert f'href="/inventory/assets/{world["web-01"].pk}/?{carried}"' in html
    assert f'name="as_of" value="{moment}"' in html  # the form of filters keeps it
    hosts = page(analyst, "/inventory/hosts/", as_of=moment)
    assert f'href="/inventory/vms/?host={world["esx-01"].pk}&amp;{carried}"' in hosts


def test_a_moment_that_is_none_is_said_and_the_list_is_of_now(analyst: Client, world: World):
    html = page(analyst, "/inventory/vms/", as_of="yesterday")

    assert "What follows is true <strong>now</strong>" in html
    assert "web-01" in html


@pytest.mark.parametrize("few", [5_000, -1])
def test_somebody_of_a_team_sees_their_own_past_and_no_more(
    client: Client, world: World, monkeypatch: pytest.MonkeyPatch, few: int
):
    monkeypatch.setattr("inventory.past.FEW", few)
    client.force_login(person("analyst", teams=(world.web,)))
    answer = client.get("/inventory/vms/export/", {"as_of": said(world.now - 5 * DAY)})
    exported = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]

    assert "db-pay-02" not in exported
    assert listed(client, world, 5) == {"web-01", "web-02"}
    assert "2 machines" in page(client, "/inventory/vms/", as_of=said(world.now - 5 * DAY))


def test_an_export_of_the_past_is_the_list_of_then(analyst: Client, world: World):
    moment = world.now - 15 * DAY
    answer = analyst.get("/inventory/vms/export/", {"as_of": said(moment)})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    lines = {line["Name"]: line for line in csv.DictReader(io.StringIO(text))}

    assert lines.keys() == {"db-pay-02", "web-01", "web-02", "lab-old"}
    assert lines["db-pay-02"]["Host"] == "esx-07"
    assert lines["db-pay-02"]["As of"] == moment.isoformat(timespec="seconds")


def test_a_fragment_brings_the_picker_of_the_frame(analyst: Client, world: World):
    answer = analyst.get(
        "/inventory/vms/", {"as_of": said(world.now - DAY)}, headers={"HX-Request": "true"}
    )

    assert 'id="as-of-menu" hx-swap-oob="true"' in answer.content.decode()


def test_grants_of_the_past_are_listed(analyst: Client, world: World):
    change(
        Asset.objects.get(kind="grant"),
        at=world.now - 2 * DAY,
        **{"principal": a_grant(principal="HALDEN\\new").principal},
    )

    assert "HALDEN\\new" in page(analyst, "/inventory/access/", as_of=said(world.now - DAY))
    assert "HALDEN\\new" not in page(analyst, "/inventory/access/", as_of=said(world.now - 5 * DAY))
