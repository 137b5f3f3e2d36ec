"""One person, one finding: who may do what, what is written down, and who wins when two act."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.errors import NotPossible
from accounts.models import Team, User
from audit.models import Entry
from findings import status
from findings.models import Announcement, Comment, Finding, FindingEvent, Label
from findings.triage.acts import (
    Act,
    AddLabel,
    Assign,
    AssignTeam,
    LinkTicket,
    RemoveLabel,
    Say,
    SetDue,
    SetStatus,
    from_data,
)
from findings.triage.decisions import decide
from findings.triage.errors import NotAllowed, Outdated
from tests.factories import NOW, AssetFactory, FindingFactory, UserFactory

pytestmark = pytest.mark.django_db

Triage = Finding.Triage
DAY = timedelta(days=1)


def do(finding: Finding, by: User, *acts: Act, now: datetime = NOW, **more: Any) -> Finding:
    return decide(finding_id=finding.pk, acts=acts, by=by, now=now, **more)


def step(to: str) -> Act:
    return from_data({"act": "status", "to": to})


@pytest.mark.parametrize("was", Triage.values)
@pytest.mark.parametrize("to", Triage.values)
def test_a_status_goes_where_the_machine_says_and_nowhere_else(
    finding: Finding, ingrid: User, was: str, to: str
) -> None:
    claimed = NOW if was == Triage.AWAITING_PROOF else None
    Finding.objects.filter(pk=finding.pk).update(triage=was, claimed_at=claimed)

    if to in status.TRIAGE[was]:
        do(finding, ingrid, step(to))
    elif to != was:
        with pytest.raises(NotPossible):
            do(finding, ingrid, step(to))

    finding.refresh_from_db()
    moved = to in status.TRIAGE[was]
    assert finding.triage == (to if moved else was)
    assert finding.version == (1 if moved else 0)
    assert (finding.claimed_at is not None) == (finding.triage == Triage.AWAITING_PROOF)


def test_who_works_findings_off_moves_them_on_and_not_back(finding: Finding, bob: User) -> None:
    for to in (Triage.TRIAGED, Triage.IN_PROGRESS, Triage.AWAITING_PROOF):
        do(finding, bob, step(to))

    with pytest.raises(NotPossible, match="sorts findings"):
        do(finding, bob, SetStatus(to="in_progress"))


@pytest.mark.parametrize(
    "act",
    [
        Assign(to="bob"),
        AssignTeam(to=None),
        SetDue(at=NOW + DAY, why="w"),
        AddLabel(label="quick win"),
        LinkTicket(ticket="SEC-1"),
    ],
    ids=lambda act: type(act).__name__,
)
def test_only_who_sorts_findings_sorts_them(finding: Finding, bob: User, act: Act) -> None:
    with pytest.raises(NotAllowed):
        do(finding, bob, act)


@pytest.mark.parametrize("role", ["viewer", "auditor", "approver", "operator", "user-admin"])
@pytest.mark.parametrize("act", [SetStatus(to="triaged"), Say(text="Hello")], ids=["status", "say"])
def test_other_roles_do_nothing(finding: Finding, role: str, act: Act) -> None:
    with pytest.raises(NotAllowed):
        do(finding, UserFactory(roles=[role]), act)

    assert not Comment.objects.exists()


def test_a_token_does_no_more_than_it_was_made_for(finding: Finding, ingrid: User) -> None:
    within = frozenset({"findings:finding:work"})

    do(finding, ingrid, SetStatus(to="in_progress"), within=within)

    with pytest.raises(NotAllowed):
        do(finding, ingrid, AddLabel(label="x"), within=within)
    with pytest.raises(NotPossible):
        do(finding, ingrid, SetStatus(to="triaged"), within=within)


def test_another_teams_finding_is_not_there(finding: Finding, charlie: User) -> None:
    with pytest.raises(Finding.DoesNotExist):
        do(finding, charlie, SetStatus(to="triaged"))


def test_what_is_resolved_is_not_triaged(finding: Finding, ingrid: User) -> None:
    Finding.objects.filter(pk=finding.pk).update(state="resolved", resolved_at=NOW)

    with pytest.raises(NotPossible, match="resolved"):
        do(finding, ingrid, SetStatus(to="triaged"))
    do(finding, ingrid, Say(text="Good."), LinkTicket(ticket="SEC-1"))


def test_everything_is_written_down(finding: Finding, alice: User, bob: User) -> None:
    before = finding.updated_at

    do(finding, alice, Assign(to="bob", why="He knows it."))

    finding.refresh_from_db()
    event = FindingEvent.objects.get(finding=finding)
    entry = Entry.objects.get(target_type="findings.finding")
    told = Announcement.objects.get()
    assert (finding.assignee, finding.version) == (bob, 1)
    assert finding.updated_at > before
    assert (event.kind, event.by, event.at, event.message) == (
        "assigned",
        alice,
        NOW,
        "He knows it.",
    )
    assert (entry.action, entry.actor_id) == ("findings:finding:triage", alice.pk)
    assert entry.before == {"assignee_id": None}
    assert (told.topic, told.subject_id, told.detail) == (
        "finding.assigned",
        finding.pk,
        {"to": [bob.pk]},
    )


def test_what_is_so_already_is_no_act(finding: Finding, ingrid: User) -> None:
    do(finding, ingrid, SetStatus(to="new"), Assign(to=None), RemoveLabel(label="nothing"))

    finding.refresh_from_db()
    assert finding.version == 0
    assert not FindingEvent.objects.exists()
    assert not Entry.objects.filter(target_type="findings.finding").exists()


def test_of_several_acts_all_are_done_or_none(finding: Finding, ingrid: User) -> None:
    with pytest.raises(NotPossible):
        do(finding, ingrid, AddLabel(label="quick win"), SetStatus(to="triaged"), Assign(to="x"))

    finding.refresh_from_db()
    assert (finding.triage, finding.version) == (Triage.NEW, 0)
    assert not Label.objects.exists()


def test_who_looked_at_an_older_version_changes_nothing(finding: Finding, ingrid: User) -> None:
    do(finding, ingrid, SetStatus(to="triaged"), version=0)

    with pytest.raises(Outdated) as told:
        do(finding, ingrid, SetStatus(to="in_progress"), version=0)

    assert told.value.finding.triage == Triage.TRIAGED
    finding.refresh_from_db()
    assert finding.triage == Triage.TRIAGED


# --- people and teams -------------------------------------------------------------------------


def _disabled(finding: Finding, charlie: User) -> str:
    return str(UserFactory(username="gone", roles=["analyst"], is_active=False).username)


def _without_a_role(finding: Finding, charlie: User) -> str:
    return str(UserFactory(username="newcomer").username)


def _of_another_team(finding: Finding, charlie: User) -> str:
    return charlie.username


def _nobody(finding: Finding, charlie: User) -> str:
    return "nobody"


@pytest.mark.parametrize("who", [_disabled, _without_a_role, _of_another_team, _nobody])
@pytest.mark.parametrize("by", ["alice", "ingrid"])
def test_a_finding_goes_to_nobody_who_may_not_see_it_and_all_of_these_sound_alike(
    finding: Finding, alice: User, ingrid: User, charlie: User, by: str, who: Any
) -> None:
    name = who(finding, charlie)
    person = User.objects.get(username=by)

    with pytest.raises(NotPossible) as said:
        do(finding, person, Assign(to=name))

    assert str(said.value) == f"“{name}” is nobody who may see it."


def test_what_belongs_to_no_team_goes_to_people_of_the_whole_estate(
    ingrid: User, alice: User, kari: User
) -> None:
    finding = FindingFactory(asset=AssetFactory(team=None))

    do(finding, ingrid, Assign(to="KARI"))
    with pytest.raises(NotPossible):
        do(finding, ingrid, Assign(to="alice"))

    finding.refresh_from_db()
    assert finding.assignee == kari


def test_a_person_of_one_team_names_only_that_team(
    finding: Finding, alice: User, web: Team, finance: Team
) -> None:
    do(finding, alice, AssignTeam(to=web.pk))

    for unknown in (finance.pk, 999_999, 10**20):
        with pytest.raises(NotPossible, match="no such team"):
            do(finding, alice, AssignTeam(to=unknown))


# --- due dates --------------------------------------------------------------------------------


def test_a_due_date_by_hand_has_a_reason_and_leaves_the_breach(
    finding: Finding, ingrid: User
) -> None:
    missed = NOW - DAY
    Finding.objects.filter(pk=finding.pk).update(
        due_at=missed, breached_at=missed, warned_at=missed
    )

    do(finding, ingrid, SetDue(at=NOW + DAY, why="The window is tomorrow."))

    finding.refresh_from_db()
    assert (finding.due_at, finding.due_by_hand) == (NOW + DAY, True)
    assert (finding.breached_at, finding.warned_at) == (missed, None)
    assert FindingEvent.objects.get().message == "The window is tomorrow."


@pytest.mark.parametrize(
    ("at", "why"),
    [(NOW + DAY, " "), (NOW, "w"), (NOW - DAY, "w"), (NOW + 367 * DAY, "w")],
)
def test_a_due_date_that_is_none_is_refused(
    finding: Finding, ingrid: User, at: datetime, why: str
) -> None:
    with pytest.raises(NotPossible):
        do(finding, ingrid, SetDue(at=at, why=why))


def test_a_due_date_goes_back_to_what_the_rules_say(finding: Finding, ingrid: User) -> None:
    do(finding, ingrid, SetDue(at=NOW + DAY, why="Soon."))

    do(finding, ingrid, SetDue(at=None, why="Not after all."))

    finding.refresh_from_db()
    assert (finding.due_at, finding.due_by_hand) == (NOW + 60 * DAY, False)


# --- labels and tickets -----------------------------------------------------------------------


def test_a_label_is_one_however_it_is_written(finding: Finding, ingrid: User) -> None:
    other = FindingFactory()

    do(finding, ingrid, AddLabel(label="Quick  win"))
    do(other, ingrid, AddLabel(label="quick win"))
    do(other, ingrid, RemoveLabel(label="QUICK WIN"))

    assert [label.name for label in Label.objects.all()] == ["Quick win"]
    assert finding.labels.count() == 1
    assert other.labels.count() == 0


@pytest.mark.parametrize(
    "ticket", ["SEC-123", "#42", "INC0012345", "https://jira.example.org/browse/SEC-1", ""]
)
def test_a_ticket_is_an_address_or_a_number(finding: Finding, ingrid: User, ticket: str) -> None:
    do(finding, ingrid, LinkTicket(ticket=f" {ticket} "))

    finding.refresh_from_db()
    assert finding.ticket == ticket


@pytest.mark.parametrize(
    "ticket",
    [
        "http://jira.example.org/1",
        "javascript:alert(1)",
        "https://user:secret@jira.example.org/1",
        "https://",
        "https://[",
        "https://a b",
        "https://a\u202eb",
        "data:text/html,x",
        "two words",
        "<b>",
    ],
)
def test_anything_else_is_no_ticket(finding: Finding, ingrid: User, ticket: str) -> None:
    with pytest.raises(NotPossible):
        do(finding, ingrid, LinkTicket(ticket=ticket))


# --- comments ---------------------------------------------------------------------------------


def test_a_comment_tells_those_it_names_who_may_see_it(
    finding: Finding, alice: User, bob: User, charlie: User, kari: User
) -> None:
    Finding.objects.filter(pk=finding.pk).update(assignee=kari)

    do(finding, alice, Say(text="@bob and @charlie, @nobody and mail@kari: look."))

    comment = Comment.objects.get()
    assert comment.mentions == ["bob"]
    told = {(a.topic, tuple(a.detail["to"])) for a in Announcement.objects.all()}
    assert told == {("finding.mentioned", (bob.pk,)), ("finding.commented", (kari.pk,))}


def test_a_comment_contradicts_nobody_and_counts_as_no_version(finding: Finding, bob: User) -> None:
    do(finding, bob, Say(text="On it."))

    finding.refresh_from_db()
    assert finding.version == 0
    assert finding.updated_at > NOW


@pytest.mark.parametrize("text", ["", "  \n ", "\x00", "x" * 10_001])
def test_an_empty_or_endless_comment_is_refused(finding: Finding, bob: User, text: str) -> None:
    with pytest.raises(NotPossible):
        do(finding, bob, Say(text=text))
