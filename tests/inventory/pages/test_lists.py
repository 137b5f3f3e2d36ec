"""Lists of assets: what they show, to whom, and what they cost."""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import pytest
from django.test import Client

from inventory.models import Asset
from tests.factories import AssetFactory
from tests.inventory.pages.world import HOSTILE, World, person, publish
from tests.policies.builders import a_host, a_vm

LISTS = ("vms", "hosts", "clusters", "networks", "switches", "datastores", "images", "access")


def page(client: Client, path: str, **query: Any) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


@pytest.fixture
def analyst(client: Client, world: World) -> Client:
    client.force_login(person("analyst"))
    return client


@pytest.mark.parametrize("name", LISTS)
def test_every_list_opens_full(analyst: Client, name: str):
    assert "<tbody><tr data-row>" in page(analyst, f"/inventory/{name}/")


@pytest.mark.parametrize("name", LISTS)
def test_every_list_opens_empty_and_says_what_it_will_show(client: Client, db: None, name: str):
    client.force_login(person("viewer"))

    html = page(client, f"/inventory/{name}/")

    assert "Nothing has been collected yet" in html
    assert "<tbody>" not in html
    assert "v-filters" not in html  # there is nothing to narrow


def test_an_operator_is_offered_the_way_out_of_an_empty_list(client: Client, db: None):
    client.force_login(person("operator"))

    assert 'href="/sources/add/"' in page(client, "/inventory/vms/")


def test_the_first_sentence_answers_and_its_numbers_are_the_lists_numbers(analyst: Client):
    html = page(analyst, "/inventory/vms/")

    assert "4 machines" in html
    assert '<a href="/inventory/vms/?owner=none">1</a> of them without an owner' in html
    assert "1 machine<" in page(analyst, "/inventory/vms/", owner="none").replace("\n", "")
    assert '<a href="/inventory/vms/?verdict=unknown">1</a> not evaluated yet' in html


def test_counts_of_machines_lead_to_lists_with_the_same_number(analyst: Client, world: World):
    host = world["esx-01"]
    network = Asset.objects.get(kind="network", ref="network-app")

    hosts = page(analyst, "/inventory/hosts/")

    assert f'<a href="/inventory/vms/?host={host.pk}">4</a>' in hosts
    assert "4 machines" in page(analyst, "/inventory/vms/", host=host.pk)
    assert f"network={network.pk}" in page(analyst, "/inventory/networks/")
    assert "3 machines" in page(analyst, "/inventory/vms/", network=network.pk)


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({"q": "DB-PAY"}, {"db-pay-02"}),
        ({"q": "00:50:56:AA:00:01"}, {"db-pay-02"}),
        ({"classification": "public"}, {"web-01", "web-02"}),
        ({"classification": "unknown"}, {"lab-old"}),
        ({"owner": "none"}, {"web-01"}),
        ({"power_state": "off"}, {"lab-old"}),
        ({"team": "Finance"}, {"db-pay-02"}),
        ({"team": "none"}, {"lab-old"}),
        ({"verdict": "fail"}, {"db-pay-02"}),
        ({"verdict": "unknown"}, {"db-pay-02", "web-01", "lab-old"}),
        ({"verdict": "pass"}, {"web-02"}),
        ({"check": "vm-snapshot-age", "verdict": "unknown"}, {"web-01", "lab-old"}),
        ({"check": "vm-snapshot-age", "verdict": "pass"}, {"web-02"}),
        ({"presence": "gone"}, set()),
        ({"source": "vc-oslo"}, {"db-pay-02", "web-01", "web-02", "lab-old"}),
        ({"source": "elsewhere"}, set()),
    ],
)
def test_a_filter_narrows_the_list(analyst: Client, query: dict[str, str], shown: set[str]):
    html = page(analyst, "/inventory/vms/", **query)

    found = {name for name in ("db-pay-02", "web-01", "web-02", "lab-old") if f">{name}<" in html}
    assert found == shown


def test_a_filter_that_is_not_understood_shows_nothing_and_says_so(analyst: Client):
    html = page(analyst, "/inventory/vms/", verdict="splendid")

    assert "was not understood" in html
    assert "web-01" not in html


def test_an_export_of_a_filter_that_is_not_understood_is_empty(analyst: Client):
    answer = analyst.get("/inventory/vms/export/", {"verdict": "splendid"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]

    assert len(text.splitlines()) == 1


def test_pages_in_the_order_of_a_label_end_with_what_is_unknown(
    analyst: Client, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("inventory.views.lists.PAGE", 1)
    following = "?sort=owner"
    found: list[str] = []
    while following and len(found) < 9:
        answer = analyst.get(f"/inventory/vms/{following}")
        found += [row.asset.name for row in answer.context["rows"]]
        following = answer.context["page"].next_address

    assert found == ["web-01", "db-pay-02", "web-02", "lab-old"]


def test_what_is_gone_is_listed_only_when_asked_for(analyst: Client, world: World):
    Asset.objects.filter(pk=world["web-02"].pk).update(gone_at=world.now, missing_since=world.now)

    assert ">web-02<" not in page(analyst, "/inventory/vms/")
    assert ">web-02<" in page(analyst, "/inventory/vms/", presence="gone")


def test_a_member_of_a_team_sees_its_machines_and_nothing_that_stands_around_them(
    client: Client, world: World
):
    client.force_login(person("viewer", teams=(world.web,)))

    html = page(client, "/inventory/vms/")

    assert ">web-01<" in html
    assert ">web-02<" in html
    assert "db-pay-02" not in html
    assert "esx-01" not in html
    assert "2 machines" in html
    assert "<tbody>" not in page(client, "/inventory/hosts/")


def test_filters_offer_only_values_of_what_one_may_see(client: Client, world: World):
    client.force_login(person("viewer", teams=(world.web,)))

    html = page(client, "/inventory/vms/")

    assert "confidential" not in html
    assert "ingrid@halden.example" not in html
    assert ">Finance<" not in html


def test_the_host_filter_reveals_nothing_about_a_host_one_may_not_see(client: Client, world: World):
    client.force_login(person("viewer", teams=(world.web,)))

    html = page(client, "/inventory/vms/", host=world["esx-01"].pk)

    assert "Nothing matches" in html
    assert "esx-01" not in html


def test_somebody_without_the_permission_finds_no_page(client: Client, world: World):
    client.force_login(person("user-admin"))

    assert client.get("/inventory/vms/").status_code == 404
    assert client.get("/inventory/vms/export/").status_code == 404


def test_a_viewer_may_not_export(client: Client, world: World):
    client.force_login(person("viewer"))

    assert client.get("/inventory/vms/export/").status_code == 404
    assert "Export" not in page(client, "/inventory/vms/")


def test_an_unknown_list_is_absent(analyst: Client):
    for name in ("printers", "roles", "grants", "platform"):
        assert analyst.get(f"/inventory/{name}/").status_code == 404


def test_hostile_names_are_text_and_nothing_else(analyst: Client, world: World):
    hostile = a_vm(HOSTILE, uid="h", ref="h", owner=HOSTILE, classification=HOSTILE)
    publish(world.source, hostile, at=world.now)

    html = page(analyst, "/inventory/vms/")

    assert "<script>alert" not in html
    shown = re.sub(r' value="[^"]*"', "", html)  # what a form sends back has to be exact
    assert "\u202e" not in shown
    assert "\x07" not in shown


@pytest.mark.parametrize(
    "query",
    [
        {"after": "!!!"},
        {"after": "bnVsbA"},
        {"sort": "record"},
        {"sort": "-"},
        {"q": "\x00"},
        {"host": "9" * 40},
        {"host": "-1"},
        {"source": "9" * 40},
        {"owner": "\x00"},
        {"classification": "%"},
        {"check": "'; --"},
    ],
)
def test_a_hostile_address_never_breaks_the_list(analyst: Client, query: dict[str, str]):
    assert analyst.get("/inventory/vms/", query).status_code == 200


def test_pages_by_key_show_every_machine_once(analyst: Client, world: World):
    for n in range(120):
        AssetFactory(source=world.source, record=a_vm(f"same-{n % 7}", uid=f"u{n}", ref=f"r{n}"))

    seen: list[str] = []
    path: str = "/inventory/vms/?sort=-owner"
    while path:
        answer = analyst.get(path)
        seen += [row.asset.uid for row in answer.context["rows"]]
        following = answer.context["page"].next_address
        path = f"/inventory/vms/{following}" if following else ""

    assert len(seen) == len(set(seen)) == 124


@pytest.mark.parametrize("name", ["vms", "hosts", "networks", "clusters", "access"])
def test_a_longer_list_costs_no_more_queries(
    analyst: Client, world: World, name: str, django_assert_max_num_queries: Any
):
    for n in range(40):
        AssetFactory(source=world.source, record=a_vm(f"more-{n}", uid=f"u{n}", ref=f"r{n}"))
        AssetFactory(source=world.source, record=a_host(f"more-{n}", uid=f"h{n}", ref=f"h{n}"))

    with django_assert_max_num_queries(26):
        page(analyst, f"/inventory/{name}/")


def test_an_export_has_what_the_list_shows_and_no_formula(analyst: Client, world: World):
    publish(world.source, a_vm("=cmd()", owner="+1"), at=world.now)

    answer = analyst.get("/inventory/vms/export/", {"classification": "internal"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    lines = list(csv.DictReader(io.StringIO(text)))

    assert [line["Name"] for line in lines] == ["'=cmd()"]
    assert lines[0]["Owner"] == "'+1"
    assert lines[0]["Host"] == "esx-01"
    assert lines[0]["Memory"] == "unknown"


def test_an_export_of_a_team_names_no_host_outside_its_scope(client: Client, world: World):
    client.force_login(person("analyst", teams=(world.web,)))

    answer = client.get("/inventory/vms/export/")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]

    assert "web-01" in text
    assert "db-pay-02" not in text
    assert ",esx-01," not in text


def test_htmx_gets_the_table_alone(analyst: Client):
    answer = analyst.get("/inventory/vms/", headers={"HX-Request": "true"})

    assert answer.content.decode().startswith('<div id="assets">')
