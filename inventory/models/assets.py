"""What exists and existed: assets as they are now, every version they had, and their terms."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Left, Lower

from accounts.models import Team
from inventory.models.kinds import KindChoices
from inventory.models.runs import SyncRun
from inventory.models.sources import Source
from inventory.querysets import AssetQuerySet, AssetVersionQuerySet


def _fact(field: str, length: int) -> models.GeneratedField:
    """A fact of the record as a column: null is what the platform did not say.

    It is cut to `length` so that a hostile value fits an index row (a btree holds 2,704 bytes).
    """
    return models.GeneratedField(
        expression=Left(KeyTextTransform(field, "record"), length),
        output_field=models.TextField(null=True),
        db_persist=True,
    )


class Asset(models.Model):
    """Something a platform has, as it is now. One table for all kinds; `record` says the facts."""

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="assets")
    kind = models.CharField(max_length=20, choices=KindChoices)
    uid = models.CharField(max_length=200)
    ref = models.CharField(max_length=200)
    name = models.TextField()
    record = models.JSONField()
    digest = models.CharField(max_length=32)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()  # exact only once it is missing: see `seen_at`
    changed_at = models.DateTimeField()
    missing_since = models.DateTimeField(null=True)
    missed_runs = models.PositiveSmallIntegerField(default=0)
    gone_at = models.DateTimeField(null=True)
    evaluated_at = models.DateTimeField(null=True)  # null: no verdict covers it yet
    power_since = models.DateTimeField(null=True)
    team = models.ForeignKey(Team, on_delete=models.SET_NULL, null=True, related_name="assets")
    sort_name = models.GeneratedField(
        expression=Lower(Left("name", 200)), output_field=models.TextField(), db_persist=True
    )
    classification = _fact("classification", 100)
    criticality = _fact("criticality", 100)
    owner = _fact("owner", 200)
    team_name = _fact("team", 100)
    power_state = _fact("power_state", 20)
    host_ref = _fact("host_ref", 200)

    objects = AssetQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "kind", "uid"], name="asset_identity"),
        ]
        indexes = [
            models.Index(fields=["kind", "sort_name", "id"], name="asset_list"),
            models.Index(fields=["source", "kind", "ref"], name="asset_by_ref"),
            models.Index(
                fields=["source", "host_ref"], condition=Q(kind="vm"), name="asset_vms_by_host"
            ),
            models.Index(fields=["team", "kind"], name="asset_by_team"),
            models.Index(fields=["team", "source"], name="asset_of_team_by_source"),
            models.Index(
                fields=["source", "kind"], condition=Q(gone_at__isnull=True), name="asset_present"
            ),
            models.Index(
                fields=["sort_name", "id"], condition=Q(gone_at__isnull=True), name="asset_by_name"
            ),
            models.Index(fields=["uid"], name="asset_by_uid"),
            models.Index(
                fields=["kind"],
                condition=Q(gone_at__isnull=True, missing_since__isnull=False),
                name="asset_missing",
            ),
            models.Index(
                fields=["kind"],
                condition=Q(gone_at__isnull=True, evaluated_at__isnull=True),
                name="asset_unjudged",
            ),
            models.Index(fields=["ref"], name="asset_by_ref_alone"),
            # Findings of a classification are joined to it without reading one asset.
            models.Index(fields=["kind", "classification"], include=["id"], name="asset_of_class"),
            # How many were known at a moment, counted from the index alone.
            models.Index(fields=["kind", "first_seen_at"], include=["gone_at"], name="asset_known"),
            models.Index(fields=["gone_at"], condition=Q(gone_at__isnull=False), name="asset_gone"),
            # Which of those known at a moment have changed since, newest first.
            models.Index(fields=["changed_at", "first_seen_at", "id"], name="asset_changed"),
            *(
                models.Index(
                    fields=["kind", field],
                    condition=Q(gone_at__isnull=True),
                    name=f"asset_{field}s",
                )
                for field in ("classification", "criticality", "owner")
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def seen_at(self) -> datetime:
        """When a collection last saw it. Unchanged assets are not rewritten by every collection, so
        for one that is not missing the source's last complete collection counts. Needs `source`.
        """
        if self.missing_since is None and self.source.complete_at is not None:
            return max(self.last_seen_at, self.source.complete_at)
        return self.last_seen_at


class AssetVersion(models.Model):
    """What was true of an asset from one moment to another; `valid_to` null is now."""

    asset = models.ForeignKey(Asset, on_delete=models.CASCADE, related_name="versions")
    run = models.ForeignKey(SyncRun, on_delete=models.PROTECT, null=True, related_name="+")
    record = models.JSONField()
    digest = models.CharField(max_length=32)
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)
    # Since when complete collections had not found it any more, until the version ended.
    missing_since = models.DateTimeField(null=True)
    # Since when it had been away, when it came back with this version: kept by a trigger.
    away_since = models.DateTimeField(null=True, editable=False)
    # By what lists of the past are narrowed and sorted, as `Asset` has it for now.
    kind = _fact("kind", 20)
    sort_name = models.GeneratedField(
        expression=Lower(Left(KeyTextTransform("name", "record"), 200)),
        output_field=models.TextField(),
        db_persist=True,
    )
    classification = _fact("classification", 100)
    criticality = _fact("criticality", 100)
    owner = _fact("owner", 200)
    power_state = _fact("power_state", 20)
    host_ref = _fact("host_ref", 200)

    objects = AssetVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["asset"], condition=Q(valid_to__isnull=True), name="one_open_version"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")),
                name="version_ends_after_it_begins",
            ),
        ]
        indexes = [
            models.Index(fields=["asset", "-valid_from"], name="version_history"),
            models.Index(fields=["kind", "sort_name", "id"], name="version_list"),
            # What began and what ended between two moments.
            models.Index(fields=["valid_from", "id"], name="version_begun"),
            models.Index(
                F("valid_to").desc(nulls_last=True),
                F("id").desc(),
                condition=Q(valid_to__isnull=False),
                name="version_ended",
            ),
            *(
                models.Index(
                    fields=["kind", field, "id"],
                    include=["valid_from", "valid_to"],
                    name=f"version_of_{field}",
                )
                for field in ("classification", "criticality", "owner", "power_state")
            ),
            # What the platform called by a name then: after it was registered again it has another.
            models.Index(
                KeyTextTransform("ref", "record"),
                condition=Q(kind__in=("vm", "image", "host", "datastore", "network")),
                name="version_by_ref",
            ),
            models.Index(
                fields=["away_since"], condition=Q(away_since__isnull=False), name="version_return"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.asset_id} from {self.valid_from:%F %T}"


class SearchEntry(models.Model):
    """What one asset is found by. Triggers keep it with the asset's record."""

    asset = models.OneToOneField(
        Asset, on_delete=models.CASCADE, primary_key=True, related_name="search"
    )
    terms = SearchVectorField(editable=False)
    earlier = SearchVectorField(editable=False)  # terms it had once and has no more

    class Meta:
        indexes = [
            GinIndex(fields=["terms"], name="search_terms"),
            GinIndex(fields=["earlier"], name="search_earlier"),
        ]

    def __str__(self) -> str:
        return f"terms of {self.asset_id}"
