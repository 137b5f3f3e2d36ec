"""How an organisation wants its checks asked: on or off, how severe, with which parameters."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction

from accounts.models import User
from accounts.permissions import Permission
from audit import trail
from inventory.models import Asset, Source
from policies import registry
from policies.evaluate import Configured
from policies.models import CheckSetting
from policies.spec import Check, Parameters, Severity

log = logging.getLogger(__name__)


class BadSetting(Exception):
    """A check was to be set to something it does not understand. The message is a sentence."""


def configured_checks() -> list[Configured]:
    """Every registered check as it is set now, switched off ones included."""
    settings = {setting.check_id: setting for setting in CheckSetting.objects.all()}
    return [configured(check, _setting_of(check, settings)) for check in registry.all_checks()]


def fingerprint(configured: list[Configured]) -> str:
    """32 hexadecimal digits that change when a check comes, goes or is set differently."""
    told = [
        (one.check.id, one.enabled, one.severity.value, msgspec.to_builtins(one.params))
        for one in configured
    ]
    return hashlib.blake2b(
        msgspec.json.encode(sorted(told, key=lambda each: each[0]), order="deterministic"),
        digest_size=16,
    ).hexdigest()


def forget_outdated() -> int:
    """Say unknown, until the next evaluation, of what was judged by other checks than these.

    For after an upgrade: a check that is new would otherwise seem to pass everywhere. Returns the
    number of sources.
    """
    asked = fingerprint(configured_checks())
    outdated = Source.objects.filter(published_at__isnull=False).exclude(judged_as=asked)
    sources = list(outdated.values_list("pk", flat=True))
    Asset.objects.filter(source__in=sources).update(evaluated_at=None)
    return len(sources)


def configured(check: Check, setting: CheckSetting | None) -> Configured:
    """The check as one row sets it. Parameters that no longer fit give way to the defaults."""
    if setting is None:
        return Configured(check=check, params=check.params(), severity=check.severity)
    try:
        params = parameters(check, setting.params)
    except BadSetting as error:
        log.warning("Stored parameters of %s are ignored: %s", check.id, error)
        params = check.params()
    return Configured(
        check=check,
        params=params,
        severity=Severity(setting.severity) if setting.severity else check.severity,
        enabled=setting.is_enabled,
    )


def parameters(check: Check, values: dict[str, Any]) -> Parameters:
    """The values as the check's own type, defaults filled in, or raise BadSetting."""
    try:
        return msgspec.convert(values, check.params)
    except (msgspec.ValidationError, ValueError, TypeError) as error:
        raise BadSetting(_sentence(str(error))) from error


def _sentence(error: str) -> str:
    """msgspec's “Expected `int` >= 1 - at `$.limit[2]`” as “limit: expected int >= 1.”"""
    problem, _, place = error.partition(" - at `$.")
    name = place.rstrip("`").partition("[")[0]
    problem = problem.replace("`", "").rstrip(".")
    return f"{name}: {problem[:1].lower()}{problem[1:]}." if name else f"{problem}."


@transaction.atomic
def configure(
    *,
    check_id: str,
    by: User,
    now: datetime,
    is_enabled: bool,
    severity: str,
    params: dict[str, Any],
) -> CheckSetting:
    """Set a check, or raise BadSetting. An empty severity means the check's own.

    Only departures from the defaults are kept, so that a better default reaches everybody who did
    not choose otherwise. The next evaluation asks the check this way.
    """
    try:
        check = registry.get(check_id)
    except KeyError:
        raise BadSetting(f"There is no check “{check_id}”.") from None
    if severity and severity not in set(Severity):
        raise BadSetting(f"“{severity}” is not a severity.")
    chosen = parameters(check, params)
    setting = _locked(check)
    before = state(check, setting)
    setting.is_enabled = is_enabled
    setting.severity = "" if severity == check.severity else severity
    setting.params = departures(check, chosen)
    setting.save()
    after = state(check, setting)
    changed = {name for name in before if before[name] != after[name]}
    if changed - {"severity"}:
        # What this check would say now is not known until the next evaluation.
        Asset.objects.filter(kind=check.kind).update(evaluated_at=None)
    if changed:
        trail.record(
            by,
            Permission.CHECK_CONFIGURE,
            setting,
            before={name: before[name] for name in sorted(changed)},
            after={name: after[name] for name in sorted(changed)},
            at=now,
        )
    return setting


def _locked(check: Check) -> CheckSetting:
    """The check's row, made when there is none. A row under a former id takes the present one."""
    former = CheckSetting.objects.filter(check_id__in=check.aliases).first()
    if former and not CheckSetting.objects.filter(check_id=check.id).exists():
        former.check_id = check.id
        former.save(update_fields=["check_id"])
    return CheckSetting.objects.select_for_update().get_or_create(check_id=check.id)[0]


def departures(check: Check, chosen: Parameters) -> dict[str, Any]:
    """The parameters that differ from the check's defaults, as JSON values."""
    defaults, values = _json(check.params()), _json(chosen)
    return {name: value for name, value in values.items() if value != defaults[name]}


def state(check: Check, setting: CheckSetting | None) -> dict[str, Any]:
    """What decides how the check is asked, flat, as JSON values: what the audit log compares."""
    one = configured(check, setting)
    return {
        "is_enabled": one.enabled,
        "severity": one.severity.value,
        **{f"params.{k}": v for k, v in _json(one.params).items()},
    }


def setting_of(check: Check) -> CheckSetting | None:
    """The row that sets this check, under its id or a former one."""
    rows = CheckSetting.objects.filter(check_id__in=[check.id, *check.aliases])
    return _setting_of(check, {row.check_id: row for row in rows})


def _setting_of(check: Check, settings: dict[str, CheckSetting]) -> CheckSetting | None:
    return next((settings[name] for name in (check.id, *check.aliases) if name in settings), None)


def _json(params: Parameters) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(params, order="deterministic")
    return values
