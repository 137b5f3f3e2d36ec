"""What policies add to inventory pages: verdicts on an asset, checks a blind spot blinds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.urls import reverse

from accounts.models import User
from accounts.permissions import Permission
from inventory.blindness import fields_behind
from inventory.models import Asset, BlindSpot
from inventory.panels import Blinded, Panel
from inventory.records import Kind
from policies import registry
from policies.configuration import configured_checks
from policies.coverage import Answer, answers_about
from policies.models import Statement
from policies.spec import Outcome

MOST_UNFOLDED = 5  # answers that pass; more of them would hide what does not


def verdicts(asset: Asset, user: User, now: datetime) -> Panel | None:
    """Every answer about an asset, grouped by the statement it serves."""
    if not user.may(Permission.POLICY_READ) or asset.gone_at:
        return None
    answers = answers_about(asset)
    if not answers:
        return None
    titles = dict(Statement.objects.values_list("code", "title"))
    passed = [each for each in answers if each.outcome is Outcome.PASS]
    if len(passed) <= MOST_UNFOLDED:
        passed = []
    return Panel(
        "Verdicts",
        "policies/_asset_verdicts.html",
        {
            "groups": _by_statement([each for each in answers if each not in passed], titles),
            "passed": _by_statement(passed, titles),
            "count": len(answers),
            **{
                outcome.value: sum(1 for each in answers if each.outcome is outcome)
                for outcome in Outcome
            },
        },
    )


def _by_statement(
    answers: Iterable[Answer], titles: dict[str, str]
) -> list[tuple[str, str, list[Answer]]]:
    found: defaultdict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        found[answer.check.statements[0]].append(answer)
    return [(code, titles.get(code, ""), each) for code, each in found.items()]


def blinded_checks(spot: BlindSpot) -> list[Blinded]:
    """The checks that read what the account may not."""
    kind, whole = Kind(spot.kind), spot.property == "*"
    fields = fields_behind(kind, spot.property)
    read = {f"{kind.value}.{field}" for field in fields}
    found = []
    for check in registry.all_checks():
        own = check.kind is kind and (whole or bool(fields & set(check.facts)))
        other = kind in check.reads_kinds if whole else bool(read & set(check.reads))
        if own or other:
            found.append(Blinded(check.title, reverse("policies:check", args=[check.id])))
    return found


def judged_kinds() -> frozenset[Kind]:
    """The kinds some enabled check is about."""
    return frozenset(one.check.kind for one in configured_checks() if one.enabled)
