"""What policies add to inventory pages: verdicts on an asset, checks a blind spot blinds."""

from __future__ import annotations

from collections import defaultdict
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


def verdicts(asset: Asset, user: User, now: datetime) -> Panel | None:
    """Every answer about an asset, grouped by the statement it serves."""
    if not user.may(Permission.POLICY_READ) or asset.gone_at:
        return None
    answers = answers_about(asset)
    if not answers:
        return None
    titles = dict(Statement.objects.values_list("code", "title"))
    by_statement: defaultdict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        by_statement[answer.check.statements[0]].append(answer)
    return Panel(
        "Verdicts",
        "policies/_asset_verdicts.html",
        {
            "groups": [(code, titles.get(code, ""), each) for code, each in by_statement.items()],
            "count": len(answers),
            **{
                outcome.value: sum(1 for each in answers if each.outcome is outcome)
                for outcome in Outcome
            },
        },
    )


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
