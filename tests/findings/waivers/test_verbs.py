"""Ask, review, approve, reject, withdraw, extend, revoke: who may, when, and what it leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.errors import NotPossible
from accounts.models import RoleAssignment, User
from audit.models import Entry
from findings import rules
from findings.models import Announcement, Finding, Waiver
from findings.rules import RuleSet
from findings.waivers import deciding, requesting, scopes
from findings.waivers.errors import Overtaken
from tests.factories import NOW, AssetFactory, FindingFactory, TeamFactory, UserFactory
from tests.findings.waivers.cast import DAY, MONTH, analyst, approved, approver, asked, kinds

pytestmark = pytest.mark.django_db
Status = Waiver.Status


@pytest.fixture
def finding() -> Finding:
    return FindingFactory(severity="medium")


def test_a_request_covers_nothing_until_somebody_else_approves_it(finding: Finding):
    waiver = asked(finding)

    assert waiver.status == Status.REQUESTED
    assert waiver.asked_count == 1
    assert not Finding.objects.excepted(now=NOW).exists()

    deciding.approve(waiver_id=waiver.pk, version=0, by=approver(), reason="Fine.", now=NOW)

    assert Finding.objects.excepted(now=NOW).get() == finding
    assert not Finding.objects.to_do(now=NOW).exists()


def test_every_act_is_told_audited_and_announced(finding: Finding):
    person, boss = analyst(), approver()
    waiver = asked(finding, by=person)
    waiver = deciding.review(waiver_id=waiver.pk, version=0, by=boss, now=NOW)
    waiver = deciding.approve(waiver_id=waiver.pk, version=1, by=boss, reason="Yes.", now=NOW)
    requesting.extend(
        waiver_id=waiver.pk,
        version=2,
        by=person,
        reason="More.",
        expires_at=NOW + 2 * MONTH,
        now=NOW,
    )
    waiver = deciding.revoke(waiver_id=waiver.pk, version=3, by=boss, reason="No.", now=NOW)

    assert waiver.version == 4
    assert kinds(waiver.events) == ["requested", "reviewed", "approved", "extended", "revoked"]
    assert [e.by for e in waiver.events.order_by("id")] == [person, boss, boss, person, boss]
    assert kinds(finding.events) == ["excepted", "returned"]
    assert list(Entry.objects.order_by("id").values_list("action", flat=True)) == [
        "findings:waiver:request",
        "findings:waiver:review",
        "findings:waiver:approve",
        "findings:waiver:request",
        "findings:waiver:revoke",
    ]
    assert list(Announcement.objects.order_by("id").values_list("topic", flat=True)) == [
        "waiver.requested",
        "waiver.decided",
        "waiver.requested",
        "waiver.ended",
    ]


@pytest.mark.parametrize("verb", ["review", "approve", "reject"])
def test_nobody_decides_about_their_own_request(finding: Finding, verb: str):
    both = UserFactory(roles=["analyst", "approver"])
    waiver = asked(finding, by=both)

    with pytest.raises(NotPossible, match="your own request"):
        _do(verb, waiver, by=both)


@pytest.mark.parametrize("verb", ["review", "approve", "reject"])
def test_two_accounts_with_one_address_are_one_person(finding: Finding, verb: str):
    waiver = asked(finding, by=analyst(email="Ada@example.org"))

    with pytest.raises(NotPossible, match="same e-mail"):
        _do(verb, waiver, by=approver(email="ada@EXAMPLE.org "))


@pytest.mark.parametrize("verb", ["review", "approve", "reject", "revoke"])
def test_a_role_that_was_taken_away_meanwhile_counts(finding: Finding, verb: str):
    waiver = approved(finding) if verb == "revoke" else asked(finding)
    boss = approver()
    assert boss.permissions  # as the request has read them
    RoleAssignment.objects.filter(user=boss).delete()

    with pytest.raises(NotPossible, match="may not decide"):
        _do(verb, waiver, by=boss)


def test_a_disabled_approver_decides_nothing(finding: Finding):
    waiver, boss = asked(finding), approver()
    User.objects.filter(pk=boss.pk).update(is_active=False)

    with pytest.raises(NotPossible):
        _do("approve", waiver, by=boss)


def test_an_analyst_decides_nothing(finding: Finding):
    with pytest.raises(NotPossible):
        _do("approve", asked(finding), by=analyst())


@pytest.mark.parametrize(
    ("severity", "days"), [("critical", 30), ("high", 90), ("medium", 180), ("low", 365)]
)
def test_the_longest_exception_depends_on_the_gravest_finding(severity: str, days: int):
    asset = AssetFactory()
    FindingFactory(asset=asset, severity="low")
    FindingFactory(asset=asset, severity=severity)
    person = analyst()
    scope = scopes.of_asset(asset.pk, user=person)

    with pytest.raises(NotPossible, match=f"{days} days at most"):
        asked(scope, by=person, expires_at=NOW + timedelta(days=days, seconds=1))

    assert asked(scope, by=person, expires_at=NOW + timedelta(days=days)).status == "requested"


def test_the_limit_holds_for_extensions_too(finding: Finding):
    waiver, person = approved(finding), analyst()

    with pytest.raises(NotPossible, match="180 days at most"):
        requesting.extend(
            waiver_id=waiver.pk,
            version=1,
            by=person,
            reason="More.",
            expires_at=waiver.expires_at + 181 * DAY,
            now=NOW,
        )


def test_what_became_graver_while_it_waited_is_approved_for_less_only(finding: Finding):
    waiver, boss = asked(finding, expires_at=NOW + 60 * DAY), approver()
    Finding.objects.filter(pk=finding.pk).update(severity="critical", severity_rank=0)

    with pytest.raises(NotPossible, match="30 days at most"):
        _do("approve", waiver, by=boss)
    done = deciding.approve(
        waiver_id=waiver.pk,
        version=0,
        by=boss,
        reason="For less.",
        expires_at=NOW + 30 * DAY,
        now=NOW,
    )

    assert done.expires_at == NOW + 30 * DAY


def test_an_approver_never_lengthens(finding: Finding):
    with pytest.raises(NotPossible, match="not lengthen"):
        deciding.approve(
            waiver_id=asked(finding).pk,
            version=0,
            by=approver(),
            reason="For more.",
            expires_at=NOW + MONTH + DAY,
            now=NOW,
        )


def test_what_grew_since_the_approver_looked_is_looked_at_again():
    person, boss, asset = analyst(), approver(), AssetFactory()
    FindingFactory(asset=asset)
    waiver = asked(scopes.of_asset(asset.pk, user=person), by=person)
    FindingFactory(asset=asset)

    with pytest.raises(NotPossible, match="2 findings, 1 when you looked"):
        deciding.approve(waiver_id=waiver.pk, version=0, by=boss, reason="Yes.", count=1, now=NOW)


@pytest.mark.parametrize("verb", ["review", "approve", "reject", "withdraw", "revoke", "extend"])
def test_an_act_on_another_version_is_refused(finding: Finding, verb: str):
    person, boss = analyst(), approver()
    waiver = asked(finding, by=person)

    with pytest.raises(Overtaken):
        _do(verb, waiver, by=person if verb in ("withdraw", "extend") else boss, version=7)


def test_only_who_asked_takes_the_request_back(finding: Finding):
    person = analyst()
    waiver = asked(finding, by=person)

    with pytest.raises(NotPossible):
        _do("withdraw", waiver, by=analyst())
    _do("withdraw", waiver, by=person)

    waiver.refresh_from_db()
    assert (waiver.status, waiver.ended_by) == (Status.WITHDRAWN, person)


@pytest.mark.parametrize("end", ["approve", "reject", "withdraw"])
@pytest.mark.parametrize("verb", ["review", "approve", "reject", "withdraw"])
def test_what_was_decided_is_decided(finding: Finding, end: str, verb: str):
    person, boss = analyst(), approver()
    waiver = asked(finding, by=person)
    _do(end, waiver, by=person if end == "withdraw" else boss)
    waiver.refresh_from_db()

    with pytest.raises(NotPossible):
        _do(verb, waiver, by=person if verb == "withdraw" else boss)


def test_reasons_are_needed(finding: Finding):
    with pytest.raises(NotPossible, match="Say why"):
        asked(finding, reason="  ")
    waiver, boss = asked(finding), approver()
    for verb in ("approve", "reject"):
        with pytest.raises(NotPossible, match="Say why"):
            _do(verb, waiver, by=boss, reason=" ")


def test_compensation_needs_a_control(finding: Finding):
    with pytest.raises(NotPossible, match="which controls"):
        asked(finding, ground="compensated")

    assert asked(finding, ground="compensated", controls_said="A firewall.").controls


def test_nothing_open_is_nothing_to_except(finding: Finding):
    person = analyst()
    scope = scopes.of_finding(finding.pk, user=person)
    Finding.objects.update(state="resolved", resolved_at=NOW)

    with pytest.raises(NotPossible):
        asked(scope, by=person)


def test_a_request_that_was_fixed_meanwhile_is_not_approved(finding: Finding):
    waiver = asked(finding)
    Finding.objects.update(state="resolved", resolved_at=NOW)

    with pytest.raises(NotPossible, match="nothing to except"):
        _do("approve", waiver, by=approver())


def test_a_form_sent_twice_asks_once(finding: Finding):
    person = analyst()
    asked(finding, by=person)

    with pytest.raises(NotPossible, match="already"):
        asked(finding, by=person)


def test_an_extension_is_asked_for_anew_and_follows_without_a_gap(finding: Finding):
    person, boss = analyst(), approver()
    old = approved(finding, by=person, decided_by=boss)
    later = requesting.extend(
        waiver_id=old.pk,
        version=1,
        by=person,
        reason="Not yet.",
        expires_at=old.expires_at + MONTH,
        now=NOW + DAY,
    )
    moment = old.expires_at

    assert not Finding.objects.excepted(now=moment).exists()

    deciding.approve(waiver_id=later.pk, version=0, by=boss, reason="Once more.", now=NOW + 2 * DAY)

    for at in (NOW + 3 * DAY, moment - timedelta(seconds=1), moment, later.expires_at - DAY):
        assert Finding.objects.excepted(now=at).exists(), at
    assert not Finding.objects.excepted(now=later.expires_at).exists()


def test_an_extension_is_asked_for_once_at_a_time(finding: Finding):
    person = analyst()
    old = approved(finding, by=person)
    later = _do("extend", old, by=person)
    old.refresh_from_db()

    with pytest.raises(NotPossible, match="already"):
        _do("extend", old, by=analyst())
    _do("withdraw", later, by=person)

    assert _do("extend", old, by=person).extends == old


def test_revoking_ends_what_follows_as_well(finding: Finding):
    person, boss = analyst(), approver()
    old = approved(finding, by=person, decided_by=boss)
    later = _do("extend", old, by=person)
    _do("approve", later, by=boss)
    old.refresh_from_db()

    _do("revoke", old, by=boss)

    later.refresh_from_db()
    assert later.status == Status.REVOKED
    assert not Finding.objects.excepted(now=later.starts_at).exists()


def test_a_pending_extension_of_what_was_revoked_is_not_approved(finding: Finding):
    person, boss = analyst(), approver()
    old = approved(finding, by=person, decided_by=boss)
    later = _do("extend", old, by=person)
    old.refresh_from_db()
    _do("revoke", old, by=boss)

    with pytest.raises(NotPossible, match="revoked"):
        _do("approve", later, by=boss)


def test_who_sees_a_team_asks_about_that_team_only():
    mine, theirs = TeamFactory(), TeamFactory()
    person = analyst(scope="teams", teams=[mine])
    own = FindingFactory(asset=AssetFactory(team=mine), check_id="vm-snapshot-age")
    other = FindingFactory(asset=AssetFactory(team=theirs), check_id="vm-snapshot-age")

    with pytest.raises(NotPossible):
        scopes.of_finding(other.pk, user=person)
    with pytest.raises(NotPossible):
        scopes.of_asset(other.asset_id, user=person)
    with pytest.raises(NotPossible):  # made by somebody who sees more
        asked(scopes.of_check("vm-snapshot-age", user=analyst()), by=person)
    approved(scopes.of_check("vm-snapshot-age", user=person), by=person)

    assert list(Finding.objects.excepted(now=NOW)) == [own]


def test_due_dates_start_anew_where_the_rules_say_so(finding: Finding):
    _restart()
    Finding.objects.update(due_at=NOW + DAY, priority=2)
    waiver = approved(finding)

    finding.refresh_from_db()
    assert finding.due_at == waiver.expires_at + 30 * DAY
    assert not finding.due_by_hand

    _do("revoke", waiver, by=approver(), now=NOW + 5 * DAY)

    finding.refresh_from_db()
    assert finding.due_at == NOW + 5 * DAY + 30 * DAY


def test_due_dates_are_kept_by_default(finding: Finding):
    Finding.objects.update(due_at=NOW + DAY)

    approved(finding)

    finding.refresh_from_db()
    assert finding.due_at == NOW + DAY


def test_a_due_date_is_never_earlier_than_before_the_exception(finding: Finding):
    _restart()
    late = NOW + 300 * DAY
    Finding.objects.update(due_at=late, due_by_hand=True)
    waiver = approved(finding)
    _do("revoke", waiver, by=approver())

    finding.refresh_from_db()
    assert (finding.due_at, finding.due_by_hand) == (late, True)


def test_a_due_date_set_during_the_exception_stays(finding: Finding):
    _restart()
    Finding.objects.update(due_at=NOW + DAY)
    waiver = approved(finding)
    Finding.objects.update(due_at=NOW + 2 * DAY, due_by_hand=True)
    _do("revoke", waiver, by=approver())

    finding.refresh_from_db()
    assert finding.due_at == NOW + 2 * DAY


def test_revoking_a_chain_brings_the_first_date_back(finding: Finding):
    _restart()
    person, boss = analyst(), approver()
    Finding.objects.update(due_at=NOW + 200 * DAY, priority=2)
    old = approved(finding, by=person, decided_by=boss, expires_at=NOW + 180 * DAY)
    later = _do("extend", old, by=person, expires_at=NOW + 270 * DAY)
    _do("approve", later, by=boss)
    finding.refresh_from_db()
    assert finding.due_at == NOW + 300 * DAY
    old.refresh_from_db()

    _do("revoke", old, by=boss)

    finding.refresh_from_db()
    assert finding.due_at == NOW + 200 * DAY


def _restart() -> None:
    operator = approver()
    rules.change(rules=RuleSet(due_after_exception="restart"), version=0, by=operator)


def _do(
    verb: str, waiver: Waiver, *, by: User, version: int | None = None, **said: object
) -> Waiver:
    given = {"waiver_id": waiver.pk, "by": by, "now": said.pop("now", NOW)}
    given["version"] = waiver.version if version is None else version
    if verb in ("approve", "reject", "revoke", "extend"):
        given["reason"] = said.pop("reason", "Because.")
    if verb == "extend":
        given["expires_at"] = said.pop("expires_at", waiver.expires_at + MONTH)
    module = requesting if verb in ("withdraw", "extend") else deciding
    done: Waiver = getattr(module, verb)(**given)
    return done
