"""Which item of a content library an event means.

What the arguments of such events are called is documented nowhere, so their values alone are held
against the items that were recorded: an id settles it; a name does when one item alone had it at
that time. Otherwise nobody can tell which item it was.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final, NamedTuple

from accounts.models import User
from inventory.chronicle.models import PlatformEvent
from inventory.raw import fetch

ARGUMENT: Final = "arguments."
_OF_OBJECT: Final = ("objectId", "objectName")
# An id within a name that the whole of a vCenter's services understand.
_URN: Final = re.compile(r"urn:vapi:com\.vmware\.content\.library\.Item:([^:]+)(:.*)?")
_CLOSE: Final = timedelta(minutes=2)  # between what two services of one vCenter call now


class Meant(NamedTuple):
    """The item an event means, and whether it named its id; without `uid` that cannot be told."""

    uid: str = ""
    by_id: bool = False


class Name(NamedTuple):
    """What an item of a library was called for a while; without a limit since or until ever."""

    uid: str
    name: str
    library: str
    since: datetime | None
    until: datetime | None

    def held(self, at: datetime) -> bool:
        is_there = self.since is None or self.since - _CLOSE <= at
        return is_there and (self.until is None or at < self.until)


class Items:
    """The items that were ever recorded of a source, read when the first is asked for.

    Whether a name is that of one item alone would tell of items that a person may not see: to who
    sees a part of the estate only an id tells.
    """

    def __init__(self, source_id: int, user: User) -> None:
        self._source_id = source_id
        self._may_compare = user.sees_everything

    @cached_property
    def _names(self) -> list[Name]:
        return [Name(*row) for row in fetch(_NAMES, {"source": self._source_id})]

    @cached_property
    def _uids(self) -> frozenset[str]:
        return frozenset(one.uid for one in self._names)

    def names_of(self, uids: Iterable[str]) -> set[str]:
        """What these items were ever called."""
        wanted = set(uids)
        return {one.name for one in self._names if one.uid in wanted}

    def meant_by(self, told: PlatformEvent) -> Meant:
        said = _values(told)
        urns = {found[1] for value in said if (found := _URN.fullmatch(value))}
        ids = (said | urns) & self._uids
        if ids or urns:
            return Meant(ids.pop(), by_id=True) if len(ids) == 1 else Meant()
        if not self._may_compare:
            return Meant()
        # A machine or a library may be called like an item, which it is not.
        said -= {told.vm_name, *(one.library for one in self._names)}
        named = {one.uid for one in self._names if one.name in said and one.held(told.happened_at)}
        return Meant(named.pop()) if len(named) == 1 else Meant()


def _values(told: PlatformEvent) -> set[str]:
    return {
        str(value)
        for key, value in told.detail.items()
        if key.startswith(ARGUMENT) or key in _OF_OBJECT
    }


# The first name is taken to be as old as the item: nobody looked earlier.
_NAMES = """
SELECT a.uid, v.record->>'name', coalesce(v.record->>'library_name', ''),
    CASE WHEN lag(v.id) OVER by_item IS NULL THEN (v.record->>'created_at')::timestamptz
        ELSE v.valid_from END,
    least(v.missing_since, v.valid_to)
FROM inventory_assetversion v JOIN inventory_asset a ON a.id = v.asset_id
WHERE a.source_id = %(source)s AND a.kind = 'image' AND v.record->>'library_ref' <> ''
WINDOW by_item AS (PARTITION BY a.id ORDER BY v.valid_from, v.id)
"""
