"""What becomes of a comment after it was written: its author may mend or take it back for a while.

Writing one is an act like any other (`findings.triage.acts.Say`). What it said before is kept.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from accounts.errors import NotPossible
from accounts.models import User
from accounts.permissions import Permission
from audit import trail
from findings.models import Comment, Finding
from findings.triage import people
from findings.triage.deeds import checked_text
from findings.triage.errors import NotAllowed
from inventory.clock import database_now

MENDABLE_FOR = timedelta(hours=1)


def is_mendable(comment: Comment, *, by: User, now: datetime) -> bool:
    """Whether this person may still change or delete it."""
    return (
        comment.by_id == by.pk
        and comment.deleted_at is None
        and comment.at <= now < comment.at + MENDABLE_FOR
    )


@transaction.atomic
def mend(*, finding_id: int, comment_id: int, text: str, by: User, now: datetime) -> Comment:
    """Say it otherwise. Nobody is told again. Raises NotPossible, Comment.DoesNotExist."""
    written = checked_text(text)
    comment = _own(finding_id, comment_id, by=by, now=now)
    if comment.text == written:
        return comment
    before = comment.text
    comment.earlier = [*comment.earlier, {"at": now.isoformat(), "text": before}]
    comment.text, comment.edited_at = written, now
    named = people.by_username(people.mentioned_in(written), known_by=by)
    comment.mentions = [
        reader.user.username for reader in named.values() if reader.sees(comment.finding)
    ]
    comment.save(update_fields=["earlier", "text", "edited_at", "mentions"])
    _note(comment, by, before={"text": before}, after={"text": written})
    return comment


@transaction.atomic
def delete(*, finding_id: int, comment_id: int, by: User, now: datetime) -> None:
    """Take it back: a line stays that says so. Raises NotPossible, Comment.DoesNotExist."""
    comment = _own(finding_id, comment_id, by=by, now=now)
    comment.deleted_at = now
    comment.save(update_fields=["deleted_at"])
    _note(comment, by, before={"text": comment.text}, after={"deleted": True})


def _own(finding_id: int, comment_id: int, *, by: User, now: datetime) -> Comment:
    if not by.may(Permission.FINDING_WORK):
        raise NotAllowed("Your role does not let you comment on findings.")
    finding = Finding.objects.visible_to(by).get(pk=finding_id)
    comment = (
        Comment.objects.select_for_update(of=("self",))
        .select_related("finding")
        .get(pk=comment_id, finding=finding)
    )
    if not is_mendable(comment, by=by, now=now):
        raise NotPossible("A comment can be changed by its author, within an hour.")
    return comment


def _note(
    comment: Comment, by: User, *, before: dict[str, object], after: dict[str, object]
) -> None:
    Finding.objects.filter(pk=comment.finding_id).update(updated_at=database_now())
    trail.record(by, Permission.FINDING_WORK, comment, before=before, after=after)
