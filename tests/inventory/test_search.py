"""What an asset is found by, however it is written, and what of it is said to be meant."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory import history, matching, search
from inventory.models import Asset, AssetVersion, SearchEntry
from inventory.records import GuestNic, PhysicalNic, VmkernelNic
from tests.factories import AssetFactory, SourceFactory, TeamFactory
from tests.inventory.pages.test_past_lists import go, return_to
from tests.inventory.pages.world import change, person, publish
from tests.policies.builders import NOW, a_grant, a_host, a_nic, a_vm, an_image
from tests.twins.test_twins import TOKEN

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
BIOS = "4212ab34-9f01-7c55-aa01-0123456789ab"
INSTANCE = "5012ab34-9f01-7c55-aa01-0123456789ab"


@pytest.fixture(autouse=True)
def _estate(db: None) -> None:
    source = SourceFactory(name="vc-oslo")
    for record in (
        a_vm(
            "db-pay-02",
            uid=INSTANCE,
            bios_uuid=BIOS,
            guest_hostname="pay02.halden.example",
            annotation="Ask Ingrid before a restart.\nOwned by payroll.",
            nics=(a_nic(mac="00:50:56:aa:00:01"),),
            guest_nics=(
                GuestNic(
                    mac="00:50:56:aa:00:01",
                    addresses=("10.1.2.3", "fe80::250:56ff:feaa:1", "nonsense"),
                ),
            ),
        ),
        a_vm("web-01", guest_nics=(GuestNic(addresses=("10.1.20.9",)),), nics=None),
        a_host(
            "esx-01",
            pnics=(PhysicalNic(name="vmnic0", mac="00:50:56:aa:00:77"),),
            vmkernel_nics=(VmkernelNic(device="vmk0", ip="10.9.0.4"),),
        ),
        a_grant(principal="HALDEN\\ingrid"),
    ):
        AssetFactory(source=source, record=record)


def found(text: str) -> set[str]:
    return {
        history.typed(asset.record).name.split(":")[0]
        for asset in search.narrow(Asset.objects.all(), text)
    }


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("DB-pay", {"db-pay-02"}),
        ("pay02.halden", {"db-pay-02"}),
        ("restart", {"db-pay-02"}),
        ("ingrid", {"db-pay-02", "HALDEN\\ingrid"}),
        ("ingrid payroll", {"db-pay-02"}),
        ("halden\\ingrid", {"HALDEN\\ingrid"}),
        ("10.1.2.3", {"db-pay-02"}),
        ("10.1.2", {"db-pay-02", "web-01"}),
        ("10.1.2.", {"db-pay-02"}),
        ("10.1.", {"db-pay-02", "web-01"}),
        ("10.1.2.0/24", {"db-pay-02"}),
        ("10.1.0.0/19", {"db-pay-02", "web-01"}),
        ("10.1.2.4/30", set()),
        ("10.1.2.2/31", {"db-pay-02"}),
        ("10.9.0.4", {"esx-01"}),
        ("FE80::250:56FF:FEAA:1", {"db-pay-02"}),
        ("fe80:0:0:0:250:56ff:feaa:0001", {"db-pay-02"}),
        ("fe80::/10", {"db-pay-02"}),
        ("fe80::250", {"db-pay-02"}),
        ("00:50:56:AA:00:01", {"db-pay-02"}),
        ("00-50-56-aa-00-01", {"db-pay-02"}),
        ("0050.56aa.0001", {"db-pay-02"}),
        ("005056AA0001", {"db-pay-02"}),
        ("00:50:56:aa", {"db-pay-02", "esx-01"}),
        ("00:50:56:aa:00:7", {"esx-01"}),
        (BIOS, {"db-pay-02"}),
        (BIOS.replace("-", "").upper(), {"db-pay-02"}),
        ("{" + INSTANCE + "}", {"db-pay-02"}),
        ("4212ab34-9f01", {"db-pay-02"}),
        ("host-esx-01", {"esx-01"}),
        ("ost-esx-01", set()),
        ("nonsense", set()),
        ("10.1.3.3", set()),
        ("0.1.2.3", set()),
        ("ip 10.1.2.3", set()),
        ("%", set()),
    ],
)
def test_an_asset_is_found_by_all_it_is_known_by(text: str, names: set[str]):
    assert found(text) == names


def test_a_template_is_found_by_its_address_its_notes_and_its_ids():
    image = an_image(
        "gold",
        annotation="Built on Mondays.",
        bios_uuid="4212ab34-9f01-7c55-aa01-00000000feed",
        nics=(a_nic(mac="00:50:56:ee:00:01"),),
    )
    AssetFactory(record=image)

    for text, label in (
        ("00:50:56:EE:00:01", "on NIC 4000"),
        ("mondays", "note"),
        ("4212ab34-9f01-7c55-aa01-00000000feed", "BIOS UUID"),
    ):
        assert found(text) == {"gold"}
        assert [match.label for match in matching.matches(image, search.read(text))] == [label]


def test_nobodys_name_or_note_passes_for_an_address():
    AssetFactory(record=a_vm("ip 10.66.0.1", annotation="ip 10.66.0.1, net4 0a420001", nics=None))

    assert search.read("10.66.0.0/16").query
    assert found("10.66.0.0/16") == set()


@given(st.text(max_size=60))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_is_an_operator_or_an_error(text: str):
    found(text.encode("utf-8", "ignore").decode())


@given(st.from_regex(r"[0-9a-f:./-]{0,30}", fullmatch=True))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_almost_an_address_is_no_error(text: str):
    found(text)


@given(st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_record_with_any_text_for_its_addresses_is_kept(mac: str, address: str):
    mac, address = (
        each.replace("\x00", "").encode("utf-8", "ignore").decode() for each in (mac, address)
    )
    asset = AssetFactory(
        record=a_vm("odd", nics=(a_nic(mac=mac),), guest_nics=(GuestNic(addresses=(address,)),))
    )

    assert Asset.objects.filter(pk=asset.pk, search__isnull=False).exists()


def test_what_changed_is_found_by_what_it_is_now():
    asset = publish(SourceFactory(), a_vm("alpha", annotation="first"), at=NOW)
    change(asset, at=NOW.replace(year=NOW.year + 1), name="omega", annotation="second")

    assert (found("alpha"), found("first")) == (set(), set())
    assert (found("omega"), found("second")) == ({"omega"}, {"omega"})


def test_the_upgrade_writes_what_the_triggers_keep():
    upgrade = import_module("inventory.migrations.0011_past_and_search")
    asset = publish(SourceFactory(), a_vm("alpha", annotation="first"), at=NOW)
    change(asset, at=NOW + DAY, name="omega", nics=(a_nic(mac="00:50:56:aa:00:99"),))
    change(asset, at=NOW + 2 * DAY, annotation="second")
    go(asset, NOW + 3 * DAY)
    return_to(asset, NOW + 4 * DAY)

    def kept() -> tuple[list[object], list[object]]:
        return (
            list(SearchEntry.objects.order_by("pk").values_list("pk", "terms", "earlier")),
            list(AssetVersion.objects.order_by("pk").values_list("pk", "away_since")),
        )

    by_triggers = kept()
    assert (asset.versions.order_by("-valid_from")[0].away_since) == NOW + 3 * DAY
    SearchEntry.objects.all().delete()
    AssetVersion.objects.update(away_since=None)
    with connection.cursor() as cursor:
        cursor.execute(upgrade.EXISTING)
        cursor.execute(upgrade.PAST_RETURNS)

    assert kept() == by_triggers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10.1.2", [("on guest NIC", "10.1.2.3")]),
        ("10.1.2.0/24", [("on guest NIC", "10.1.2.3")]),
        ("fe80::/10", [("on guest NIC", "fe80::250:56ff:feaa:1")]),
        (
            "0050.56aa.0001",
            [("on NIC 4000", "00:50:56:aa:00:01"), ("on guest NIC", "00:50:56:aa:00:01")],
        ),
        (BIOS.replace("-", ""), [("BIOS UUID", BIOS)]),
        (INSTANCE, [("instance UUID", INSTANCE)]),
        ("vm-db-pay-02", [("managed object id", "vm-db-pay-02")]),
        ("pay02", [("name inside the guest", "pay02.halden.example")]),
        ("payroll", [("note", "Ask Ingrid before a restart. Owned by payroll.")]),
        ("db-pay-02", []),
    ],
)
def test_what_matched_is_said_in_words(text: str, said: list[tuple[str, str]]):
    asset = Asset.objects.get(name="db-pay-02")

    matches = matching.matches(history.typed(asset.record), search.read(text))

    assert [(each.label, each.text) for each in matches] == said


def test_whatever_the_database_finds_the_words_explain():
    """Each asset that is found by something other than its name has a reason beside it."""
    for text in ("10.1.", "00:50:56", "payroll", "4212ab34", "host-esx-01", "fe80:"):
        for asset in search.narrow(Asset.objects.all(), text):
            assert matching.matches(history.typed(asset.record), search.read(text)), (text, asset)


def test_the_page_groups_what_is_found_and_says_what_matched(client: Client):
    client.force_login(person("analyst"))

    html = client.get("/search/", {"q": "ingrid"}).content.decode()

    assert "<h2>Machines</h2>" in html
    assert "<h2>Grants</h2>" in html
    assert "Ask Ingrid before a restart." in html
    assert 'href="/inventory/vms/?q=ingrid"' in html


def test_the_page_is_no_place_for_what_somebody_typed_into_a_note(client: Client):
    AssetFactory(record=a_vm("odd", annotation="<script>alert(1)</script> gotcha"))
    client.force_login(person("analyst"))

    assert "<script>alert" not in client.get("/search/", {"q": "gotcha"}).content.decode()


def test_a_search_that_finds_nothing_says_what_can_be_looked_for(client: Client, db: None):
    client.force_login(person("analyst"))

    html = client.get("/search/", {"q": "nothing-is-called-so"}).content.decode()

    assert "Nothing that you may see matches" in html
    assert "Type the beginning of a name" in html


@pytest.mark.parametrize("path", ["/search/", "/api/v1/search/"])
@pytest.mark.parametrize("text", ["10.1.2.3", "0050.56aa.0001", "ingrid", BIOS, "db-pay"])
def test_a_hidden_machines_term_answers_as_one_of_none(client: Client, path: str, text: str):
    client.force_login(person("analyst", teams=(TeamFactory(name="Web"),)))

    def answer() -> bytes:
        return TOKEN.sub(b"", client.get(path, {"q": text}).content)

    hidden = answer()
    Asset.objects.all().delete()

    assert answer() == hidden


def test_somebody_of_a_team_finds_their_own(client: Client):
    team = TeamFactory(name="Web")
    Asset.objects.filter(name="web-01").update(team=team)
    client.force_login(person("analyst", teams=(team,)))

    assert [
        row["name"] for row in client.get("/api/v1/search/", {"q": "10."}).json()["results"]
    ] == ["web-01"]


def test_the_interface_tells_what_matched(client: Client):
    client.force_login(person("analyst"))

    [row] = client.get("/api/v1/search/", {"q": "10.1.2.3"}).json()["results"]

    assert row["name"] == "db-pay-02"
    assert row["matched"] == [{"where": "on guest NIC", "text": "10.1.2.3"}]
    assert client.get("/api/v1/search/", {"q": " "}).status_code == 400


def test_of_very_many_the_first_are_shown(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("inventory.search.FEW", 1)
    client.force_login(person("analyst"))

    html = client.get("/search/", {"q": "10."}).content.decode()

    assert "More than a thousand assets do" in html
    assert "db-pay-02" in html
