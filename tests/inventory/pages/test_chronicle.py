"""The pages about the past: what they say, what they link to, and what they do with nonsense."""

from __future__ import annotations

from http import HTTPStatus

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from inventory.models import Asset, BlindInterval, Source
from tests.factories import SourceFactory, TeamFactory, UserFactory
from tests.inventory.chronicle.lives import at, collect, event, vm

pytestmark = pytest.mark.django_db
MAC = "00:50:56:00:00:01"


@pytest.fixture
def source(db: None) -> Source:
    """Two machines on one host until one moved; a third elsewhere. Then nothing for five hours."""
    source: Source = SourceFactory(complete_at=None, published_at=None, evaluated_at=None)
    collect(source, vm(1), vm(2), vm(3, host="host-3"), hours=0, events=())
    told = (
        event(1, "VmMigratedEvent", 1, ref="vm-2", host_ref="host-2", user="CORP\\ada"),
        event(2, "VmReconfiguredEvent", 1.5, message="Reconfigured web-1 on esx-1"),
    )
    collect(source, vm(1), vm(2, host="host-2"), vm(3, host="host-3"), hours=2, events=told)
    again = told[1:]
    collect(source, vm(1), vm(2, host="host-2"), vm(3, host="host-3"), hours=7, events=again)
    return source


@pytest.fixture
def client(source: Source) -> Client:
    return client_of(UserFactory(roles=["analyst"]))


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, name: str, *args: object, **query: str) -> str:
    with time_machine.travel(at(8), tick=False):
        answer = client.get(reverse(f"inventory:{name}", args=args), query)
    assert answer.status_code == HTTPStatus.OK, answer.status_code
    return answer.content.decode()


def pk(name: str) -> int:
    return Asset.objects.get(name=name).pk


def test_who_was_with_a_machine_and_for_how_long(client: Client) -> None:
    text = page(client, "asset-neighbours", pk("web-1"))

    assert "1 machine shared a host with it" in text
    assert "web-2" in text
    assert "web-3" not in text.split("<table")[1]
    assert "60 min" in text or "1 h" in text


def test_the_proof_says_when_each_came_and_left_and_by_whose_word(client: Client) -> None:
    text = page(client, "asset-neighbours", pk("web-1"), **{"with": str(pk("web-2"))})

    assert "When it was with" in text
    assert "first seen" in text
    assert "2026-03-10 13:00 UTC" in text  # left by event


def test_who_the_log_alone_tells_of_is_told_to_whoever_sees_everything(
    client: Client, source: Source
) -> None:
    told = (
        event(2, "VmReconfiguredEvent", 1.5),
        event(3, "VmCreatedEvent", 7.1, ref="vm-9", host_ref="host-1"),
        event(4, "VmPoweredOnEvent", 7.2, ref="vm-9", host_ref="host-1"),
        event(5, "VmRemovedEvent", 7.5, ref="vm-9", host_ref="host-1"),
    )
    collect(source, vm(1), vm(2, host="host-2"), vm(3, host="host-3"), hours=7.9, events=told)
    owner = UserFactory(roles=["remediator"], scope="teams")
    owner.teams.add(team := TeamFactory())
    Asset.objects.filter(name__in=("web-1", "esx-1")).update(team=team)
    asked = [("asset-neighbours", "web-1"), ("asset-ran", "esx-1")]

    for name, asset in asked:
        assert "web-9" in page(client, name, pk(asset)).split("Seen in the log alone")[1]
        assert "Seen in the log alone" not in page(client_of(owner), name, pk(asset))
    with time_machine.travel(at(8), tick=False):
        address = f"/api/v1/assets/{pk('web-1')}/neighbours/"
        [one] = client.get(address).json()["log_alone"]
        assert client_of(owner).get(address).json()["log_alone"] == []
        assert client.get(address, {"by": "datastore"}).json()["log_alone"] == []
    assert (one["name"], one["place"], one["is_running"]) == ("web-9", pk("esx-1"), True)


@pytest.mark.parametrize("by", ["datastore", "network", "template"])
def test_other_ways_of_being_together_have_their_own_tab(client: Client, by: str) -> None:
    text = page(client, "asset-neighbours", pk("web-1"), by=by)

    assert f'by={by}" aria-current="page"' in text


def test_a_blind_interval_is_told_where_it_could_hide_something(client: Client) -> None:
    for text in (
        page(client, "asset-neighbours", pk("web-1")),
        page(client, "asset-ran", pk("esx-1"), day="2026-03-10"),
        page(client, "asset-timeline", pk("web-1")),
        page(client, "macs", mac="00:00:00:00:00:01", at="2026-03-10T16:00"),
    ):
        assert "No collection came, though one is due every" in text


def test_what_a_host_ran_on_a_day_links_to_the_days_around_it(client: Client) -> None:
    text = page(client, "asset-ran", pk("esx-1"), day="2026-03-10")

    assert "2 machines were on it on 2026-03-10" in text
    assert "?day=2026-03-09" in text
    assert "Day after" not in text  # it is still to come
    assert "1 machine was on it" in page(client, "asset-ran", pk("esx-2"))


def test_whose_address_it_was(client: Client) -> None:
    assert "1 card has it now." in page(client, "macs", mac="0050.5600.0001")
    then = page(client, "macs", mac=MAC, at="2026-03-10T12:30")
    assert "1 card had it at" in then
    assert "esx-1" in then
    assert "known to have had it" in page(client, "macs", mac="00:00:00:00:00:01")


def test_an_address_on_two_cards_names_the_machines(source: Source, client: Client) -> None:
    twin = vm(3, host="host-3", mac=MAC)
    collect(source, vm(1), vm(2, host="host-2"), twin, hours=7.5, events=())

    text = page(client, "macs", mac=MAC)

    note = text.partition("More than one card has this address now, on")[2].partition("</span>")[0]
    assert "web-1" in note
    assert "web-3" in note
    assert "1 address is on more than one card now" in page(client, "macs")


def test_without_a_source_the_pages_of_questions_lead_to_the_first(db: None) -> None:
    analyst = client_of(UserFactory(roles=["analyst"]))

    for name in ("macs", "events", "changes"):
        text = page(analyst, name)
        assert "Look at the sources" in text, name
    assert "0</a> appeared" not in text  # nothing was compared
    assert "v-filters" not in text


def test_a_timeline_holds_events_and_versions_in_one_order(client: Client) -> None:
    text = page(client, "asset-timeline", pk("web-2"))

    assert "Moved</bdi>" in text
    assert "CORP\\ada" in text
    assert text.index("Moved from") < text.index("Moved</bdi>") < text.index("First seen.")


def test_a_change_names_who_made_it_where_an_event_tells(client: Client) -> None:
    moved = pk("web-2")
    whole = {"from": at(0.5).isoformat(), "to": at(8).isoformat()}

    entry = page(client, "asset-timeline", moved).split("Moved from")[1].split("</li>")[0]
    compared = page(client, "asset-difference", moved, **whole)
    listed = page(client, "changes", **whole)

    assert "by <bdi" in entry
    for text in (entry, compared, listed):
        assert "CORP\\ada" in text
    assert "2026-03-10 13:00 UTC" in compared  # when it moved, not when that was found


def test_the_interface_and_the_export_name_who_changed_a_fact(client: Client) -> None:
    span = {"from": at(0.5).isoformat(), "to": at(8).isoformat()}
    with time_machine.travel(at(8), tick=False):
        [told] = client.get("/api/v1/changes/", span).json()["results"]
        answer = client.get("/inventory/changes/export/", span)
        lines = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]

    assert [(one["fact"], one["by"]) for one in told["changes"]] == [("Host", "CORP\\ada")]
    assert told["by"] == ""
    assert "CORP\\ada" in lines


def test_a_machine_says_since_when_it_is_on_its_host_and_who_brought_it(client: Client) -> None:
    sentence = page(client, "asset", pk("web-2")).split("v-sentence")[1].split("</p>")[0]

    assert "13:00 UTC</time>, moved by <bdi" in sentence
    assert "CORP\\ada" in sentence
    assert "moved by" not in page(client, "asset", pk("web-1"))


def test_where_a_machine_was_is_drawn_with_what_was_not_observed(client: Client) -> None:
    lanes = page(client, "asset-neighbours", pk("web-2")).split('id="stays"')[1]
    lanes = lanes.split("</section>")[0]

    assert lanes.count('class="is-sure"') == 2
    assert lanes.count("url(#hatch)") == 2  # the same interval on both lanes
    assert "Moved by" in lanes
    assert "CORP\\ada" in lanes


def test_events_of_several_lines_are_told_in_one(source: Source, client: Client) -> None:
    again = event(2, "VmReconfiguredEvent", 1.5, message="Reconfigured web-1 on esx-1")
    long = event(3, "VmReconfiguredEvent", 7.2, message="Reconfigured.\n \nModified:\n\na: 1 -> 2")
    collect(source, vm(1), vm(2, host="host-2"), hours=7.5, events=(again, long))

    assert "Reconfigured. Modified: a: 1 -&gt; 2" in page(client, "events")


def test_a_blind_interval_is_drawn_between_its_end_and_its_beginning(client: Client) -> None:
    entries = page(client, "asset-timeline", pk("web-1")).split('class="v-timeline"')[1]
    found = entries.split("<li")[1:]

    said = [one.split("</li>")[0] for one in found]
    titles = ["Observed again", "Reconfigured", "Not observed from here on", "First seen"]
    order = [next(t for t in titles if t in one) for one in said]
    assert order[0] == "Observed again"
    inside = said[: order.index("Not observed from here on")]
    assert all("is-unseen" in one for one in inside)
    assert not any("is-unseen" in one for one in said[len(inside) :])


def test_events_say_how_new_the_newest_is(client: Client) -> None:
    assert "The newest is from" in page(client, "events")
    assert "The newest is from" not in page(client, "events", what="Moved")


def test_events_are_listed_and_narrowed(client: Client) -> None:
    assert "Reconfigured web-1 on esx-1" in page(client, "events")
    moved = page(client, "events", what="Moved")
    assert "Reconfigured web-1" not in moved
    assert "web-2" in moved
    assert "No event matches" in page(client, "events", q="nobody")


@pytest.mark.parametrize(
    ("name", "asset", "query"),
    [
        ("asset-neighbours", "web-1", {"from": "yesterday"}),
        ("asset-neighbours", "web-1", {"from": "2026-03-10", "to": "2026-03-01"}),
        ("asset-neighbours", "web-1", {"from": "1990-01-01"}),
        ("asset-ran", "esx-1", {"day": "9999-12-31"}),
        ("asset-ran", "esx-1", {"day": "x"}),
        ("macs", "", {"mac": "not an address"}),
        ("macs", "", {"mac": MAC, "at": "x"}),
        ("events", "", {"source": "x"}),
        ("events", "", {"since": "x"}),
    ],
)
def test_what_is_not_understood_is_said(
    client: Client, name: str, asset: str, query: dict[str, str]
) -> None:
    arguments = [pk(asset)] if asset else []

    assert 'role="alert"' in page(client, name, *arguments, **query)


@pytest.mark.parametrize("name", ["asset-neighbours", "asset-ran"])
def test_a_page_about_another_kind_of_thing_is_not_there(client: Client, name: str) -> None:
    other = "esx-1" if name == "asset-neighbours" else "web-1"

    assert client.get(reverse(f"inventory:{name}", args=[pk(other)])).status_code == 404


def test_an_owner_is_told_of_their_machines_and_of_nothing_around_them(source: Source) -> None:
    team = TeamFactory()
    Asset.objects.filter(name="web-1").update(team=team)
    owner = client_of(UserFactory(roles=["remediator"], scope="teams", teams=[team]))

    together = page(owner, "asset-neighbours", pk("web-1"))
    timeline = page(owner, "asset-timeline", pk("web-1"))
    told = page(owner, "events")

    assert "web-2" not in together
    assert "Reconfigured" in timeline
    assert "esx-1" not in timeline + told
    assert "web-2" not in told
    with time_machine.travel(at(8), tick=False):
        hidden = owner.get(reverse("inventory:asset-timeline", args=[pk("web-2")]))
    assert hidden.status_code == HTTPStatus.NOT_FOUND


def test_the_interface_answers_the_same_questions(client: Client) -> None:
    with time_machine.travel(at(8), tick=False):
        together = client.get(f"/api/v1/assets/{pk('web-1')}/neighbours/").json()
        stays = client.get(f"/api/v1/stays/?vm={pk('web-2')}&place_kind=host").json()
        held = client.get("/api/v1/mac-holdings/", {"mac": MAC, "at": "2026-03-10T13:00Z"}).json()
        events = client.get("/api/v1/events/", {"what": "Moved"}).json()

    assert [(one["vm_name"], one["minutes"]) for one in together["neighbours"]] == [("web-2", 60)]
    assert together["blind"][0]["what"] == "inventory"
    assert [stay["basis"] for stay in stays["results"]] == ["event", "first"]
    assert [one["vm_name"] for one in held["results"]] == ["web-1"]
    assert [one["user_name"] for one in events["results"]] == ["CORP\\ada"]


def test_the_interface_says_of_each_row_when_it_was_not_observed(
    client: Client, source: Source
) -> None:
    other = SourceFactory(complete_at=None, published_at=None, evaluated_at=None)
    BlindInterval.objects.create(source=other, what="events", began_at=at(0), cause="Elsewhere.")
    with time_machine.travel(at(8), tick=False):
        stays = client.get(f"/api/v1/stays/?vm={pk('web-2')}&place_kind=host").json()["results"]
        [held] = client.get("/api/v1/mac-holdings/", {"mac": MAC}).json()["results"]

    [silence] = stays[0]["blind"]
    assert silence["source"] == source.pk
    assert (silence["what"], silence["began_at"]) == ("inventory", "2026-03-10T14:00:00Z")
    assert stays[1]["blind"] == []  # it had left before
    assert held["blind"] == [silence]


def test_the_interface_proves_that_two_were_together(client: Client) -> None:
    query = {"with": str(pk("web-2")), "from": "2026-03-10T12:00Z"}
    with time_machine.travel(at(8), tick=False):
        told = client.get(f"/api/v1/assets/{pk('web-1')}/meetings/", query).json()

    [met] = told["meetings"]
    assert (met["place_name"], met["minutes"], met["possible_minutes"]) == ("esx-1", 60, 60)
    assert (met["mine"]["vm_name"], met["other"]["vm_name"]) == ("web-1", "web-2")
    assert (met["other"]["basis"], met["other"]["valid_to"]) == ("first", "2026-03-10T13:00:00Z")
    assert told["blind"][0]["what"] == "inventory"


def test_the_interface_proves_nothing_about_what_somebody_may_not_see(source: Source) -> None:
    team = TeamFactory()
    owner = UserFactory(roles=["remediator"], scope="teams")
    owner.teams.add(team)
    Asset.objects.filter(name__in=("web-1", "web-2")).update(team=team)
    client, own = client_of(owner), pk("web-1")
    with time_machine.travel(at(8), tick=False):
        told = client.get(f"/api/v1/assets/{own}/meetings/?with={pk('web-2')}").json()
        [held] = client.get("/api/v1/mac-holdings/", {"mac": MAC}).json()["results"]
        answers = [
            client.get(f"/api/v1/assets/{own}/meetings/?with={other}")
            for other in (pk("web-3"), 987654321, "x", "")
        ]

    assert [met["minutes"] for met in told["meetings"]] == [60]
    assert "esx-1" not in str(told)
    assert "host-1" not in str(told)
    assert held["hosts"] == []
    assert {answer.status_code for answer in answers} == {HTTPStatus.BAD_REQUEST}
    assert len({answer.content for answer in answers}) == 1


def test_the_interface_says_what_a_host_ran_in_a_time(client: Client) -> None:
    with time_machine.travel(at(8), tick=False):

        def on(name: str, **query: str) -> set[str]:
            told = client.get("/api/v1/stays/", {"place": str(pk(name)), **query}).json()
            return {stay["vm_name"] for stay in told["results"]}

        assert on("esx-1", to="2026-03-10T12:30Z") == {"web-1", "web-2"}
        assert on("esx-1", **{"from": "2026-03-10T13:30Z"}) == {"web-1"}
        assert on("esx-2", to="2026-03-10T12:30Z") == set()


def test_the_interface_says_on_which_hosts_a_holder_was(client: Client) -> None:
    def hosts(**query: str) -> list[str]:
        with time_machine.travel(at(8), tick=False):
            told = client.get("/api/v1/mac-holdings/", query).json()["results"]
        [held] = [one for one in told if one["vm_name"] == "web-2"]
        return [host["place_name"] for host in held["hosts"]]

    assert hosts() == ["esx-2", "esx-1"]
    assert hosts(at="2026-03-10T12:30Z") == ["esx-1"]


def test_what_was_not_observed_of_many_rows_is_asked_for_once(client: Client) -> None:
    client.get("/api/v1/stays/")  # what a session asks once
    asked = []
    for size in (1, 100):
        with CaptureQueriesContext(connection) as queries:
            rows = client.get("/api/v1/stays/", {"page_size": size}).json()["results"]
        asked.append(len(queries))

    assert len(rows) > 1
    assert asked[0] == asked[1]


@pytest.mark.parametrize(
    "address",
    [
        *("stays/?at=x", "stays/?place=x", "stays/?from=x", "stays/?from=2026-03-10&to=2026-03-09"),
        *("mac-holdings/?mac=x", "mac-holdings/?at=x", "events/?vm=x"),
    ],
)
def test_the_interface_refuses_what_it_does_not_understand(client: Client, address: str) -> None:
    assert client.get(f"/api/v1/{address}").status_code == HTTPStatus.BAD_REQUEST


def test_the_page_of_a_source_says_how_well_it_was_observed(source: Source) -> None:
    operator = client_of(UserFactory(roles=["operator"]))

    text = page(operator, "source", source.pk)

    assert "The newest event that is known is from" in text
    assert "No collection came, though one is due every" in text
    assert f"/inventory/events/?source={source.pk}" in text


def test_an_address_on_two_cards_is_listed_before_anybody_asks(source: Source) -> None:
    twin = vm(3, host="host-3", mac=MAC)
    collect(source, vm(1), vm(2, host="host-2"), twin, hours=7.5, events=())
    team = TeamFactory()
    Asset.objects.filter(name="web-1").update(team=team)
    owner = client_of(UserFactory(roles=["remediator"], scope="teams", teams=[team]))

    assert MAC in page(client_of(UserFactory(roles=["analyst"])), "macs")
    assert "No address is on two cards now" in page(owner, "macs")
