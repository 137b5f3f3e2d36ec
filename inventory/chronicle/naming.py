"""What a platform called a place, and when: one that is taken out and added again is called
otherwise, and a platform that was restored from a backup may give its name to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from django.db.models import Q

from inventory.models import Asset
from inventory.raw import fetch


class Name(msgspec.Struct, frozen=True):
    """It may have been called so after one moment (None: ever since) and before another."""

    ref: str
    after: datetime | None
    before: datetime | None

    def may_hold(self, since: datetime, until: datetime | None) -> bool:
        begins = self.before is None or since < self.before
        return begins and (self.after is None or until is None or until > self.after)


def names_of(place: Asset) -> list[Name]:
    """In their order. Between two collections both the earlier and the later may hold."""
    found = [Name(*row) for row in fetch(_NAMES, {"place": place.pk})]
    return found or [Name(place.ref, None, None)]


def events_on(names: Sequence[Name]) -> Q:
    """Events that happened on a host of these names."""
    found = Q(pk=None)
    for name in names:
        one = Q(host_ref=name.ref)
        if name.after is not None:
            one &= Q(happened_at__gt=name.after)
        if name.before is not None:
            one &= Q(happened_at__lt=name.before)
        found |= one
    return found


_NAMES = """
SELECT called.ref,
    (SELECT max(r.published_at) FROM inventory_syncrun r
     WHERE r.source_id = called.source_id AND r.published_at < called.since),
    lead(called.since) OVER (ORDER BY called.since)
FROM (
    SELECT v.record->>'ref' AS ref, a.source_id, min(v.valid_from) AS since
    FROM inventory_assetversion v JOIN inventory_asset a ON a.id = v.asset_id
    WHERE a.id = %(place)s GROUP BY 1, 2
) called
ORDER BY called.since
"""
