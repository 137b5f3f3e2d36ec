"""A check asked the way an organisation wants it, and no other way."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from accounts.models import User
from audit.models import Entry
from policies import registry
from policies.configuration import BadSetting, configure, configured_checks, setting_of
from policies.evaluate import Configured
from policies.models import CheckSetting
from policies.spec import Severity
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SNAPSHOTS = "vm-snapshot-age"


@pytest.fixture
def approver() -> User:
    return UserFactory(roles=["approver"])


def set_check(by: User, check_id: str = SNAPSHOTS, **fields: Any) -> CheckSetting:
    given = {"is_enabled": True, "severity": "", "params": {}, **fields}
    return configure(check_id=check_id, by=by, now=NOW, **given)


def as_configured(check_id: str = SNAPSHOTS) -> Configured:
    return next(one for one in configured_checks() if one.check.id == check_id)


def test_without_settings_every_check_is_asked_as_shipped():
    found = configured_checks()

    assert {one.check.id for one in found} == {check.id for check in registry.all_checks()}
    assert all(one.enabled and one.severity == one.check.severity for one in found)
    assert all(one.params == one.check.params() for one in found)


def test_a_setting_changes_how_the_check_is_asked(approver: User):
    [name] = [f for f in registry.get(SNAPSHOTS).params.__struct_fields__ if "days" in f][:1]

    set_check(approver, severity="critical", params={name: 33}, is_enabled=False)

    one = as_configured()
    assert one.severity is Severity.CRITICAL
    assert getattr(one.params, name) == 33
    assert not one.enabled


def test_only_departures_from_the_defaults_are_kept(approver: User):
    check = registry.get(SNAPSHOTS)
    [name] = [f for f in check.params.__struct_fields__ if "days" in f][:1]

    kept = set_check(
        approver, severity=check.severity.value, params={name: getattr(check.params(), name)}
    )

    assert kept.params == {}
    assert kept.severity == ""


def test_the_audit_log_has_before_and_after_and_only_what_changed(approver: User):
    [name] = [f for f in registry.get(SNAPSHOTS).params.__struct_fields__ if "days" in f][:1]
    default = getattr(registry.get(SNAPSHOTS).params(), name)

    set_check(approver, params={name: 33})
    set_check(approver, params={name: 33})

    entry = Entry.objects.get(action="policies:check:configure")
    assert entry.before == {f"params.{name}": default}
    assert entry.after == {f"params.{name}": 33}
    assert entry.actor_id == approver.pk


@pytest.mark.parametrize(
    "fields",
    [
        {"params": {"no_such": 1}},
        {"params": {"max_age_days": "soon"}},
        {"severity": "terrible"},
        {"check_id": "vm-no-such-check"},
    ],
)
def test_what_a_check_does_not_understand_is_refused_and_not_kept(
    approver: User, fields: dict[str, Any]
):
    with pytest.raises(BadSetting):
        set_check(approver, **fields)

    assert not CheckSetting.objects.exists()
    assert not Entry.objects.exists()


def test_parameters_that_no_longer_fit_give_way_to_the_defaults():
    CheckSetting.objects.create(check_id=SNAPSHOTS, params={"renamed_since": 3}, severity="low")

    one = as_configured()

    assert one.params == one.check.params()
    assert one.severity is Severity.LOW


def test_a_setting_under_no_id_of_a_check_is_left_alone():
    CheckSetting.objects.create(check_id="vm-of-the-past", is_enabled=False)

    assert all(one.enabled for one in configured_checks())
    assert setting_of(registry.get(SNAPSHOTS)) is None
