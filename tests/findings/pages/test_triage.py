"""Triage on pages: the list, the panel, many at once, views and rules, without any script."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from audit.models import Entry
from findings import rules
from findings.models import BulkAct, Comment, Finding, FindingEvent, LastVisit, SavedView
from findings.triage.acts import Act, AddLabel, Assign, LinkTicket, Say, SetStatus
from findings.triage.decisions import decide
from inventory.models import Source
from tests.factories import NOW, AssetFactory, FindingFactory, TeamFactory, UserFactory
from tests.findings.pages.visitors import signed_in
from tests.findings.triage.test_deadlines import cover

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
HTMX = {"HX-Request": "true"}


def listed(client: Client, query: str) -> set[int]:
    return {row.pk for row in client.get(f"/findings/{query}").context["page"].rows}


def ingrid() -> User:
    return User.objects.get(username="ingrid")


def act(client: Client, finding: Finding, name: str, **more: Any) -> Any:
    body = {"act": name, "version": finding.version, **more}
    return client.post(f"/findings/{finding.pk}/decide/", body)


# --- the list ---------------------------------------------------------------------------------


@pytest.fixture
def one_of_each(db: None) -> dict[str, Finding]:
    now = datetime.now(UTC)
    made: dict[str, Finding] = {
        status: FindingFactory(triage=status) for status in ("new", "triaged", "in_progress")
    }
    made["awaiting_proof"] = FindingFactory(triage="awaiting_proof", claimed_at=now)
    made["resolved"] = FindingFactory(state="resolved", resolved_at=now, resolution="fixed")
    made["excepted"] = FindingFactory()
    cover(made["excepted"], until=NOW + 90 * DAY)
    return made


@time_machine.travel(NOW + DAY)
def test_every_status_has_its_findings_and_its_opposite(
    analyst: Client, one_of_each: dict[str, Finding]
) -> None:
    for status, finding in one_of_each.items():
        assert listed(analyst, f"?status={status}") == {finding.pk}, status
        others = {one.pk for one in one_of_each.values()} - {finding.pk}
        assert listed(analyst, f"?status__not={status}") == others, status


@time_machine.travel(NOW + DAY)
def test_the_tabs_lead_where_they_say(analyst: Client, one_of_each: dict[str, Finding]) -> None:
    tabs = {
        tab["label"]: listed(analyst, tab["address"])
        for tab in analyst.get("/findings/").context["listing"].tabs()
    }
    ids = {status: finding.pk for status, finding in one_of_each.items()}

    assert tabs["To do"] == {ids[s] for s in ("new", "triaged", "in_progress", "awaiting_proof")}
    assert tabs["Excepted"] == {ids["excepted"]}
    assert tabs["Waiting for proof"] == {ids["awaiting_proof"]}
    assert tabs["Resolved"] == {ids["resolved"]}
    assert tabs["All"] == set(ids.values())
    assert listed(analyst, "") == tabs["To do"]
    assert listed(analyst, "?state=open") == tabs["To do"] | tabs["Excepted"]


def test_it_is_narrowed_by_what_people_decided(analyst: Client) -> None:
    kari = UserFactory(username="kari", roles=["remediator"])
    web = TeamFactory(name="Web")
    mine, theirs, bare, missed = FindingFactory.create_batch(4)
    decided: list[tuple[Finding, list[Act]]] = [
        (mine, [Assign(to="ingrid"), AddLabel(label="quick win")]),
        (theirs, [Assign(to="kari"), LinkTicket(ticket="SEC-1")]),
    ]
    for finding, acts in decided:
        decide(finding_id=finding.pk, acts=acts, by=ingrid(), now=NOW)
    Finding.objects.filter(pk=missed.pk).update(breached_at=NOW, assigned_team=web, priority=1)
    ingrid().teams.add(web)

    assert listed(analyst, "?assignee=me") == {mine.pk}
    assert listed(analyst, f"?assignee={kari.pk}") == {theirs.pk}
    assert listed(analyst, "?assignee=none") == {bare.pk, missed.pk}
    assert listed(analyst, f"?assigned_team={web.pk}") == {missed.pk}
    assert listed(analyst, "?mine=true") == {mine.pk, missed.pk}
    assert listed(analyst, "?mine=false") == {theirs.pk, bare.pk}
    assert listed(analyst, "?label=Quick+Win") == {mine.pk}
    assert listed(analyst, "?label=none") == {theirs.pk, bare.pk, missed.pk}
    assert listed(analyst, "?ticket=set") == {theirs.pk}
    assert listed(analyst, "?ticket__not=set") == {mine.pk, bare.pk, missed.pk}
    assert listed(analyst, "?breached=true") == {missed.pk}
    assert listed(analyst, "?priority=1") == {missed.pk}
    assert listed(analyst, "?priority=1&priority=3") == {mine.pk, theirs.pk, bare.pk, missed.pk}


@pytest.mark.parametrize("sort", ["priority", "severity", "due", "opened", "-opened", "-updated"])
def test_the_next_and_the_previous_walk_the_list_as_it_is_sorted(
    analyst: Client, halden: list[Source], sort: str
) -> None:
    FindingFactory(due_at=None)
    Finding.objects.filter(severity="low").update(due_at=None)
    query = f"kind=vm&sort={sort}"
    page = analyst.get(f"/findings/?{query}").context["page"]
    expected = [row.pk for row in page.rows[:15]]

    address, forth = f"/findings/{expected[0]}/?in={quote(query)}", []
    for _ in expected:
        context = analyst.get(address).context
        forth.append(context["finding"].pk)
        address = context["next_address"]
    back = []
    for _ in expected[1:]:
        context = analyst.get(context["previous_address"]).context
        back.append(context["finding"].pk)

    assert forth == expected
    assert back == expected[-2::-1]


@pytest.mark.parametrize("group", ["check", "asset", "team", "statement", "assignee"])
def test_groups_count_what_their_lists_hold(
    analyst: Client, halden: list[Source], group: str
) -> None:
    some = Finding.objects.filter(state="open").first()
    assert some is not None
    decide(finding_id=some.pk, acts=[Assign(to="ingrid")], by=ingrid(), now=NOW)

    context = analyst.get(f"/findings/?kind=vm&group={group}").context

    assert len(context["groups"]) > 1
    for each in context["groups"]:
        counts = analyst.get(f"/findings/{each.address}").context["counts"]
        assert (counts["total"], counts["overdue"]) == (each.total, each.overdue), each.label
        assert counts["high"] == each.severities[1]
    if group != "statement":
        assert sum(each.total for each in context["groups"]) == context["counts"]["total"]


def test_a_group_opens_in_its_place(analyst: Client, halden: list[Source]) -> None:
    [first, *_] = analyst.get("/findings/?group=check").context["groups"]

    part = analyst.get(f"/findings/{first.address}&rows=1", headers=HTMX).content.decode()

    assert part.lstrip().startswith("<tr")
    assert part.count("data-row") == min(first.total, 10)


def test_it_takes_few_queries_whatever_is_shown(
    analyst: Client, halden: list[Source], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    SavedView.objects.create(owner=ingrid(), name="Web", query="team=Web", is_pinned=True)
    LastVisit.objects.create(user=ingrid(), seen_at=datetime.now(UTC), previous_at=NOW)
    for finding in Finding.objects.all()[:20]:
        Finding.objects.filter(pk=finding.pk).update(assignee=ingrid())
        finding.labels.create(name=f"label {finding.pk}")

    analyst.get("/findings/")  # the first request begins the session
    for query in ("", "?kind=vm&source=vc-oslo&severity=high", "?group=asset", "?state=any"):
        with django_assert_max_num_queries(12):
            analyst.get(f"/findings/{query}")


def test_a_page_of_one_finding_takes_few_queries_whatever_was_said(
    analyst: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    finding = FindingFactory(check_id="vm-duplicate-mac")
    for number in range(20):
        decide(finding_id=finding.pk, acts=[Say(text=f"{number}")], by=ingrid(), now=NOW)

    analyst.get("/findings/")  # the first request begins the session
    with django_assert_max_num_queries(13):
        analyst.get(f"/findings/{finding.pk}/?in=kind%3Dvm")


# --- since the last visit ---------------------------------------------------------------------


def test_what_opened_since_the_last_visit_is_new_until_the_next(db: None) -> None:
    person = UserFactory(username="ingrid", roles=["analyst"])

    def visit(after: timedelta) -> Any:
        with time_machine.travel(NOW + after, tick=False):
            client = signed_in(person)
            return client.get("/findings/"), client.get("/findings/?new=true").context["page"].rows

    visit(timedelta())
    fresh = FindingFactory(opened_at=NOW + DAY)
    FindingFactory(opened_at=NOW - DAY)

    page, new = visit(2 * DAY)
    assert page.context["new_count"] == 1
    assert "opened since your visit" in page.content.decode()
    assert [row.pk for row in new] == [fresh.pk]
    page, _ = visit(2 * DAY + timedelta(minutes=50))
    assert page.context["new_count"] == 1
    page, _ = visit(3 * DAY)
    assert page.context["new_count"] == 0


# --- one finding ------------------------------------------------------------------------------


def test_a_finding_is_decided_on_its_page(analyst: Client) -> None:
    finding = FindingFactory()

    answer = act(analyst, finding, "status", to="triaged", why="Known.", **{"in": "kind=vm"})

    assert (answer.status_code, answer["Location"]) == (
        302,
        f"/findings/{finding.pk}/?in=kind%3Dvm",
    )
    html = analyst.get(f"/findings/{finding.pk}/").content.decode()
    assert "from “New” to “Triaged”" in html
    assert "Known." in html


def test_who_was_slower_sees_what_the_other_did_and_keeps_what_they_typed(analyst: Client) -> None:
    finding = FindingFactory()
    seen = FindingEvent.objects.create(finding=finding, kind="opened", at=NOW, message="m")
    kari = UserFactory(username="kari", full_name="Kari Amundsen", roles=["remediator"])
    decide(finding_id=finding.pk, acts=[SetStatus(to="in_progress")], by=kari, now=NOW)

    answer = act(analyst, finding, "label", label="quick win", seen=seen.pk)

    html = answer.content.decode()
    assert answer.status_code == 409
    assert "Somebody changed this finding since you looked" in html
    assert re.search(r"Kari Amundsen: status set from “New” to “In progress”", html)
    assert not finding.labels.exists()


def test_under_htmx_the_part_comes_back(analyst: Client) -> None:
    finding = FindingFactory()

    answer = analyst.post(
        f"/findings/{finding.pk}/decide/",
        {"act": "status", "to": "triaged", "version": 0, "in_drawer": "1"},
        headers=HTMX,
    )

    html = answer.content.decode()
    assert answer.status_code == 200
    assert html.startswith('<div id="finding">')
    assert 'name="version" value="1"' in html
    assert "data-row" not in html


@pytest.mark.parametrize(("origin", "has_tick"), [("state=any", True), ("as_of=2001-01-01", False)])
def test_an_act_in_the_drawer_brings_the_row_that_it_was_opened_from(
    analyst: Client, origin: str, has_tick: bool
) -> None:
    finding, other = FindingFactory(), FindingFactory()
    body = {"act": "status", "to": "triaged", "version": 0, "in_drawer": "1", "in": origin}

    answer = analyst.post(f"/findings/{finding.pk}/decide/", body, headers=HTMX)

    rows = answer.content.decode().partition("<hx-partial")[2]
    assert f"tr[data-row='{finding.pk}']" in rows
    assert f"tr[data-row='{other.pk}']" not in rows
    assert "Triaged" in rows
    assert f"/findings/{finding.pk}/?in={quote(origin, safe='')}" in rows
    assert ('type="checkbox"' in rows) == has_tick


def test_who_was_quicker_is_seen_in_the_row_as_well(analyst: Client) -> None:
    finding = FindingFactory()
    kari = UserFactory(roles=["analyst"])
    decide(finding_id=finding.pk, acts=[SetStatus(to="in_progress")], version=0, by=kari, now=NOW)
    body = {"act": "status", "to": "triaged", "version": 0, "in_drawer": "1", "in": "state=any"}

    answer = analyst.post(f"/findings/{finding.pk}/decide/", body, headers=HTMX)

    assert answer.status_code == 409
    assert "In progress" in answer.content.decode().partition("<hx-partial")[2]


@pytest.mark.parametrize(
    "body",
    [
        {"act": "status"},
        {"act": "status", "to": "resolved"},
        {"act": "explode"},
        {"act": "due", "due_on": "2030-01-01"},
        {"act": "ticket", "ticket": "javascript:alert(1)"},
        {"act": "comment", "text": " "},
        {},
    ],
    ids=str,
)
def test_what_is_no_act_is_refused_in_words(analyst: Client, body: dict[str, Any]) -> None:
    finding = FindingFactory()

    answer = analyst.post(f"/findings/{finding.pk}/decide/", {"version": 0, **body})

    assert answer.status_code == 422
    finding.refresh_from_db()
    assert finding.version == 0


def test_another_teams_finding_takes_no_act(db: None) -> None:
    finding = FindingFactory(asset=AssetFactory(team=TeamFactory()))
    charlie = signed_in(
        UserFactory(roles=["analyst"], scope=User.Scope.TEAMS, teams=[TeamFactory()])
    )

    assert act(charlie, finding, "status", to="triaged").status_code == 404
    assert act(charlie, Finding(pk=999_999), "status", to="triaged").status_code == 404


def test_who_only_reads_is_offered_nothing(db: None) -> None:
    finding = FindingFactory()
    viewer = signed_in(UserFactory(roles=["viewer"]))

    html = viewer.get(f"/findings/{finding.pk}/").content.decode()

    assert "/decide/" not in html
    assert "v-bulk" not in viewer.get("/findings/").content.decode()


def test_comments_are_text_and_only_names_of_people_who_were_told_stand_out(
    analyst: Client,
) -> None:
    finding = FindingFactory()
    UserFactory(username="kari", roles=["remediator"])
    act(analyst, finding, "comment", text="@kari <script>alert(1)</script>\n\n@nobody\u202e **x**")

    html = analyst.get(f"/findings/{finding.pk}/").content.decode()

    assert '<strong class="v-mention">@kari</strong>' in html
    assert '<strong class="v-mention">@nobody' not in html
    assert "<script>alert" not in html
    assert "⟨U+202E⟩ **x**" in html


def test_an_author_mends_a_comment_for_a_while(analyst: Client) -> None:
    finding = FindingFactory()
    act(analyst, finding, "comment", text="Frist.")
    comment = Comment.objects.get()
    address, body = f"/findings/{finding.pk}/comments/", {"comment": comment.pk}
    other = signed_in(UserFactory(roles=["analyst"]))

    assert other.post(address, {**body, "text": "Mine."}).status_code == 422
    assert analyst.post(address, {**body, "text": "First."}).status_code == 302
    comment.refresh_from_db()
    assert (comment.text, comment.earlier[0]["text"]) == ("First.", "Frist.")

    with time_machine.travel(comment.at + timedelta(hours=1), tick=False):
        late = Client()
        late.force_login(ingrid())
        assert late.post(address, {**body, "text": "Late."}).status_code == 422
    analyst.post(address, {**body, "delete": "1"})
    html = analyst.get(f"/findings/{finding.pk}/").content.decode()
    assert "was deleted by its author" in html
    assert "First." not in html


def test_a_ticket_is_linked_without_telling_where_from(analyst: Client) -> None:
    finding = FindingFactory()
    act(analyst, finding, "ticket", ticket="https://jira.example.org/browse/SEC-1?a=1&b=2")

    html = analyst.get(f"/findings/{finding.pk}/").content.decode()

    assert (
        'href="https://jira.example.org/browse/SEC-1?a=1&amp;b=2" rel="noopener noreferrer' in html
    )


def test_what_it_said_when_it_opened_stands_beside_what_it_says_now(analyst: Client) -> None:
    finding = FindingFactory(message="It is 30 days old.")
    FindingEvent.objects.create(finding=finding, kind="opened", at=NOW, message="It is 8 days old.")

    html = analyst.get(f"/findings/{finding.pk}/").content.decode()

    assert "As it was when opened" in html
    assert "It is 8 days old." in html


# --- many at once -----------------------------------------------------------------------------


def test_many_are_shown_changed_and_changed_back(analyst: Client) -> None:
    findings = FindingFactory.create_batch(3)
    Finding.objects.filter(pk=findings[0].pk).update(triage="triaged")
    chosen = "&".join(f"finding={finding.pk}" for finding in findings)

    look = analyst.get(f"/findings/bulk/?act=triaged&{chosen}&back=kind%3Dvm")
    assert look.context["preview"].changes == 2
    assert "It is so already." in look.content.decode()
    body = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', _form(look)))
    body["finding"] = [finding.pk for finding in findings]
    assert Finding.objects.filter(triage="triaged").count() == 1

    done = analyst.post("/findings/bulk/", body, follow=True)
    assert done.redirect_chain == [("/findings/?kind=vm", 302)]
    assert "2 findings: status set to “Triaged”. 1 left alone." in done.content.decode()
    [undo] = re.findall(r'action="(/findings/bulk/\d+/undo/)"', done.content.decode())
    assert Finding.objects.filter(triage="triaged").count() == 3

    undone = analyst.post(undo, {"next": "/findings/?kind=vm"}, follow=True)
    assert "Undone for 2 findings." in undone.content.decode()
    assert Finding.objects.filter(triage="triaged").count() == 1
    assert "can no longer be undone" in analyst.post(undo, follow=True).content.decode()


def _form(response: Any) -> str:
    html: str = response.content.decode()
    return html.split('<form method="post" action="/findings/bulk/">')[1].split("</form>")[0]


def test_all_that_match_are_asked_again_and_counted(analyst: Client) -> None:
    FindingFactory.create_batch(2)
    look = analyst.get("/findings/bulk/?act=label&label=quick+win&all=status%3Dto_do")
    body = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', _form(look)))
    assert body["shown"] == "2"
    FindingFactory()

    moved = analyst.post("/findings/bulk/", body)

    assert moved.status_code == 409
    assert "2 findings matched when you looked and 3 match now" in moved.content.decode()
    assert moved.context["preview"].changes == 3
    assert not BulkAct.objects.exists()
    assert analyst.post("/findings/bulk/", {**body, "shown": "3"}).status_code == 302
    assert BulkAct.objects.get().changed == 3


@pytest.mark.parametrize("name", ["due", "ticket", "comment", "assign", "team", "unlabel"])
def test_what_an_act_takes_is_asked_for_first_and_not_complained_of(
    analyst: Client, name: str
) -> None:
    finding = FindingFactory()

    page = analyst.get(f"/findings/bulk/?act={name}&finding={finding.pk}")

    assert page.status_code == 200
    assert "preview" not in page.context
    assert "invalid-feedback" not in page.content.decode()


@pytest.mark.parametrize(
    ("query", "address"),
    [
        ("act=except&all=kind%3Dvm", "/exceptions/ask/?query=kind%3Dvm"),
        ("act=except&finding=3&finding=4", "/exceptions/ask/?finding=3&finding=4"),
        ("act=plan&all=kind%3Dvm%26q%3Da", "/remediation/new/?query=kind%3Dvm%26q%3Da"),
        ("act=triaged", "/findings/"),
        ("act=explode&finding=3&back=q%3Da", "/findings/?q=a"),
        ("", "/findings/"),
    ],
)
def test_the_bar_leads_on_to_other_rooms_and_back(
    analyst: Client, query: str, address: str
) -> None:
    answer = analyst.get(f"/findings/bulk/?{query}")

    assert (answer.status_code, answer["Location"]) == (302, address)


@pytest.mark.parametrize("address", ["//evil.example/", "https://evil.example/", "x"])
def test_undoing_leads_nowhere_else(analyst: Client, address: str) -> None:
    FindingFactory()
    analyst.post("/findings/bulk/", {"all": "", "act": "triaged"})
    made = BulkAct.objects.get()

    answer = analyst.post(f"/findings/bulk/{made.pk}/undo/", {"next": address})

    assert answer["Location"] == "/findings/"


def test_nobody_undoes_what_somebody_else_did(analyst: Client) -> None:
    FindingFactory()
    analyst.post("/findings/bulk/", {"all": "", "act": "triaged"})
    other = signed_in(UserFactory(roles=["analyst"]))

    assert other.post(f"/findings/bulk/{BulkAct.objects.get().pk}/undo/").status_code == 404


# --- views ------------------------------------------------------------------------------------


def test_a_view_is_kept_as_a_tab_shared_and_begun_with(analyst: Client) -> None:
    web = TeamFactory(name="Web")
    bob = signed_in(UserFactory(roles=["viewer"], scope=User.Scope.TEAMS, teams=[web]))
    charlie = signed_in(
        UserFactory(roles=["viewer"], scope=User.Scope.TEAMS, teams=[TeamFactory()])
    )
    mine = FindingFactory(asset=AssetFactory(team=web))
    FindingFactory()

    kept = analyst.post("/findings/views/save/", {"name": "Hot ones", "query": "severity=medium"})
    view = SavedView.objects.get()
    assert kept["Location"] == "/findings/?severity=medium"
    assert "Hot ones" in analyst.get("/findings/").content.decode()
    assert "Hot ones" not in bob.get("/findings/").content.decode()

    analyst.post(
        "/findings/views/change/",
        {
            "act": "change",
            "view": view.pk,
            "name": "Lukewarm",
            "shared": "team",
            "team": web.pk,
            "is_pinned": "1",
        },
    )
    assert "Lukewarm" in bob.get("/findings/").content.decode()
    assert "Lukewarm" not in charlie.get("/findings/views/").content.decode()
    assert listed(bob, "?severity=medium") == {mine.pk}

    bob.post("/findings/views/change/", {"act": "default", "view": view.pk})
    assert bob.get("/findings/")["Location"] == "/findings/?severity=medium"
    assert bob.get("/findings/?status=to_do").status_code == 200
    for other in ("change", "remove"):
        foreign = bob.post("/findings/views/change/", {"act": other, "view": view.pk, "name": "x"})
        assert foreign.status_code == 404
    analyst.post("/findings/views/change/", {"act": "remove", "view": view.pk})
    assert bob.get("/findings/").status_code == 200


# --- rules ------------------------------------------------------------------------------------


def test_rules_are_read_by_all_and_changed_by_some(analyst: Client) -> None:
    approver = signed_in(UserFactory(roles=["approver"]))
    page = approver.get("/settings/rules/change/")
    body = {
        name: value for name, value in page.context["form"].initial.items() if value is not None
    }

    assert analyst.get("/settings/rules/").status_code == 200
    assert analyst.get("/settings/rules/change/").status_code == 404
    changed = approver.post(
        "/settings/rules/change/", {**body, "due_1": "3", "classification_tiers": "secret: 1\n"}
    )
    assert changed.status_code == 302
    now = rules.current()
    assert (now.due_days["1"], now.due_days["5"]) == (3, None)
    assert now.classification_tiers == {"secret": 1}
    assert Entry.objects.filter(action="findings:rules:change").count() == 1

    stale = approver.post("/settings/rules/change/", {**body, "due_1": "9"})
    assert "Somebody changed the rules meanwhile" in stale.content.decode()
    assert rules.current().due_days["1"] == 3


@pytest.mark.parametrize("line", ["secret", "secret: 4", ": 1", "secret: high"])
def test_a_tier_that_is_none_is_refused(line: str) -> None:
    approver = signed_in(UserFactory(roles=["approver"]))
    body = {
        name: value
        for name, value in approver.get("/settings/rules/change/").context["form"].initial.items()
        if value is not None
    }

    answer = approver.post("/settings/rules/change/", {**body, "classification_tiers": line})

    assert "is not a label and a tier" in answer.content.decode()
