"""How every act on an exception begins: who it is now, and the row as it is now, both held.

People are held before findings, findings before exceptions: nobody waits in a circle.
"""

from __future__ import annotations

from datetime import datetime

from accounts.errors import NotPossible
from accounts.models import User
from accounts.permissions import Permission
from findings.models import Finding, Waiver
from findings.waivers import scopes
from findings.waivers.errors import Overtaken

_MAY_NOT = {
    Permission.WAIVER_APPROVE: "You may not decide about exceptions any more.",
    Permission.WAIVER_REQUEST: "You may not ask for exceptions any more.",
}


def person(by: User, permission: Permission) -> User:
    """The person as they are now, kept from changing meanwhile; or raise NotPossible."""
    found = User.objects.select_for_update(no_key=True).get(pk=by.pk)
    if not found.may(permission):
        raise NotPossible(_MAY_NOT[permission])
    return found


def hold(waiver_id: int, *, version: int, by: User) -> Waiver:
    """The exception, held; or raise Waiver.DoesNotExist, or Overtaken for another version."""
    Waiver.objects.visible_to(by).get(pk=waiver_id)
    waiver = Waiver.objects.select_for_update(no_key=True).get(pk=waiver_id)
    if waiver.version != version:
        raise Overtaken(waiver, seen=version)
    return waiver


def hold_findings(waiver_id: int, *, now: datetime) -> None:
    """Hold what an exception is about or covers, as its dates may change."""
    waiver = Waiver.objects.select_related("requested_by").filter(pk=waiver_id).first()
    if waiver is None:
        return
    matching = scopes.of_waiver(waiver, now=now).order_by().values("pk")
    covered = waiver.covers.values("finding_id")
    rows = Finding.objects.filter(pk__in=matching) | Finding.objects.filter(pk__in=covered)
    list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))


def needs(text: str, sentence: str) -> str:
    """The text without blanks around it, or raise NotPossible when nothing is left."""
    kept = text.strip()
    if not kept:
        raise NotPossible(sentence)
    return kept
