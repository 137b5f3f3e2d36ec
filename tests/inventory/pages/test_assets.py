"""Pages of assets: what is known, what is not, what has been, and who is told."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from inventory.models import Asset
from inventory.records import Nic
from tests.inventory.pages.world import HOSTILE, World, change, person, publish
from tests.policies.builders import a_host, a_network, a_principal, a_switch, a_vm


def page(client: Client, asset: Asset, **query: Any) -> str:
    answer = client.get(f"/inventory/assets/{asset.pk}/", query)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def text_of(html: str) -> str:
    """What a reader reads, in one line."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html.partition("<main")[2]))


@pytest.fixture
def analyst(client: Client, world: World) -> Client:
    client.force_login(person("analyst"))
    return client


@pytest.mark.parametrize(
    "name",
    [
        "db-pay-02",
        "lab-old",
        "esx-01",
        "esx-07",
        "Old servers",
        "dvs-1",
        "gold",
        "rhel9-base",
        "role-101",
        "vc-oslo",
    ],
)
def test_the_page_of_every_kind_opens(analyst: Client, world: World, name: str):
    page(analyst, Asset.objects.get(name=name))


def test_the_pages_of_kinds_that_share_a_name_open(analyst: Client, world: World):
    for kind in ("cluster", "network", "grant", "principal"):
        for asset in Asset.objects.filter(kind=kind):
            page(analyst, asset)


def test_a_machine_says_whose_it_is_where_it_runs_and_since_when(analyst: Client, world: World):
    text = text_of(page(analyst, world["db-pay-02"]))

    moved = (world.now - timedelta(days=3)).strftime("%Y-%m-%d %H:%M UTC")
    assert "Owned by ingrid@halden.example, of Finance; confidential, high." in text
    assert f"Runs on esx-01 since {moved}." in text
    assert "1 finding is open." in text


def test_the_first_line_counts_what_hangs_on_it_and_links_the_number(analyst: Client, world: World):
    cluster = Asset.objects.get(kind="cluster")
    publish(world.source, a_host("esx-11", cluster_ref=cluster.ref), at=world.now)
    html = page(analyst, cluster)
    [(address, hosts)] = re.findall(
        r'<a href="(/inventory/hosts/\?cluster=\d+)">(\d+ hosts?)</a> in it', html
    )
    assert f">{hosts}</a>" in analyst.get(address).content.decode()

    switch = publish(
        world.source, a_switch("dvs-2", host_refs=("host-esx-01", "host-of-nobody")), at=world.now
    )
    assert "1 host uses it." in text_of(page(analyst, switch))


def test_a_group_is_called_one_and_its_members_are_meant(analyst: Client, world: World):
    group = publish(world.source, a_principal(r"HALDEN\quiet", r"HALDEN\eva"), at=world.now)
    text = text_of(page(analyst, group))

    assert "Group" in text
    assert "Its members may do nothing that is sensitive." in text


def test_what_the_platform_did_not_say_reads_unknown(analyst: Client, world: World):
    text = text_of(page(analyst, world["lab-old"]))

    assert "Its owner is unknown; classification unknown" in text
    assert "Unknown: the platform did not give its NICs." in text
    assert "Files (unknown)" in text


def test_an_asset_that_was_not_evaluated_passes_nothing(analyst: Client, world: World):
    html = page(analyst, world["lab-old"])

    assert "It has not been evaluated since it changed" in text_of(html)
    assert "v-verdict-pass" not in html


def test_verdicts_are_shown_by_statement_and_a_pass_is_derived(analyst: Client, world: World):
    html = page(analyst, world["web-02"])

    assert "v-verdict-pass" in html
    assert "v-verdict-fail" not in html
    assert "63 days old." in page(analyst, world["db-pay-02"])


def test_neighbours_are_those_on_the_same_host_now(analyst: Client, world: World):
    html = page(analyst, world["db-pay-02"])

    assert ">web-01<" in html
    assert "Machines of other classifications share this host: public." in text_of(html)


def test_what_passes_is_folded_when_it_would_hide_what_does_not(analyst: Client, world: World):
    vm, role = world["db-pay-02"], Asset.objects.get(name="role-101")

    open_, _, folded = page(analyst, vm).partition('<details class="v-more v-folded">')
    assert "v-verdict-fail" in open_
    assert "v-verdict-pass" not in open_
    assert folded.partition("</details>")[0].count("v-verdict-pass") > 5
    assert "v-folded" not in page(analyst, role)  # few enough to stand there


def test_a_move_stands_in_the_history_with_its_difference(analyst: Client, world: World):
    text = text_of(page(analyst, world["db-pay-02"]))

    assert "Moved from esx-07 to esx-01" in text
    assert "NIC 4000: mac address" in text.replace("MAC", "mac") or "00:50:56:aa:00:02" in text
    assert "16 GiB" in text
    assert "32 GiB" in text
    assert "First seen." in text


def test_older_history_is_a_link_away(analyst: Client, world: World):
    vm = world["web-02"]
    for n in range(30):
        change(vm, at=world.now - timedelta(hours=40 - n), cpu_count=n + 1)

    html = page(analyst, vm)
    older = re.search(r'href="\?before=([^#"]+)#history"', html)

    assert older
    second = analyst.get(f"/inventory/assets/{vm.pk}/?before={older[1]}").content.decode()
    assert "First seen." in second
    assert "CPUs: 20 → 21" not in second


def test_as_of_shows_the_record_of_then_under_a_banner(analyst: Client, world: World):
    then = (world.now - timedelta(days=10)).strftime("%Y-%m-%dT%H:%M")

    html = page(analyst, world["db-pay-02"], as_of=then)
    text = text_of(html)

    assert "not as it is now" in text
    assert "16 GiB" in text
    assert "32 GiB" not in text
    assert "Open findings" not in text
    assert "Verdicts and findings belong to now" in text
    assert ">web-01<" not in html


def test_as_of_the_host_has_its_name_of_then_and_leads_to_lists_of_then(
    analyst: Client, world: World
):
    host = Asset.objects.get(name="esx-07")
    change(host, at=world.now - timedelta(days=5), name="esx-renamed")
    then = (world.now - timedelta(days=15)).isoformat()

    html = page(analyst, world["db-pay-02"], as_of=then)

    assert ">esx-07<" in html
    assert ">esx-renamed<" not in html
    assert f"/inventory/vms/?host={host.pk}&amp;as_of=" in html
    assert "<dt>Team now</dt>" in html


def test_as_of_before_the_first_sight_says_that_nothing_is_known(analyst: Client, world: World):
    text = text_of(page(analyst, world["db-pay-02"], as_of="2001-01-01"))

    assert "Nothing is known of this asset on" in text
    assert "It was first seen" in text


@pytest.mark.parametrize(
    "as_of", ["yesterday", "2026-13-45", "9999999999999", "\x00", "2026-02-30"]
)
def test_an_unclear_moment_is_said_to_be_unclear(analyst: Client, world: World, as_of: str):
    assert "The moment in the address is not understood" in page(
        analyst, world["db-pay-02"], as_of=as_of
    )


def test_a_missing_asset_says_since_when(analyst: Client, world: World):
    vm = world["web-02"]
    Asset.objects.filter(pk=vm.pk).update(missing_since=world.now - timedelta(hours=1))

    assert "is missing since" in text_of(page(analyst, vm))


def test_a_retired_asset_keeps_its_page_and_shows_no_verdict(analyst: Client, world: World):
    vm = world["web-02"]
    gone = {"missing_since": world.now - timedelta(hours=2), "gone_at": world.now}
    Asset.objects.filter(pk=vm.pk).update(**gone)

    html = page(analyst, vm)

    assert "is gone. It was last seen" in text_of(html)
    assert "Retired: absent from two complete collections" in text_of(html)
    assert "v-verdict-pass" not in html


def test_who_can_reach_a_machine_is_derived_from_the_folders_above(analyst: Client, world: World):
    text = text_of(page(analyst, world["db-pay-02"]))

    assert r"HALDEN\anna" in text
    assert r"role-101 on /Oslo/vm, member of HALDEN\vm-operators" in text


# --- the drawing ------------------------------------------------------------------------------


def test_a_host_is_drawn_with_its_machines_and_what_is_wrong(analyst: Client, world: World):
    html = page(analyst, world["esx-01"])
    text = text_of(html)

    assert html.count('class="v-machine v-tone-') == 3
    assert "Machines of 2 classifications share this host." in text
    assert "Management Network: no VLAN" in text
    assert "vmnic2: no link" in text
    assert "link unknown" in text
    assert "v-wire-management" in html


def test_management_that_shares_a_wire_with_machines_is_marked(analyst: Client, world: World):
    publish(
        world.source,
        a_vm(
            "old-1",
            uid="old-1",
            nics=(Nic(key="1", network_ref="network-Old servers", network_name="Old servers"),),
        ),
        at=world.now,
    )

    assert "vmnic0: management and machines" in text_of(page(analyst, world["esx-01"]))


def test_the_drawing_needs_no_inline_style(analyst: Client, world: World):
    html = page(analyst, world["esx-01"])

    assert " style=" not in html
    assert "<script>" not in html
    assert " onclick" not in html


def test_a_host_whose_network_is_unknown_is_not_drawn(analyst: Client, world: World):
    host = publish(world.source, a_host("esx-blind", pnics=None), at=world.now)

    assert "How it is wired" not in page(analyst, host)


def test_a_crowded_host_still_draws(analyst: Client, world: World):
    for n in range(95):
        publish(world.source, a_vm(f"crowd-{n}", uid=f"c{n}", ref=f"c{n}"), at=world.now)

    html = page(analyst, world["esx-01"])

    assert html.count('class="v-machine v-tone-') == 78
    assert "20 more" in text_of(html)


# --- who is told ------------------------------------------------------------------------------


def test_another_teams_machine_is_absent(client: Client, world: World):
    client.force_login(person("viewer", teams=(world.web,)))

    foreign = client.get(f"/inventory/assets/{world['db-pay-02'].pk}/")
    absent = client.get("/inventory/assets/999999/")

    assert foreign.status_code == absent.status_code == 404
    ids = re.compile(r'name="(csrfmiddlewaretoken|next)" value="[^"]*"|X-CSRFToken": "[^"]*"')
    there = foreign.content.decode().replace(foreign.request["PATH_INFO"], "")
    nowhere = absent.content.decode().replace(absent.request["PATH_INFO"], "")
    assert ids.sub("", there) == ids.sub("", nowhere)


def test_a_member_of_a_team_learns_nothing_about_neighbours(client: Client, world: World):
    client.force_login(person("viewer", teams=(world.finance,)))

    html = page(client, world["db-pay-02"])
    text = text_of(html)

    assert "None that you may see." in text
    for foreign in ("web-01", "web-02", ">esx-01<", ">esx-07<", "vm-operators"):
        assert foreign not in html
    assert "Grants belong to the whole platform." in text
    assert "classifications share this host" not in text


def test_without_the_permission_the_page_is_absent(client: Client, world: World):
    client.force_login(person("user-admin"))

    assert client.get(f"/inventory/assets/{world['web-01'].pk}/").status_code == 404


def test_hostile_facts_are_text_and_nothing_else(analyst: Client, world: World):
    vm = publish(
        world.source,
        a_vm(
            HOSTILE,
            uid="h",
            ref="h",
            annotation=HOSTILE,
            owner=HOSTILE,
            guest_os=HOSTILE,
            attributes={HOSTILE: HOSTILE},
            nics=(Nic(key="1", label=HOSTILE, mac=HOSTILE, network_name=HOSTILE),),
        ),
        at=world.now - timedelta(hours=2),
    )
    change(vm, at=world.now - timedelta(hours=1), annotation="calm")
    publish(world.source, a_network(HOSTILE, uid="n", ref="n"), at=world.now)

    for asset in (vm, world["esx-01"], Asset.objects.get(uid="n")):
        html = page(analyst, asset)
        assert "<script>alert" not in html
        assert "\u202e" not in html


def test_the_page_costs_few_queries(
    analyst: Client, world: World, django_assert_max_num_queries: Any
):
    for n in range(30):
        publish(world.source, a_vm(f"more-{n}", uid=f"m{n}", ref=f"m{n}"), at=world.now)

    with django_assert_max_num_queries(32):
        page(analyst, world["db-pay-02"])
    with django_assert_max_num_queries(32):
        page(analyst, world["esx-01"])
