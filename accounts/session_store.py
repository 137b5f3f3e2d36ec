"""Where sessions are kept: Django's rows in the database, with columns to list and end them by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends import db
from django.utils.crypto import salted_hmac

from accounts.models import Session


def handle_of(session_key: str) -> str:
    """What a session is called on pages; nobody finds its key by it."""
    return salted_hmac("accounts.Session", session_key, algorithm="sha256").hexdigest()[:32]


class SessionStore(db.SessionStore):
    """The name that SESSION_ENGINE asks for."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        """The row for this data, with what `vmgov.middleware.SessionLimits` noted in it."""
        row = cast(Session, super().create_model_instance(data))
        row.handle = handle_of(row.session_key)
        row.user_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        row.seal = data.get(HASH_SESSION_KEY, "")
        row.began_at = _moment(data.get("began_at"))
        row.seen_at = _moment(data.get("seen_at"))
        row.address = data.get("address")
        row.user_agent = data.get("user_agent", "")
        return row


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
