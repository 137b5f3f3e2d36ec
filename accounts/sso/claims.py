"""What a provider says of somebody who has signed in there, whichever protocol it said it by."""

from __future__ import annotations

from typing import Any

import msgspec


class Refused(Exception):
    """Nobody is let in: `reason` picks the sentence for the page, `detail` is for the log."""

    is_recorded = False

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """All of it verified: signed by the provider, meant for us, asked for by this browser."""

    subject: str
    groups: frozenset[str]
    username: str = ""
    full_name: str = ""
    email: str = ""
    factors: frozenset[str] = frozenset()
    # When the person last showed there who they are; None if the provider does not say.
    authenticated_at: float | None = None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What this browser asked of a provider and has to bring back; kept in its session."""

    provider: str
    asked_at: float
    next: str = ""
    nonce: str = ""
    verifier: str = ""
    # Somebody who is signed in shows again who they are.
    again: int | None = None


def words(value: Any) -> frozenset[str]:
    """One word, several, or none: providers send all three."""
    if isinstance(value, str):
        return frozenset({value})
    if isinstance(value, list | tuple):
        return frozenset(item for item in value if isinstance(item, str))
    return frozenset()


def line(value: Any, length: int) -> str:
    """Text for one line, whatever was sent."""
    if isinstance(value, list | tuple):
        value = value[0] if value else ""
    if not isinstance(value, str):
        return ""
    return "".join(c for c in value if c.isprintable()).strip()[:length]
