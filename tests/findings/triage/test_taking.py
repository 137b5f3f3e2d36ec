"""Who works findings off takes what nobody has, and gives back what they took; nothing more."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.errors import NotPossible
from accounts.models import User
from audit.models import Entry
from findings.models import Announcement, Finding, FindingEvent
from findings.triage import bulk
from findings.triage.acts import Act, Assign, AssignTeam, GiveBack, Take
from findings.triage.bulk import Choice
from findings.triage.decisions import decide
from findings.triage.deeds import Actor
from findings.triage.errors import NotAllowed
from tests.factories import NOW, FindingFactory, UserFactory
from tests.findings.pages.visitors import signed_in

pytestmark = pytest.mark.django_db


def do(finding: Finding, by: User, *acts: Act, **more: Any) -> Finding:
    return decide(finding_id=finding.pk, acts=acts, by=by, now=NOW, **more)


def holder(finding: Finding) -> User | None:
    finding.refresh_from_db()
    return finding.assignee


def test_what_nobody_has_is_taken_and_given_back(finding: Finding, bob: User) -> None:
    do(finding, bob, Take())
    assert holder(finding) == bob
    do(finding, bob, GiveBack(why="It is not my machine."))
    assert holder(finding) is None

    events = FindingEvent.objects.order_by("pk").values_list("kind", "by", "message", "detail")
    assert list(events) == [
        ("assigned", bob.pk, "", {"assignee": "bob"}),
        ("assigned", bob.pk, "It is not my machine.", {"assignee": None}),
    ]
    logged = Entry.objects.filter(target_type="findings.finding").order_by("pk")
    assert [(entry.action, entry.before) for entry in logged] == [
        ("findings:finding:work", {"assignee_id": None}),
        ("findings:finding:work", {"assignee_id": bob.pk}),
    ]
    assert not Announcement.objects.exists()


def test_what_somebody_has_is_neither_taken_nor_given_back(
    finding: Finding, bob: User, alice: User
) -> None:
    do(finding, alice, Assign(to="alice"))

    for act in (Take(), GiveBack()):
        with pytest.raises(NotPossible, match="Somebody else has it"):
            do(finding, bob, act)

    assert holder(finding) == alice


def test_what_somebody_gave_to_one_is_not_given_back(
    finding: Finding, bob: User, alice: User
) -> None:
    do(finding, bob, Take())
    do(finding, alice, Assign(to=None), Assign(to="bob"))

    with pytest.raises(NotPossible, match="Somebody gave it to you"):
        do(finding, bob, GiveBack())

    assert holder(finding) == bob


def test_what_a_team_was_given_meanwhile_is_still_ones_own_to_give_back(
    finding: Finding, bob: User, alice: User
) -> None:
    do(finding, bob, Take())
    do(finding, alice, AssignTeam(to=finding.team_id))

    do(finding, bob, GiveBack())

    assert holder(finding) is None


def test_what_is_so_already_changes_nothing(finding: Finding, bob: User) -> None:
    do(finding, bob, GiveBack())
    do(finding, bob, Take(), Take())

    finding.refresh_from_db()
    assert finding.version == 1


def test_another_teams_finding_and_a_resolved_one_are_not_taken(
    finding: Finding, charlie: User, bob: User
) -> None:
    with pytest.raises(Finding.DoesNotExist):
        do(finding, charlie, Take())

    Finding.objects.filter(pk=finding.pk).update(state="resolved", resolved_at=NOW)
    with pytest.raises(NotPossible, match="resolved"):
        do(finding, bob, Take())


@pytest.mark.parametrize("act", [Take(), GiveBack()], ids=["take", "give back"])
@pytest.mark.parametrize("role", ["viewer", "auditor", "approver", "operator", "user-admin"])
def test_other_roles_take_nothing(finding: Finding, role: str, act: Act) -> None:
    with pytest.raises(NotAllowed):
        do(finding, UserFactory(roles=[role]), act)


def test_a_token_without_work_takes_nothing(finding: Finding, bob: User) -> None:
    with pytest.raises(NotAllowed):
        do(finding, bob, Take(), within=frozenset({"findings:finding:read"}))


# --- many at once -----------------------------------------------------------------------------


def test_many_are_taken_at_once_and_that_is_undone(
    finding: Finding, bob: User, alice: User
) -> None:
    free, hers = finding, FindingFactory(asset=finding.asset)
    do(hers, alice, Assign(to="alice"))
    actor = Actor(user=bob, now=NOW)

    done = bulk.do(act=Take(), choice=Choice(query=""), actor=actor, shown=2)

    assert (holder(free), holder(hers)) == (bob, alice)
    assert done.skipped == {"Somebody else has it.": 1}
    assert bulk.undo(bulk_id=done.act.pk, actor=actor).restored == 1
    assert (holder(free), holder(hers)) == (None, alice)


def test_what_was_given_back_by_mistake_is_had_again(finding: Finding, bob: User) -> None:
    do(finding, bob, Take())
    actor = Actor(user=bob, now=NOW)
    done = bulk.do(act=GiveBack(), choice=Choice(query=""), actor=actor, shown=1)

    bulk.undo(bulk_id=done.act.pk, actor=actor)

    assert holder(finding) == bob
    do(finding, bob, GiveBack())


# --- by scripts -------------------------------------------------------------------------------


def patch(client: Client, finding: Finding, assignee: str | None) -> int:
    finding.refresh_from_db()
    body = {"assignee": assignee, "version": finding.version}
    address = f"/api/v1/findings/{finding.pk}/"
    return client.patch(address, body, content_type="application/json").status_code


def test_a_script_takes_by_ones_own_name_and_gives_back_to_nobody(
    finding: Finding, bob: User
) -> None:
    client = signed_in(bob)

    assert patch(client, finding, "Bob") == 200
    assert holder(finding) == bob
    assert patch(client, finding, None) == 200
    assert holder(finding) is None


def test_a_script_of_who_does_not_sort_gives_to_nobody_else(
    finding: Finding, bob: User, alice: User
) -> None:
    client = signed_in(bob)

    assert patch(client, finding, "alice") == 403
    do(finding, alice, Assign(to="alice"))
    assert patch(client, finding, "bob") == 400
    assert patch(client, finding, None) == 400
    assert holder(finding) == alice


def test_a_script_takes_many(finding: Finding, bob: User) -> None:
    body = {"ids": [finding.pk], "act": {"act": "take"}, "expected": 1}

    told = signed_in(bob).post("/api/v1/findings/bulk/", body, content_type="application/json")

    assert told.json()["changed"] == 1
    assert holder(finding) == bob


# --- on pages ---------------------------------------------------------------------------------


def offers(client: Client, finding: Finding) -> set[str]:
    page = client.get(f"/findings/{finding.pk}/").content.decode()
    return {name for name in ("Assign to me", "Give back") if f">{name}</button>" in page}


def press(client: Client, finding: Finding, act: str) -> int:
    finding.refresh_from_db()
    body = {"act": act, "version": finding.version}
    return client.post(f"/findings/{finding.pk}/decide/", body).status_code


def test_a_page_offers_what_can_be_done(finding: Finding, bob: User, alice: User) -> None:
    client = signed_in(bob)

    assert offers(client, finding) == {"Assign to me"}
    assert press(client, finding, "take") == 302
    assert offers(client, finding) == {"Give back"}
    assert press(client, finding, "give_back") == 302
    assert holder(finding) is None

    do(finding, alice, Assign(to="bob"))
    assert offers(client, finding) == set()
    do(finding, alice, Assign(to="alice"))
    assert offers(client, finding) == set()
    assert offers(signed_in(alice), finding) == {"Give back"}


def test_who_sorts_findings_takes_from_somebody_else_as_before(
    finding: Finding, bob: User, alice: User
) -> None:
    do(finding, bob, Take())
    client = signed_in(alice)

    assert offers(client, finding) == {"Assign to me"}
    page = client.get(f"/findings/{finding.pk}/").content.decode()
    assert '<input type="hidden" name="assignee" value="alice">' in page


def test_the_bar_takes_many_in_two_steps(finding: Finding, bob: User) -> None:
    client = signed_in(bob)
    bar = client.get("/findings/").content.decode()
    assert 'name="act" value="take"' in bar
    assert 'name="act" value="assign"' not in bar

    chosen: dict[str, str | int] = {"finding": finding.pk, "act": "take"}
    look = client.get("/findings/bulk/", chosen)
    assert look.context["preview"].changes == 1
    client.post("/findings/bulk/", {**chosen, "shown": "1"})

    assert holder(finding) == bob


def test_why_it_is_given_back_can_be_said_for_many(finding: Finding, bob: User) -> None:
    do(finding, bob, Take())
    chosen = {"finding": finding.pk, "act": "give_back", "why": "I am away."}
    client = signed_in(bob)

    client.post("/findings/bulk/", {**chosen, "shown": "1"})

    assert holder(finding) is None
    assert FindingEvent.objects.latest("pk").message == "I am away."
