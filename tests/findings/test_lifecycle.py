"""Evaluate → reconcile: what opens, resolves, re-opens a finding, and what must never close one."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from findings import lifecycle
from findings.models import Finding, FindingEvent
from inventory.models import Asset, Source
from inventory.records import Kind
from policies import registry
from policies.evaluate import Configured, Evaluation, Result, as_shipped
from policies.judging import Judgement
from policies.spec import Outcome, Severity, Violation
from tests.factories import NOW, AssetFactory, SourceFactory, SyncRunFactory

pytestmark = pytest.mark.django_db

CHECK = "vm-snapshot-age"
HOUR = timedelta(hours=1)
State = Finding.State


@pytest.fixture
def source(db: None) -> Source:
    return SourceFactory()


@pytest.fixture
def asset(source: Source) -> Asset:
    return AssetFactory(source=source)


def answer(
    asset: Asset, outcome: Outcome, *keys: str, reason: str = "", incomplete: str = ""
) -> Evaluation:
    return Evaluation(
        check_id=CHECK,
        kind=Kind(asset.kind),
        uid=asset.uid,
        outcome=outcome,
        violations=tuple(
            Violation(key=key, message=f"Snapshot {key} is old.", evidence={"key": key})
            for key in keys
        ),
        reason=reason,
        incomplete=incomplete,
    )


def judged(
    source: Source,
    *evaluations: Evaluation,
    now: datetime = NOW,
    severity: Severity = Severity.HIGH,
    configured: dict[str, Configured] | None = None,
) -> lifecycle.Changes:
    one = as_shipped(registry.get(CHECK))
    if configured is None:
        configured = {CHECK: Configured(check=one.check, params=one.params, severity=severity)}
    return lifecycle.reconcile(
        Judgement(
            source_id=source.pk,
            run_id=SyncRunFactory(source=source).pk,
            published_at=now,
            now=now,
            configured=configured,
            judged_as="",
            asset_ids={(Kind(a.kind), a.uid): a.pk for a in source.assets.filter(gone_at=None)},
            result=Result(evaluations=list(evaluations), tally={}),
        )
    )


def test_a_violation_opens_a_finding_with_a_due_date_by_severity(
    source: Source, asset: Asset
) -> None:
    changes = judged(source, answer(asset, Outcome.FAIL, "s1"))

    finding = Finding.objects.get()
    assert (finding.state, finding.key, finding.severity) == ("open", "s1", "high")
    assert finding.due_at == NOW + timedelta(days=30)
    assert changes.counts() == {"opened": 1}
    assert finding.events.get().kind == "opened"


def test_the_same_violation_again_writes_nothing(source: Source, asset: Asset) -> None:
    judged(source, answer(asset, Outcome.FAIL, "s1"))
    written_at = Finding.objects.get().updated_at

    changes = judged(source, answer(asset, Outcome.FAIL, "s1"), now=NOW + HOUR)

    assert changes.counts() == {}
    assert Finding.objects.get().updated_at == written_at
    assert FindingEvent.objects.count() == 1


def test_a_pass_resolves_and_another_violation_re_opens_the_same_finding(
    source: Source, asset: Asset
) -> None:
    judged(source, answer(asset, Outcome.FAIL, "s1"))
    judged(source, now=NOW + HOUR)
    resolved = Finding.objects.get()

    judged(source, answer(asset, Outcome.FAIL, "s1"), now=NOW + 2 * HOUR)

    assert (resolved.state, resolved.resolution) == (State.RESOLVED, "fixed")
    again = Finding.objects.get()
    assert (again.pk, again.state, again.reopened_count) == (resolved.pk, State.OPEN, 1)
    assert (again.first_opened_at, again.opened_at) == (NOW, NOW + 2 * HOUR)
    assert again.resolved_at is None
    assert list(again.events.values_list("kind", flat=True)) == ["reopened", "resolved", "opened"]


def test_only_the_key_that_is_gone_is_resolved(source: Source, asset: Asset) -> None:
    judged(source, answer(asset, Outcome.FAIL, "s1", "s2"))

    judged(source, answer(asset, Outcome.FAIL, "s2"), now=NOW + HOUR)

    states = dict(Finding.objects.values_list("key", "state"))
    assert states == {"s1": "resolved", "s2": "open"}


@pytest.mark.parametrize("outcome", [Outcome.UNKNOWN, Outcome.ERROR])
def test_what_cannot_be_known_resolves_nothing_and_marks_it_stale(
    source: Source, asset: Asset, outcome: Outcome
) -> None:
    judged(source, answer(asset, Outcome.FAIL, "s1"))

    judged(source, answer(asset, outcome, reason="snapshots"), now=NOW + HOUR)

    finding = Finding.objects.get()
    assert (finding.state, finding.stale_since) == (State.OPEN, NOW + HOUR)
    assert "snapshots" in finding.stale_reason
    assert finding.events.first().kind == "stale"


def test_a_stale_finding_is_fresh_once_it_is_seen_again(source: Source, asset: Asset) -> None:
    judged(source, answer(asset, Outcome.FAIL, "s1"))
    judged(source, answer(asset, Outcome.UNKNOWN, reason="snapshots"), now=NOW + HOUR)

    judged(source, answer(asset, Outcome.FAIL, "s1"), now=NOW + 2 * HOUR)

    finding = Finding.objects.get()
    assert finding.stale_since is None
    assert finding.events.first().kind == "fresh"


def test_a_fail_that_could_not_look_everywhere_closes_no_other_key(
    source: Source, asset: Asset
) -> None:
    judged(source, answer(asset, Outcome.FAIL, "s1", "s2"))

    judged(source, answer(asset, Outcome.FAIL, "s2", incomplete="port_groups"), now=NOW + HOUR)

    other = Finding.objects.get(key="s1")
    assert (other.state, other.stale_since) == (State.OPEN, NOW + HOUR)


def test_a_finding_of_a_retired_asset_closes_as_asset_gone(source: Source, asset: Asset) -> None:
    judged(source, answer(asset, Outcome.FAIL, "s1"))
    Asset.objects.filter(pk=asset.pk).update(gone_at=NOW + HOUR)

    judged(source, now=NOW + HOUR)

    assert Finding.objects.get().resolution == "asset_gone"


def test_a_finding_of_a_check_that_was_switched_off_says_so(source: Source, asset: Asset) -> None:
    judged(source, answer(asset, Outcome.FAIL, "s1"))

    judged(source, now=NOW + HOUR, configured={})

    assert Finding.objects.get().resolution == "check_disabled"


def test_another_severity_moves_the_due_date_from_the_day_it_opened(
    source: Source, asset: Asset
) -> None:
    judged(source, answer(asset, Outcome.FAIL, "s1"))

    judged(
        source,
        answer(asset, Outcome.FAIL, "s1"),
        now=NOW + HOUR,
        severity=Severity.CRITICAL,
    )

    finding = Finding.objects.get()
    assert finding.due_at == NOW + timedelta(days=7)
    assert finding.events.first().kind == "changed"


def test_a_key_too_long_for_a_column_is_still_one_finding(source: Source, asset: Asset) -> None:
    judged(source, answer(asset, Outcome.FAIL, "k" * 5000))
    judged(source, answer(asset, Outcome.FAIL, "k" * 5000), now=NOW + HOUR)

    assert Finding.objects.get().key.startswith("sha256:")


def test_findings_of_another_source_are_left_alone(source: Source, asset: Asset) -> None:
    other = AssetFactory(source=SourceFactory())
    judged(other.source, answer(other, Outcome.FAIL, "s1"))

    judged(source)

    assert Finding.objects.get().state == State.OPEN
