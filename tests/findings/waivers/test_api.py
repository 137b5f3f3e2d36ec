"""Exceptions through the API: the same verbs, versions instead of looking, nothing set by hand."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from findings.models import Finding, Waiver
from tests.factories import AssetFactory, FindingFactory, TeamFactory
from tests.findings.pages.visitors import signed_in
from tests.findings.waivers.cast import analyst, approved, approver, asked

pytestmark = pytest.mark.django_db


@pytest.fixture
def finding() -> Finding:
    return FindingFactory(severity="medium", check_id="vm-snapshot-age")


def post(client: Client, path: str, said: dict[str, Any], **headers: str) -> Any:
    return client.post(
        f"/api/v1/waivers/{path}", said, content_type="application/json", headers=headers
    )


def proved(user: User, *, seconds_ago: float = 0) -> Client:
    client = signed_in(user)
    session = client.session
    at = time.time() - seconds_ago
    session["account_authentication_methods"] = [{"method": "password", "at": at}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client


def request_of(finding: Finding, **more: Any) -> dict[str, Any]:
    end = timezone.now() + timedelta(days=20)
    return {
        "finding": finding.pk,
        "ground": "accepted",
        "reason": "Late.",
        "expires_at": end.isoformat(),
        **more,
    }


def test_an_exception_is_asked_for_and_approved(finding: Finding):
    made = post(signed_in(analyst()), "", request_of(finding))
    assert made.status_code == 201, made.content

    pk = made.json()["id"]
    done = post(proved(approver()), f"{pk}/approve/", {"version": 0, "reason": "Yes."})

    assert done.status_code == 200, done.content
    assert done.json()["state"] == "effective"
    assert done.json()["covers"] == 1
    assert done["ETag"] == '"1"'


@pytest.mark.parametrize(
    "field", ["status", "decided_by", "requested_by", "at_most", "teams", "due_after", "version"]
)
def test_what_is_not_the_callers_to_set_is_refused(finding: Finding, field: str):
    answer = post(signed_in(analyst()), "", request_of(finding, **{field: 1}))

    assert answer.status_code == 400
    assert field in answer.json()
    assert not Waiver.objects.exists()


def test_an_older_version_loses(finding: Finding):
    waiver, client = asked(finding, now=timezone.now()), proved(approver())
    assert post(client, f"{waiver.pk}/review/", {"version": 0}).status_code == 200

    said = {"reason": "Yes."}
    by_body = post(client, f"{waiver.pk}/approve/", {**said, "version": 0})
    by_header = post(client, f"{waiver.pk}/approve/", said, **{"if-match": '"0"'})
    by_none = post(client, f"{waiver.pk}/approve/", said)

    assert (by_body.status_code, by_header.status_code, by_none.status_code) == (409, 412, 428)


def test_an_old_session_decides_nothing(finding: Finding):
    now = timezone.now()
    waiting, running = asked(finding, now=now), approved(FindingFactory(), now=now)
    client = proved(approver(), seconds_ago=999)

    for waiver, act in ((waiting, "approve"), (running, "revoke")):
        said = {"version": waiver.version, "reason": "Yes."}
        assert post(client, f"{waiver.pk}/{act}/", said).status_code == 403


def test_ones_own_request_is_a_conflict(finding: Finding):
    both = analyst()
    both.role_assignments.create(role="approver")
    waiver = asked(finding, by=both, now=timezone.now())

    answer = post(proved(both), f"{waiver.pk}/approve/", {"version": 0, "reason": "Yes."})

    assert answer.status_code == 409
    assert "your own request" in answer.json()["detail"]


def test_others_exceptions_look_like_none(finding: Finding):
    mine = TeamFactory()
    own = FindingFactory(asset=AssetFactory(team=mine))
    now = timezone.now()
    foreign, seen = asked(finding, now=now), asked(own, now=now)
    client = signed_in(analyst(scope="teams", teams=[mine]))

    listed = client.get("/api/v1/waivers/").json()["results"]

    assert [one["id"] for one in listed] == [seen.pk]
    assert listed[0]["asked_count"] is None
    assert client.get(f"/api/v1/waivers/{foreign.pk}/").status_code == 404
    assert post(client, "", request_of(finding)).status_code == 400


@pytest.mark.parametrize(
    "about",
    [{}, {"finding": 1, "asset": 1}, {"check": "no-such-check"}, {"query": "assignee=me"}],
)
def test_a_scope_is_one_thing_that_can_be_asked_for(finding: Finding, about: dict[str, Any]):
    said = request_of(finding)
    del said["finding"]

    assert post(signed_in(analyst()), "", {**said, **about}).status_code == 400
