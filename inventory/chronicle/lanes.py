"""Where a machine was in a window of time: a lane a stay, to be drawn, and who brought it there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from accounts.models import User
from inventory.chronicle.meanings import TYPES
from inventory.chronicle.models import Basis, BlindInterval, PlatformEvent, Stay
from inventory.chronicle.windows import Window
from inventory.chronicle.words import title_of
from inventory.models import Asset

MOST = 50


class Piece(msgspec.Struct, frozen=True):
    """A part of the window, in percent of its length."""

    x: float
    width: float


class Lane(msgspec.Struct, frozen=True, kw_only=True):
    """One stay: when it surely was there, when perhaps, and the event that began it."""

    stay: Stay
    sure: Piece | None
    perhaps: list[Piece]
    what: str = ""
    by: str = ""


def of(vm: Asset, user: User, *, window: Window, place: str) -> list[Lane]:
    """The stays of a machine in places of a sort, oldest first. Two questions."""
    stays = list(
        Stay.objects.filter(vm=vm, place_kind=place)
        .between(window.since, window.until)
        .select_related("place")
        .defer("place__record")
        .order_by("valid_from", "pk")[:MOST]
    )
    told = _told(vm, user, [stay.valid_from for stay in stays if stay.basis == Basis.EVENT])
    return [_lane(stay, window, told.get(stay.valid_from)) for stay in stays]


def arrival(vm: Asset, user: User) -> Lane | None:
    """The stay that brought a machine to the host where it is now. At most two questions.

    A machine that was switched off and on meanwhile came when it came, not when it was started.
    """
    stays = Stay.objects.filter(vm=vm, place_kind=Stay.Place.HOST).order_by("-valid_from", "-pk")
    came: Stay | None = None
    for stay in stays[:MOST]:
        if came is None and stay.valid_to is not None:
            return None
        if came is not None and not stay.is_where(came):
            break
        came = stay
    if came is None:
        return None
    told = _told(vm, user, [came.valid_from] if came.basis == Basis.EVENT else [])
    event = told.get(came.valid_from)
    return Lane(
        stay=came,
        sure=None,
        perhaps=[],
        what=title_of(event.type) if event else "",
        by=event.user_name if event else "",
    )


def blind(intervals: Iterable[BlindInterval], window: Window) -> list[Piece]:
    """When nobody looked."""
    found = (_piece(window, one.began_at, one.ended_at) for one in intervals)
    return [piece for piece in found if piece]


def _told(vm: Asset, user: User, moments: Sequence[datetime]) -> dict[datetime, PlatformEvent]:
    """The one event that tells of the machine at each moment; where there are several, none."""
    if not moments:
        return {}
    rows = PlatformEvent.objects.visible_to(user).filter(
        vm=vm, type__in=TYPES, happened_at__in=moments
    )
    by_moment: dict[datetime, list[PlatformEvent]] = {}
    for row in rows:
        by_moment.setdefault(row.happened_at, []).append(row)
    return {moment: told[0] for moment, told in by_moment.items() if len(told) == 1}


def _lane(stay: Stay, window: Window, event: PlatformEvent | None) -> Lane:
    began, ended = stay.began_after or stay.valid_from, stay.valid_to
    sure_until = stay.sure_until if ended else None
    perhaps = [_piece(window, began, stay.valid_from)]
    if sure_until and ended:
        perhaps.append(_piece(window, max(sure_until, stay.valid_from), ended))
    return Lane(
        stay=stay,
        sure=_piece(window, stay.valid_from, sure_until),
        perhaps=[piece for piece in perhaps if piece],
        what=title_of(event.type) if event else "",
        by=event.user_name if event else "",
    )


def _piece(window: Window, since: datetime, until: datetime | None) -> Piece | None:
    begin, end = max(since, window.since), min(until or window.until, window.until)
    if begin >= end:
        return None
    return Piece(
        round((begin - window.since) / window.length * 100, 2),
        round((end - begin) / window.length * 100, 2),
    )
