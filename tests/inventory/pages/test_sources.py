"""Pages of sources and runs: what is told, what may be done, and how waiting looks."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from audit.models import Entry
from inventory.models import Source, SyncRun
from tests.factories import SourceFactory, SyncRunFactory
from tests.inventory.pages.world import HOSTILE, World, person
from tests.peers.certificates import self_signed
from tests.peers.rogue import Rogue

SECRET = "correct horse battery staple of the vcenter"


def page(client: Client, path: str, **query: Any) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html.partition("<main")[2] or html))


@pytest.fixture
def operator(client: Client, world: World) -> Client:
    client.force_login(person("operator"))
    return client


def form(**fields: Any) -> dict[str, Any]:
    return {
        "name": "vc-bergen",
        "url": "https://vc-bergen.example.org",
        "username": "reader",
        "password": SECRET,
        "trust": "system",
        "trust_pem": "",
        "interval_minutes": 30,
        "map_owner": "Owner",
        **fields,
    }


# --- reading ----------------------------------------------------------------------------------


def test_without_sources_the_page_offers_the_way_to_the_first(client: Client, db: None):
    client.force_login(person("operator"))

    assert "No source yet" in page(client, "/sources/")


def test_a_card_says_how_old_the_facts_are_and_what_could_not_be_seen(operator: Client):
    html = page(operator, "/sources/")
    text = text_of(html)

    assert "1 source; all facts are fresh; 1 object could not be read." in text
    assert "3 min ago" in text
    assert "1 object" in text
    assert "1 property" in text
    assert "VirtualMachine.Interact.PowerOff" in text
    assert html.count('class="is-complete"') == 11


def test_every_number_of_what_a_source_holds_leads_to_it(operator: Client, world: World):
    assert f'href="/sources/{world.source.pk}/#holds"' in page(operator, "/sources/")
    html = page(operator, f"/sources/{world.source.pk}/")
    holds = html.partition('id="holds"')[2].partition("</section>")[0]

    counted = re.findall(r'<dt>([^<]+)</dt><dd><a href="([^"]+)">([0-9,]+)</a>', holds)
    assert len(counted) == holds.count("<dt>")
    for _, address, number in counted:
        listed = page(operator, address.replace("&amp;", "&"))
        assert "platform" in listed.lower() if "assets" in address else f">{number} " in listed
    assert [name for name, *_ in counted][-2:] == ["Users and groups", "Platform"]


def test_a_stale_source_is_named_first(operator: Client, world: World):
    Source.objects.update(published_at=world.now - timedelta(hours=5))

    assert "vc-oslo is stale" in text_of(page(operator, "/sources/"))
    assert "more than two of its intervals ago" in text_of(page(operator, "/inventory/vms/"))


def test_a_source_names_the_checks_its_blind_spots_blind(operator: Client, world: World):
    text = text_of(page(operator, f"/sources/{world.source.pk}/"))

    assert "config.option" in text
    assert "The account lacks Host.Config.Settings." in text
    html = page(operator, f"/sources/{world.source.pk}/")
    assert '<a href="/policies/checks/host-' in html
    assert "broken-vm" in text


def test_a_run_tells_kind_by_kind_what_became_of_it(operator: Client, world: World):
    run = world.source.runs.latest("id")

    text = text_of(page(operator, f"/sources/runs/{run.pk}/"))

    assert "Everything was found; what could not be read stands below." in text
    assert "Whole" in text
    assert "It has no instance UUID." in text
    assert "Opened1" in text.replace(" ", "")


def test_a_run_that_lacks_nothing_says_so(operator: Client, world: World):
    run = SyncRunFactory(source=world.source, state="complete", published_at=world.now)

    assert "Everything was read." in text_of(page(operator, f"/sources/runs/{run.pk}/"))


@pytest.mark.parametrize("state", SyncRun.State.values)
def test_a_run_in_every_state_has_a_sentence(operator: Client, world: World, state: str):
    run = SyncRunFactory(
        source=world.source,
        state=state,
        published_at=world.now if state in ("complete", "partial") else None,
        causes=[{"code": "x", "message": HOSTILE, "advice": "Look <b>there</b>."}],
    )

    html = page(operator, f"/sources/runs/{run.pk}/")

    assert "<script>alert" not in html
    assert "Look &lt;b&gt;there&lt;/b&gt;." in html
    live = state in ("queued", "running")
    assert ('hx-trigger="every 2s"' in html) is live
    assert (f"Cancel run {run.pk}" in html) is live
    assert ("Discard run" in html) is (state == "held")


def test_progress_is_a_fragment_that_stops_asking_when_the_run_is_over(
    operator: Client, world: World
):
    run = SyncRunFactory(
        source=world.source,
        state="running",
        phase="collecting",
        published_at=None,
        finished_at=None,
        progress={"vm": 1200, "host": 34},
    )
    path = f"/sources/runs/{run.pk}/progress/"

    under_way = page(operator, path)
    SyncRun.objects.filter(pk=run.pk).update(state="complete", phase="done")
    over = page(operator, path)

    assert under_way.startswith('<div id="run" hx-get=')
    assert "1,234 objects collected of about 6." in text_of(under_way)
    assert "<progress" in under_way
    assert "hx-get" not in over


# --- deciding ---------------------------------------------------------------------------------


def test_an_operator_collects_now_and_watches_it(operator: Client, world: World):
    answer = operator.post(f"/sources/{world.source.pk}/sync/")

    run = world.source.runs.latest("id")
    assert run.state == "queued"
    assert answer.headers["Location"] == f"/sources/runs/{run.pk}/"


def test_a_switched_off_source_says_why_it_is_not_collected(operator: Client, world: World):
    Source.objects.update(is_enabled=False)

    answer = operator.post(f"/sources/{world.source.pk}/sync/", follow=True)

    assert "is switched off" in answer.content.decode()
    assert not world.source.runs.filter(state="queued").exists()


def test_a_held_run_is_released_or_discarded_by_an_operator(operator: Client, world: World):
    first = SyncRunFactory(source=world.source, state="held", published_at=None)

    operator.post(f"/sources/runs/{first.pk}/discard/")
    assert SyncRun.objects.get(pk=first.pk).state == "cancelled"

    second = SyncRunFactory(source=world.source, state="held", published_at=None)
    operator.post(f"/sources/runs/{second.pk}/release/")
    assert SyncRun.objects.get(pk=second.pk).release_approved_at is not None
    assert Entry.objects.filter(action="inventory:run:release").count() == 2


def test_what_cannot_be_done_is_said(operator: Client, world: World):
    run = world.source.runs.latest("id")

    answer = operator.post(f"/sources/runs/{run.pk}/release/", follow=True)

    assert "Only a held run can be released." in answer.content.decode()


def test_reading_changes_nothing(operator: Client, world: World):
    run = SyncRunFactory(source=world.source, state="held", published_at=None)
    for path in (
        f"/sources/{world.source.pk}/sync/",
        f"/sources/{world.source.pk}/switch/",
        f"/sources/runs/{run.pk}/release/",
        f"/sources/runs/{run.pk}/discard/",
        f"/sources/runs/{run.pk}/cancel/",
    ):
        assert operator.get(path).status_code == 405


@pytest.mark.parametrize("role", ["viewer", "analyst", "approver", "auditor", "remediator"])
def test_others_read_and_decide_nothing(client: Client, world: World, role: str):
    client.force_login(person(role))
    run = SyncRunFactory(source=world.source, state="held", published_at=None)
    pk = world.source.pk

    html = page(client, f"/sources/{pk}/") + page(client, f"/sources/runs/{run.pk}/")

    for word in ("Collect now", "Edit", "Switch off", "Discard run"):
        assert word not in html
    for path in (
        f"/sources/{pk}/sync/",
        f"/sources/{pk}/switch/",
        f"/sources/{pk}/test/",
        f"/sources/{pk}/edit/",
        "/sources/add/",
        "/sources/test/",
        "/sources/certificate/",
        f"/sources/runs/{run.pk}/release/",
        f"/sources/runs/{run.pk}/discard/",
        f"/sources/runs/{run.pk}/cancel/",
    ):
        assert client.post(path, form()).status_code == 404, path


def test_a_member_of_a_team_is_told_the_age_and_nothing_that_counts_others(
    client: Client, world: World
):
    client.force_login(person("viewer", teams=(world.web,)))
    run = world.source.runs.latest("id")

    html = page(client, "/sources/") + page(client, f"/sources/{world.source.pk}/")

    assert "3 min ago" in html
    assert "2 assets" in html
    for foreign in ("broken-vm", "config.option", "PowerOff", "esx-07", "reader@vsphere.local"):
        assert foreign not in html
    assert client.get(f"/sources/runs/{run.pk}/").status_code == 404
    assert client.get(f"/sources/runs/{run.pk}/progress/").status_code == 404


def test_a_source_without_anything_of_the_team_is_absent(client: Client, world: World):
    client.force_login(person("viewer", teams=(world.web,)))
    other = SourceFactory(name="vc-secret")

    assert client.get(f"/sources/{other.pk}/").status_code == 404
    assert "vc-secret" not in page(client, "/sources/")


# --- adding and changing ----------------------------------------------------------------------


def test_adding_a_source_seals_the_password_and_collects_at_once(operator: Client):
    answer = operator.post("/sources/add/", form())

    source = Source.objects.get(name="vc-bergen")
    run = source.runs.get()
    assert answer.headers["Location"] == f"/sources/runs/{run.pk}/"
    assert source.attribute_mapping == {"owner": "Owner"}
    assert source.interval_minutes == 30


def test_the_password_is_never_sent_back(operator: Client):
    html = operator.post("/sources/add/", form(url="http://plain")).content.decode()

    assert SECRET not in html
    assert "https://vcenter.example.org" in html


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "This field is required."),
        ({"url": "http://vc"}, "The address has to look like"),
        ({"password": ""}, "This field is required."),
        ({"trust": "pin"}, "Paste exactly one certificate in PEM form."),
        ({"trust": "ca", "trust_pem": "hello"}, "Paste the authority"),
        ({"interval_minutes": "0"}, "greater than or equal to 1"),
        ({"name": "VC-Oslo"}, "There is already a source with this name."),
        ({"trust": "none"}, "Select a valid choice"),
    ],
)
def test_each_mistake_is_explained_and_nothing_is_stored(
    operator: Client, fields: dict[str, str], said: str
):
    html = operator.post("/sources/add/", form(**fields)).content.decode()

    assert said in html
    assert Source.objects.count() == 1


def test_a_new_address_needs_the_password_again(operator: Client, world: World):
    operator.post("/sources/add/", form())
    source = Source.objects.get(name="vc-bergen")
    path = f"/sources/{source.pk}/edit/"

    html = operator.post(path, form(url="https://evil.example", password="")).content.decode()
    assert "the password has to be typed again" in html
    assert Source.objects.get(pk=source.pk).url == "https://vc-bergen.example.org/sdk"

    operator.post(path, form(name="vc-bergen-2", password=""))
    assert Source.objects.get(pk=source.pk).name == "vc-bergen-2"


def test_a_test_with_the_stored_password_goes_to_the_stored_address_only(operator: Client):
    operator.post("/sources/add/", form())
    source = Source.objects.get(name="vc-bergen")

    html = operator.post(
        f"/sources/{source.pk}/test/", form(url="https://evil.example", password="")
    ).content.decode()

    assert "so the test needs the password" in html


def test_a_failed_test_says_what_happened_and_what_to_do(operator: Client):
    typed = form(url="https://127.0.0.2:1/sdk")

    html = operator.post("/sources/test/", typed, headers={"HX-Request": "true"}).content.decode()

    assert html.startswith('<div id="test-result"') or '<div id="test-result"' in html
    assert "refused the connection" in html
    assert "Check the port" in html
    assert "Nothing was stored or changed." in html
    assert SECRET not in html


def test_the_fetched_certificate_is_shown_with_its_fingerprint(operator: Client, tmp_path: Any):
    certificate = self_signed(tmp_path)
    with Rogue(certificate) as server:
        html = operator.post("/sources/certificate/", form(url=server.url)).content.decode()

    assert certificate.fingerprint in html
    assert "-----BEGIN CERTIFICATE-----" in html


def test_a_silent_address_shows_no_certificate(operator: Client):
    html = operator.post("/sources/certificate/", form(url="https://127.0.0.2:1")).content.decode()

    assert "showed no certificate" in html


def test_switching_off_keeps_everything_and_is_recorded(operator: Client, world: World):
    operator.post(f"/sources/{world.source.pk}/switch/")

    assert not Source.objects.get(pk=world.source.pk).is_enabled
    assert "Switch on" in page(operator, f"/sources/{world.source.pk}/")
    assert Entry.objects.filter(action="inventory:source:manage").exists()


def test_the_list_of_sources_costs_few_queries(
    operator: Client, world: World, django_assert_max_num_queries: Any
):
    with django_assert_max_num_queries(18):
        page(operator, "/sources/")
