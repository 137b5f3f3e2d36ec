"""What an approved exception covers: with each judgement anew, and never more than was approved."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from accounts.errors import NotPossible
from accounts.models import User
from findings import rules
from findings.models import Announcement, Finding, Waiver, WaiverCover
from findings.rules import RuleSet
from findings.waivers import covering, scopes
from inventory.models import Asset, Source
from policies.models import CheckSetting
from tests.factories import (
    NOW,
    AssetFactory,
    FindingFactory,
    SourceFactory,
    TeamFactory,
    VerdictFactory,
)
from tests.findings.waivers.cast import DAY, analyst, approved, approver, asked, kinds

pytestmark = pytest.mark.django_db
CHECK, CONTROL = "vm-snapshot-age", "vm-encrypted"


@pytest.fixture
def source() -> Source:
    return SourceFactory()


def a_finding(source: Source, **fields: object) -> Finding:
    asset = fields.pop("asset", None) or AssetFactory(source=source, team=fields.pop("team", None))
    return FindingFactory(**{"asset": asset, "check_id": CHECK, **fields})


def judge(source: Source, *, days: int = 1) -> None:
    with transaction.atomic():
        covering.cover(source_id=source.pk, now=NOW + days * DAY)


def of_check(person: User) -> Waiver:
    return approved(scopes.of_check(CHECK, user=person), by=person)


def covered(waiver: Waiver) -> set[Finding]:
    return {cover.finding for cover in waiver.covers.select_related("finding")}


@pytest.mark.parametrize("scope", ["asset", "check", "query"])
def test_what_begins_to_match_is_covered_with_the_next_judgement(source: Source, scope: str):
    _may_grow(100)
    first = a_finding(source)
    person = analyst()
    waiver = approved(
        {
            "asset": scopes.of_asset(first.asset_id, user=person),
            "check": scopes.of_check(CHECK, user=person),
            "query": scopes.of_query(f"check={CHECK}&kind=vm", user=person, now=NOW),
        }[scope],
        by=person,
    )
    second = a_finding(source, asset=first.asset)
    assert covered(waiver) == {first}

    judge(source)

    assert covered(waiver) == {first, second}
    assert kinds(second.events) == ["excepted"]


def test_what_is_resolved_or_matches_no_more_is_not_covered(source: Source):
    person = analyst()
    resolved, moved = a_finding(source), a_finding(source)
    stays = a_finding(source)
    waiver = approved(
        scopes.of_query(f"check={CHECK}&severity=medium", user=person, now=NOW), by=person
    )
    Finding.objects.filter(pk=resolved.pk).update(state="resolved", resolved_at=NOW)
    Finding.objects.filter(pk=moved.pk).update(severity="low", severity_rank=3)

    judge(source)

    assert covered(waiver) == {stays}
    assert kinds(moved.events) == ["excepted", "returned"]
    assert kinds(resolved.events) == ["excepted"]


def test_it_never_covers_more_than_was_approved_and_says_when_it_is_outgrown(source: Source):
    _may_grow(50)
    first, second = a_finding(source), a_finding(source)
    waiver = of_check(analyst())
    late = [a_finding(source, opened_at=NOW + timedelta(minutes=n)) for n in range(4)]

    judge(source)

    waiver.refresh_from_db()
    assert waiver.at_most == 3
    assert covered(waiver) == {first, second, late[0]}
    assert waiver.outgrown_since == NOW + DAY
    assert kinds(waiver.events)[-1] == "outgrown"
    assert Announcement.objects.filter(topic="waiver.outgrown").count() == 1

    judge(source, days=2)

    waiver.refresh_from_db()
    assert waiver.outgrown_since == NOW + DAY
    assert Announcement.objects.filter(topic="waiver.outgrown").count() == 1


def test_what_fits_again_is_outgrown_no_more(source: Source):
    first = a_finding(source)
    waiver = of_check(analyst())
    second = a_finding(source)
    judge(source)
    Finding.objects.filter(pk=first.pk).update(state="resolved", resolved_at=NOW)

    judge(source, days=2)

    waiver.refresh_from_db()
    assert covered(waiver) == {second}
    assert waiver.outgrown_since is None


def test_nothing_graver_than_what_was_approved_is_ever_covered(source: Source):
    _may_grow(100)
    first = a_finding(source, severity="medium")
    waiver = of_check(analyst())
    a_finding(source, severity="critical")

    judge(source)

    assert covered(waiver) == {first}
    waiver.refresh_from_db()
    assert waiver.outgrown_since is not None


def test_what_becomes_graver_returns(source: Source):
    finding = a_finding(source, severity="medium")
    approved(finding)
    Finding.objects.update(severity="critical", severity_rank=0)

    judge(source)

    assert not Finding.objects.excepted(now=NOW + DAY).exists()
    assert kinds(finding.events) == ["excepted", "returned"]


def test_another_source_is_left_alone(source: Source):
    _may_grow(100)
    a_finding(source)
    waiver = of_check(analyst())
    other = SourceFactory()
    foreign = a_finding(other)

    judge(source)
    assert foreign not in covered(waiver)
    judge(other)
    assert foreign in covered(waiver)


def test_a_team_scoped_request_stays_limited_whatever_becomes_of_the_person(source: Source):
    _may_grow(100)
    mine, other = TeamFactory(), TeamFactory()
    own = a_finding(source, team=mine)
    person = analyst(scope="teams", teams=[mine])
    waiver = of_check(person)
    a_finding(source, team=other)
    person.teams.add(other)
    User.objects.filter(pk=person.pk).update(scope="all")
    later = a_finding(source, team=mine)

    judge(source)

    assert covered(waiver) == {own, later}


def test_a_machine_that_changes_teams_leaves_a_limited_exception_at_once(source: Source):
    mine = TeamFactory()
    own = a_finding(source, team=mine)
    waiver = of_check(analyst(scope="teams", teams=[mine]))

    Asset.objects.filter(pk=own.asset_id).update(team=TeamFactory())

    assert covered(waiver) == set()


def test_one_exception_that_cannot_be_computed_hides_nothing_and_blocks_no_other(
    source: Source, monkeypatch: pytest.MonkeyPatch
):
    finding = a_finding(source)
    broken = approved(finding)
    whole = of_check(analyst())
    compute = covering.coverable

    def fails_for_one(waiver: Waiver, **now: object) -> object:
        if waiver.pk == broken.pk:
            raise ZeroDivisionError
        return compute(waiver, **now)  # type: ignore[arg-type]

    monkeypatch.setattr(covering, "coverable", fails_for_one)
    judge(source)

    assert covered(broken) == set()
    assert covered(whole) == {finding}


def test_a_check_that_is_gone_covers_nothing(source: Source):
    person = analyst()
    finding = a_finding(source)
    query = approved(scopes.of_query(f"check={CHECK}", user=person, now=NOW), by=person)
    Finding.objects.filter(pk=finding.pk).update(check_id="vm-renamed-away")

    judge(source)

    assert covered(query) == set()


def test_a_filter_that_is_understood_no_more_finds_nothing(source: Source):
    a_finding(source)
    kept = scopes.Scope(scope="query", query="severity=tremendous")

    assert not scopes.matching(kept, asked_by=analyst(), now=NOW).exists()


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("severity=high&state=open&sort=due&after=x", "severity=high"),
        ("?status=to_do&team__not=Web&severity=low&severity=high", None),
        ("kind=vm&q=", "kind=vm"),
    ],
)
def test_how_a_list_is_shown_does_not_matter(db: None, query: str, kept: str | None):
    text = scopes.understood(query, user=analyst(), now=NOW)

    assert text == (kept or "severity=high&severity=low&team__not=Web")


@pytest.mark.parametrize(
    "query",
    [
        "state=resolved",
        "status=excepted",
        "assignee=me",
        "label=x",
        "priority=1",
        "due=overdue",
        "stale=true",
        "q=web",
        "resolved_since=2026-01-01T00:00:00Z",
        "nothing=there",
        "check=no-such-check",
        "severity=tremendous",
        "",
        "state=open",
        "sort=due",
        "kind=vm&" + "x" * 2_000,
    ],
)
def test_a_filter_that_an_exception_cannot_depend_on_is_refused(db: None, query: str):
    with pytest.raises(NotPossible):
        scopes.understood(query, user=analyst(), now=NOW)


# --- a control that has to pass -----------------------------------------------------------------


def controlled(finding: Finding) -> Waiver:
    return approved(finding, ground="compensated", control_check_id=CONTROL)


def verdict(finding: Finding, outcome: str) -> None:
    VerdictFactory(asset=finding.asset, check_id=CONTROL, outcome=outcome)


@pytest.mark.parametrize("outcome", ["fail", "unknown", "error", "not_applicable"])
def test_it_lapses_with_its_control_and_counts_again_when_that_passes(source: Source, outcome: str):
    finding = a_finding(source)
    waiver = controlled(finding)
    verdict(finding, outcome)

    judge(source)

    waiver.refresh_from_db()
    assert waiver.lapsed_since == NOW + DAY
    assert not Finding.objects.excepted(now=NOW + DAY).exists()
    assert Announcement.objects.filter(topic="waiver.lapsed").count() == 1

    finding.asset.verdicts.all().delete()
    judge(source, days=2)

    waiver = Waiver.objects.get(pk=waiver.pk)
    assert waiver.lapsed_since is None
    assert Finding.objects.excepted(now=NOW + 2 * DAY).exists()
    assert kinds(waiver.events)[-2:] == ["lapsed", "restored"]
    assert kinds(finding.events) == ["excepted", "returned", "excepted"]


def test_an_asset_that_was_not_asked_is_no_pass(source: Source):
    finding = a_finding(source)
    waiver = controlled(finding)
    Asset.objects.update(evaluated_at=None)

    judge(source)

    waiver.refresh_from_db()
    assert waiver.lapsed_since is not None


def test_a_control_that_is_switched_off_is_no_pass(source: Source):
    finding = a_finding(source)
    waiver = controlled(finding)
    CheckSetting.objects.create(check_id=CONTROL, is_enabled=False)

    judge(source)

    waiver.refresh_from_db()
    assert waiver.lapsed_since is not None


def test_a_control_has_to_pass_on_every_machine_it_is_for(source: Source):
    a_finding(source)
    second = a_finding(source)
    person = analyst()
    waiver = approved(scopes.of_check(CHECK, user=person), by=person, control_check_id=CONTROL)
    verdict(second, "fail")

    judge(source)

    waiver.refresh_from_db()
    assert waiver.lapsed_since is not None


@pytest.mark.parametrize("name", ["no-such-check", "host-lockdown-mode", CHECK, "host-time"])
def test_a_control_that_cannot_answer_is_refused(source: Source, name: str):
    with pytest.raises(NotPossible):
        asked(a_finding(source), control_check_id=name)


def test_a_control_that_fails_already_is_not_approved(source: Source):
    finding = a_finding(source)
    verdict(finding, "unknown")
    with pytest.raises(NotPossible, match="does not pass on 1"):
        controlled(finding)


def test_a_due_date_that_was_put_off_is_put_off_again_after_a_judgement(source: Source):
    rules.change(rules=RuleSet(due_after_exception="restart"), version=0, by=approver())
    finding = a_finding(source, due_at=NOW + DAY, priority=3)
    waiver = approved(finding)
    Finding.objects.update(due_at=NOW + DAY)  # as a change of its priority does

    judge(source)

    finding.refresh_from_db()
    assert finding.due_at == waiver.expires_at + 60 * DAY


def test_counts_of_queries_do_not_grow_with_what_is_covered(
    source: Source, django_assert_max_num_queries: object
):
    _may_grow(100)
    for _ in range(30):
        a_finding(source)
    of_check(analyst())
    for _ in range(30):
        a_finding(source)

    with django_assert_max_num_queries(20):  # type: ignore[operator]
        judge(source)

    assert WaiverCover.objects.count() == 60


def _may_grow(percent: int) -> None:
    from findings.models import Rules

    Rules.objects.update_or_create(
        pk=1, defaults={"settings": {"exception_growth_percent": percent}}
    )
