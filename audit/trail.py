"""The one way to write the audit log: `record`, inside the transaction of the act."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from django.db import connection, models

from audit.models import Entry


class Actor(Protocol):
    pk: Any

    def __str__(self) -> str: ...


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where an act came from: set once per request, command or task."""

    via: str  # page, api, command, system
    request_id: str = ""
    address: str | None = None


_SYSTEM = Origin(via="system")
_origin: ContextVar[Origin] = ContextVar("audit_origin", default=_SYSTEM)


@contextmanager
def origin(value: Origin) -> Iterator[None]:
    """Everything recorded inside comes from here."""
    reset = _origin.set(value)
    try:
        yield
    finally:
        _origin.reset(reset)


class NotInTransaction(Exception):
    """An act was about to be recorded apart from itself."""


def record(
    actor: Actor | None,
    action: str,
    target: models.Model | None = None,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    at: datetime | None = None,
) -> Entry:
    """Write down an act in the transaction that does it, or raise NotInTransaction.

    `actor` None is the system itself. `before` and `after` hold what changed and never a secret.
    """
    if not connection.in_atomic_block:
        raise NotInTransaction(f"{action} has to be recorded in the transaction of the act")
    where = _origin.get()
    return Entry.objects.create(
        at=at or datetime.now(UTC),
        actor_id=actor.pk if actor is not None else None,
        actor_label=str(actor) if actor is not None else "vmgov",
        via=where.via,
        action=str(action),
        target_type=target._meta.label_lower if target is not None else "",
        target_id=str(target.pk) if target is not None else "",
        target_label=str(target)[:500] if target is not None else "",
        before=before,
        after=after,
        request_id=where.request_id,
        address=where.address,
    )
