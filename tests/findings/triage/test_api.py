"""What scripts do about findings: versions instead of looking, and no field that is not ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts import tokens
from accounts.models import Team, User
from findings.models import BulkAct, Comment, Finding, SavedView
from tests.factories import AssetFactory, FindingFactory
from tests.findings.pages.visitors import signed_in

pytestmark = pytest.mark.django_db


def patch(
    client: Client, finding: Finding, body: dict[str, Any], match: str = "", **headers: str
) -> Any:
    given = {"If-Match": match} if match else {}
    return client.patch(
        f"/api/v1/findings/{finding.pk}/",
        body,
        content_type="application/json",
        headers={**given, **headers},
    )


def post(client: Client, path: str, body: dict[str, Any]) -> Any:
    return client.post(f"/api/v1/{path}", body, content_type="application/json")


def test_a_decision_is_told_as_it_stands_afterwards(finding: Finding, alice: User) -> None:
    client = signed_in(alice)
    tag = client.get(f"/api/v1/findings/{finding.pk}/")["ETag"]
    due = (datetime.now(UTC) + timedelta(days=9)).replace(microsecond=0)

    answer = patch(
        client,
        finding,
        {
            "status": "in_progress",
            "assignee": "alice",
            "due_at": due.isoformat(),
            "labels": ["quick win", "needs downtime"],
            "ticket": "SEC-9",
            "reason": "Next window.",
        },
        match=tag,
    )

    told = answer.json()
    assert answer.status_code == 200, told
    assert (told["status"], told["assignee"], told["ticket"]) == ("in_progress", "alice", "SEC-9")
    assert told["labels"] == ["needs downtime", "quick win"]
    assert datetime.fromisoformat(told["due_at"]) == due
    assert answer["ETag"] == f'"{told["version"]}"' != tag
    events = client.get(f"/api/v1/findings/{finding.pk}/events/").json()["results"]
    assert {event["by"] for event in events} == {"alice"}


def test_whoever_was_quicker_wins(finding: Finding, alice: User) -> None:
    client = signed_in(alice)
    assert patch(client, finding, {"status": "triaged", "version": 0}).status_code == 200

    assert patch(client, finding, {"status": "in_progress", "version": 0}).status_code == 409
    assert patch(client, finding, {"status": "in_progress"}, match='"0"').status_code == 412
    assert patch(client, finding, {"status": "in_progress"}, match="*").status_code == 412
    assert patch(client, finding, {"status": "in_progress"}).status_code == 428

    finding.refresh_from_db()
    assert (finding.triage, finding.version) == ("triaged", 1)


@pytest.mark.parametrize(
    "body",
    [
        {"state": "resolved"},
        {"severity": "low"},
        {"excepted_until": "2030-01-01T00:00Z"},
        {"priority": 5},
        {"claimed_at": None},
        {"status": "resolved"},
        {"status": "excepted"},
        {"due_at": "2030-01-01T00:00:00Z"},
        {"labels": "x"},
        {"ticket": "javascript:alert(1)"},
        {"assignee": "nobody"},
        {"assigned_team": 999},
    ],
    ids=str,
)
def test_what_is_not_for_people_to_set_is_refused(
    finding: Finding, alice: User, body: dict[str, Any]
) -> None:
    answer = patch(signed_in(alice), finding, {**body, "version": 0})

    assert answer.status_code == 400, answer.content
    finding.refresh_from_db()
    assert finding.version == 0


def test_a_token_for_work_does_not_sort(finding: Finding, alice: User) -> None:
    work = {p for p in alice.permissions if p in {"findings:finding:work", "findings:finding:read"}}
    _, text = tokens.create(
        user=alice, name="t", permissions=frozenset(work), days=1, by=None, now=datetime.now(UTC)
    )
    bearer = {"Authorization": f"Bearer {text}"}

    labelled = patch(Client(), finding, {"labels": ["x"], "version": 0}, **bearer)
    claimed = patch(Client(), finding, {"status": "awaiting_proof", "version": 0}, **bearer)

    assert (labelled.status_code, claimed.status_code) == (403, 200)


def test_another_teams_finding_is_as_absent_as_one_that_never_was(
    finding: Finding, charlie: User
) -> None:
    client = signed_in(charlie)
    absent = Finding(pk=999_999)

    for one in (finding, absent):
        answers = [
            patch(client, one, {"status": "triaged", "version": 0}),
            post(client, f"findings/{one.pk}/comments/", {"text": "x"}),
            client.get(f"/api/v1/findings/{one.pk}/comments/"),
        ]
        assert [a.status_code for a in answers] == [404, 404, 404]

    assert not Comment.objects.exists()


def test_a_comment_is_written_and_read(finding: Finding, bob: User) -> None:
    client = signed_in(bob)

    made = post(client, f"findings/{finding.pk}/comments/", {"text": "On it, @alice."})
    extra = post(client, f"findings/{finding.pk}/comments/", {"text": "x", "by": "alice"})

    assert (made.status_code, extra.status_code) == (201, 400)
    [told] = client.get(f"/api/v1/findings/{finding.pk}/comments/").json()["results"]
    assert (told["by"], told["text"], told["mentions"]) == ("bob", "On it, @alice.", [])


def test_many_at_once_after_a_look(web: Team, finance: Team, alice: User) -> None:
    asset = AssetFactory(team=web)
    mine = FindingFactory.create_batch(3, asset=asset)
    theirs = FindingFactory(asset=AssetFactory(team=finance))
    client = signed_in(alice)
    ids = [finding.pk for finding in mine]
    body = {"ids": [*ids, theirs.pk], "act": {"act": "status", "to": "triaged"}}

    look = post(client, "findings/bulk/", {**body, "dry_run": True}).json()
    assert look == {"id": None, "matched": 3, "changed": 3, "skipped": {}}
    assert not BulkAct.objects.exists()

    done = post(client, "findings/bulk/", {**body, "expected": 3}).json()
    assert (done["matched"], done["changed"]) == (3, 3)
    again = post(client, "findings/bulk/", body).json()
    assert again["skipped"] == {"It is so already.": 3}
    moved = post(client, "findings/bulk/", {**body, "expected": 4})
    assert moved.status_code == 409

    undone = post(client, "findings/bulk/undo/", {"id": done["id"]})
    assert undone.json() == {"restored": 3, "left": {}}
    assert post(client, "findings/bulk/undo/", {"id": done["id"]}).status_code == 400
    assert set(Finding.objects.values_list("triage", flat=True)) == {"new"}


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ids": [1], "filter": "", "act": {"act": "comment", "text": "x"}},
        {"ids": [1], "act": {"act": "explode"}},
        {"ids": [1], "act": {"act": "status", "to": "resolved"}},
        {"ids": [1], "act": {"act": "status", "to": "triaged", "state": "resolved"}},
        {"ids": ["x"], "act": {"act": "comment", "text": "x"}},
        {"filter": "severity=loud", "act": {"act": "comment", "text": "x"}},
        {"ids": [1], "act": {"act": "comment", "text": "x"}, "by": "alice"},
    ],
    ids=str,
)
def test_a_bulk_act_that_is_none_is_refused(alice: User, body: dict[str, Any]) -> None:
    assert post(signed_in(alice), "findings/bulk/", body).status_code == 400


def test_views_are_kept_and_shared(alice: User, bob: User, charlie: User, web: Team) -> None:
    body = {"name": "Web", "query": "?team=Web&after=x", "shared": "team", "team": web.pk}

    assert post(signed_in(alice), "finding-views/", body).status_code == 201
    assert post(signed_in(charlie), "finding-views/", body).status_code == 400

    [seen] = signed_in(bob).get("/api/v1/finding-views/").json()["results"]
    assert (seen["owner"], seen["query"]) == ("alice", "team=Web")
    assert signed_in(charlie).get("/api/v1/finding-views/").json()["results"] == []
    assert SavedView.objects.count() == 1
