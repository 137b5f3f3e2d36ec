"""How somebody wants to be told: in the product, by mail at once, in a daily digest, or not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta

import msgspec
from django.db import transaction

from accounts.models import User
from audit import trail
from findings.models import Notice, NoticePreference

Kind = Notice.Kind
Mail = NoticePreference.Mail
DIGEST_HOUR = 7  # UTC

# What nobody chose otherwise. Mail at once only where somebody else waits for the person.
_AT_ONCE = frozenset({Kind.ASSIGNED, Kind.MENTIONED, Kind.WAIVER_REQUESTED, Kind.WAIVER_DECIDED})
_NEVER = frozenset({Kind.RESOLVED})


class Wish(msgspec.Struct, frozen=True):
    """How to tell one person of one kind of thing."""

    in_product: bool
    mail: str


def usual(kind: str) -> Wish:
    """What somebody gets who never chose."""
    if kind in _AT_ONCE:
        return Wish(in_product=True, mail=Mail.NOW)
    return Wish(in_product=True, mail=Mail.OFF if kind in _NEVER else Mail.DAILY)


def wishes(users: Iterable[User]) -> dict[tuple[int, str], Wish]:
    """Every wish of these people, chosen or usual. One query."""
    ids = [user.pk for user in users]
    chosen = {
        (row.user_id, row.kind): Wish(row.in_product, row.mail)
        for row in NoticePreference.objects.filter(user_id__in=ids)
    }
    return {(pk, kind): chosen.get((pk, kind), usual(kind)) for pk in ids for kind in Kind.values}


@transaction.atomic
def choose(*, user: User, wanted: dict[str, Wish]) -> None:
    """Set one's own wishes. What equals the usual is kept as a choice too: defaults may change."""
    for kind, wish in wanted.items():
        NoticePreference.objects.update_or_create(
            user=user, kind=Kind(kind), defaults={"in_product": wish.in_product, "mail": wish.mail}
        )
    trail.record(
        user,
        "findings:notice:choose",
        user,
        after={kind: msgspec.to_builtins(wish) for kind, wish in wanted.items()},
    )


def mail_due_at(wish: Wish, *, now: datetime) -> datetime | None:
    """When to write to somebody about what happened now; None: not at all."""
    if wish.mail == Mail.OFF:
        return None
    if wish.mail == Mail.NOW:
        return now
    today = datetime.combine(now.date(), time(DIGEST_HOUR), tzinfo=now.tzinfo)
    return today if now < today else today + timedelta(days=1)
