"""Short messages about what was just done, with a way to undo it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest

_UNDO = "undo:"


def done(request: HttpRequest, text: str, *, undo: str = "") -> None:
    """Say what was done. With the address of a POST view in `undo`, offer to take it back."""
    messages.success(request, text, extra_tags=f"{_UNDO}{undo}" if undo else "")


def failed(request: HttpRequest, text: str) -> None:
    """Say what was not done, and why."""
    messages.error(request, text)


def undo_address(extra_tags: str | None) -> str:
    """The address that takes a message's act back, or nothing."""
    tags = extra_tags or ""
    return tags[len(_UNDO) :] if tags.startswith(_UNDO) else ""
