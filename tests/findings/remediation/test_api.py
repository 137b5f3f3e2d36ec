"""Plans over REST: the verbs of the pages, strict about what they are told."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from findings.models import Finding, Plan
from tests.findings.pages.visitors import signed_in
from tests.findings.remediation.cast import CHECK, Cast, a_cast, a_finding, a_plan

pytestmark = pytest.mark.django_db


@pytest.fixture
def cast() -> Cast:
    return a_cast()


def send(client: Client, method: str, address: str, body: dict[str, Any], **headers: str) -> Any:
    call = getattr(client, method)
    return call(f"/api/v1/{address}", body, content_type="application/json", headers=headers)


def test_a_plan_is_made_changed_claimed_and_closed(cast: Cast):
    client, finding = signed_in(cast.dora), a_finding(cast.my_vm)

    made = send(
        client,
        "post",
        "plans/",
        {"title": "Old snapshots", "query": f"check={CHECK}", "follow": True, "owner": "alice"},
    )
    address = f"plans/{made.json()['id']}/"
    changed = send(client, "patch", address, {"goal": "Less."}, **{"If-Match": made["ETag"]})
    [task] = client.get(f"/api/v1/{address}tasks/").json()["results"]
    claimed = send(client, "post", f"plan-tasks/{task['id']}/claim/", {})
    told = client.get(f"/api/v1/{address}").json()
    closed = send(client, "post", f"{address}close/", {"version": 1, "reason": "Enough."})

    assert made.status_code == 201, made.content
    assert (made.json()["kind"], made.json()["owner"]) == ("campaign", "alice")
    assert (changed.status_code, changed.json()["goal"]) == (200, "Less.")
    assert claimed.json() == {"claimed": 1}
    assert told["progress"]["waiting"] == told["progress"]["total"] == 1
    assert closed.json()["status"] == "closed"
    finding.refresh_from_db()
    assert finding.triage == "awaiting_proof"


@pytest.mark.parametrize("field", ["status", "done_at", "created_by", "kind", "version_of"])
def test_a_field_that_nobody_sets_is_refused(cast: Cast, field: str):
    plan = a_plan(cast.dora, a_finding(cast.my_vm))

    refused = send(
        signed_in(cast.dora), "patch", f"plans/{plan.pk}/", {"version": 0, field: "done"}
    )

    assert refused.status_code == 400
    assert Plan.objects.get().status == "open"


def test_a_version_is_asked_for_and_an_older_one_refused(cast: Cast):
    plan, client = a_plan(cast.dora, a_finding(cast.my_vm)), signed_in(cast.dora)
    address = f"plans/{plan.pk}/"

    without = send(client, "patch", address, {"goal": "A"})
    first = send(client, "patch", address, {"goal": "A", "version": 0})
    late = send(client, "patch", address, {"goal": "B", "version": 0})
    stale = send(client, "patch", address, {"goal": "B"}, **{"If-Match": '"0"'})

    codes = [answer.status_code for answer in (without, first, late, stale)]
    assert codes == [428, 200, 409, 412]
    assert Plan.objects.get().goal == "A"


def test_counts_and_status_are_of_what_the_caller_sees(cast: Cast):
    a_plan(cast.dora, a_finding(cast.my_vm), a_finding(cast.their_vm))
    Finding.objects.filter(asset=cast.my_vm).update(
        state="resolved", resolution="fixed", resolved_at="2026-03-11T00:00Z"
    )

    def told(user: Any) -> tuple[int, str]:
        [plan] = signed_in(user).get("/api/v1/plans/").json()["results"]
        return plan["progress"]["total"], plan["status"]

    assert (told(cast.alice), told(cast.dora)) == ((1, "done"), (2, "open"))
    assert signed_in(cast.dora).get("/api/v1/plans/?status=done").json()["results"] == []


def test_what_a_campaign_follows_is_not_told_to_whoever_only_has_a_finding_in_it(cast: Cast):
    a_finding(cast.my_vm)
    send(
        signed_in(cast.dora),
        "post",
        "plans/",
        {"title": "C", "query": f"check={CHECK}", "follow": True},
    )

    [plan] = signed_in(cast.alice).get("/api/v1/plans/").json()["results"]
    change = send(signed_in(cast.alice), "patch", f"plans/{plan['id']}/", {"version": 0})

    assert plan["query"] is None
    assert change.status_code == 403
