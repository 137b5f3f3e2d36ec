"""What people can do about findings, as data: the same for one finding and for five thousand, from
a page, a script or the row that undoes it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

LONGEST_TEXT = 10_000
LONGEST_WHY = 1_000
Why = Annotated[str, msgspec.Meta(max_length=LONGEST_WHY)]
Name = Annotated[str, msgspec.Meta(max_length=150)]


class _Act(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="act"):
    pass


class SetStatus(_Act, frozen=True, kw_only=True, tag="status"):
    """Move it along `findings.status.TRIAGE`. `awaiting_proof` is a claim that wants proof."""

    to: Literal["new", "triaged", "in_progress", "awaiting_proof"]
    why: Why = ""


class Assign(_Act, frozen=True, kw_only=True, tag="assign"):
    """Give it to a person by username; None: to nobody."""

    to: Name | None
    why: Why = ""


class Take(_Act, frozen=True, kw_only=True, tag="take"):
    """Take what nobody has."""


class GiveBack(_Act, frozen=True, kw_only=True, tag="give_back"):
    """Leave what one took to whoever takes it next."""

    why: Why = ""


class AssignTeam(_Act, frozen=True, kw_only=True, tag="team"):
    """Give it to a team by id; None: to none."""

    to: int | None
    why: Why = ""


class SetDue(_Act, frozen=True, kw_only=True, tag="due"):
    """Set the due date by hand, with the reason; None: as the rules say."""

    at: datetime | None
    why: Why


class AddLabel(_Act, frozen=True, kw_only=True, tag="label"):
    label: Annotated[str, msgspec.Meta(max_length=50)]


class RemoveLabel(_Act, frozen=True, kw_only=True, tag="unlabel"):
    label: Annotated[str, msgspec.Meta(max_length=50)]


class LinkTicket(_Act, frozen=True, kw_only=True, tag="ticket"):
    """An https address or a ticket's number; empty: none."""

    ticket: Annotated[str, msgspec.Meta(max_length=500)]


class Say(_Act, frozen=True, kw_only=True, tag="comment"):
    text: Annotated[str, msgspec.Meta(max_length=LONGEST_TEXT)]


Act: TypeAlias = (
    SetStatus
    | Assign
    | Take
    | GiveBack
    | AssignTeam
    | SetDue
    | AddLabel
    | RemoveLabel
    | LinkTicket
    | Say
)


def as_data(act: Act) -> dict[str, Any]:
    """The act as it is kept and told."""
    data: dict[str, Any] = msgspec.to_builtins(act)
    return data


def from_data(data: object) -> Act:
    """The act that was meant, or raise msgspec.ValidationError."""
    act: Act = msgspec.convert(data, Act)
    return act
