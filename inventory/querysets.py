"""Every reusable read of the inventory, each starting from what a person may see."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from accounts.models import User

if TYPE_CHECKING:
    from inventory.models import Asset, AssetVersion, Source, SyncRun  # noqa: F401


class AssetQuerySet(models.QuerySet["Asset"]):
    def visible_to(self, user: User) -> Self:
        """Assets within the person's scope; one without a team is in no team's scope."""
        if user.sees_everything:
            return self
        return self.filter(team__in=user.team_ids)

    def present(self) -> Self:
        """Assets that exist as far as we know: not retired. Missing ones are still counted."""
        return self.filter(gone_at__isnull=True)


class AssetVersionQuerySet(models.QuerySet["AssetVersion"]):
    def visible_to(self, user: User) -> Self:
        """Versions of assets that are within the person's scope now, whosever they were then."""
        if user.sees_everything:
            return self
        return self.filter(asset__team__in=user.team_ids)

    def at(self, moment: datetime) -> Self:
        """What was true at a moment: at most one version of each asset."""
        return self.filter(valid_from__lte=moment).filter(
            Q(valid_to__isnull=True) | Q(valid_to__gt=moment)
        )

    def with_reading(self) -> Self:
        """With `read_until`: when the collection that found a version had read everything."""
        return self.annotate(read_until=F("run__read_until"))


class SourceQuerySet(models.QuerySet["Source"]):
    def visible_to(self, user: User) -> Self:
        """Sources that hold at least one asset of the person's teams, or all of them."""
        if user.sees_everything:
            return self
        from inventory.models import Asset  # models need this module first

        own = Asset.objects.filter(source=OuterRef("pk"), team__in=user.team_ids)
        return self.filter(Exists(own))

    def watchable(self) -> Self:
        """Sources whose platform can tell what changes, and that are to be watched."""
        return self.filter(connector="vsphere", is_enabled=True, is_watched=True)

    def collectable(self) -> Self:
        """Sources that can be asked at any time: not those whose facts are brought as files."""
        return self.exclude(connector="rvtools").exclude(connector="bundle", url="")


class SyncRunQuerySet(models.QuerySet["SyncRun"]):
    def collections(self) -> Self:
        """Runs that read everything there is: what ticks, intervals and completeness are about."""
        return self.filter(is_increment=False)
