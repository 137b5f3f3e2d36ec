"""What exists and existed: sources, their runs, and assets with every version they ever had."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Left, Lower
from django.utils import timezone

from accounts.models import Team
from inventory.querysets import (
    AssetQuerySet,
    AssetVersionQuerySet,
    SourceQuerySet,
    SyncRunQuerySet,
)
from inventory.records import Kind, Platform


class KindChoices(models.TextChoices):
    VM = Kind.VM.value, "Virtual machine"
    HOST = Kind.HOST.value, "Host"
    CLUSTER = Kind.CLUSTER.value, "Cluster"
    NETWORK = Kind.NETWORK.value, "Network"
    SWITCH = Kind.SWITCH.value, "Distributed switch"
    DATASTORE = Kind.DATASTORE.value, "Datastore"
    IMAGE = Kind.IMAGE.value, "Image"
    ROLE = Kind.ROLE.value, "Role"
    GRANT = Kind.GRANT.value, "Grant"
    PRINCIPAL = Kind.PRINCIPAL.value, "Principal"
    PLATFORM = Kind.PLATFORM.value, "Platform"


class Source(models.Model):
    """A place facts come from: a vCenter, a recorded bundle, or files that are brought here."""

    class Connector(models.TextChoices):
        VSPHERE = "vsphere", "vCenter"
        BUNDLE = "bundle", "Bundle"
        RVTOOLS = "rvtools", "RVTools workbook"

    class Trust(models.TextChoices):
        SYSTEM = "system", "Certificate authorities of this system"
        CA = "ca", "A certificate authority of yours"
        PIN = "pin", "Exactly this certificate"

    name = models.CharField(max_length=100)
    connector = models.CharField(max_length=20, choices=Connector, default=Connector.VSPHERE)
    platform = models.CharField(max_length=20, choices=[(p.value, p.value) for p in Platform])
    url = models.CharField(max_length=500, blank=True)
    username = models.CharField(max_length=200, blank=True)
    trust = models.CharField(max_length=10, choices=Trust, default=Trust.SYSTEM)
    trust_pem = models.TextField(blank=True)
    trusted_key = models.TextField(blank=True)  # whose bundles are accepted: an Ed25519 key, PEM
    attribute_mapping = models.JSONField(
        default=dict, blank=True
    )  # field of ours → their attribute
    interval_minutes = models.PositiveIntegerField(default=60)
    # Whether its platform is asked to tell of changes between two collections.
    is_watched = models.BooleanField(default=True, db_default=True)
    is_enabled = models.BooleanField(default=True)
    instance_uuid = models.CharField(max_length=100, blank=True)
    product = models.CharField(max_length=200, blank=True)
    warnings = ArrayField(models.TextField(), default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    complete_at = models.DateTimeField(null=True)  # when the last COMPLETE run was published
    published_at = models.DateTimeField(null=True)  # when facts were last published, whole or not
    changed_at = models.DateTimeField(null=True)  # when a watch last published what had changed
    evaluated_at = models.DateTimeField(null=True)  # when the published facts were last judged
    # The newest event that is known, by the platform's clock: the next collection goes on there.
    events_at = models.DateTimeField(null=True)
    events_key = models.BigIntegerField(null=True)
    # How the checks were set when they were judged; differs from now: judge again.
    judged_as = models.CharField(max_length=32, blank=True)

    objects = SourceQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="source_name_unique",
                violation_error_message="There is already a source with this name.",
            ),
            models.CheckConstraint(
                condition=Q(interval_minutes__gte=1), name="source_interval_at_least_a_minute"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def newest_at(self) -> datetime | None:
        """When anything was last published: a collection, or what a watch was told."""
        return max(filter(None, (self.published_at, self.changed_at)), default=None)

    @property
    def live_at(self) -> datetime | None:
        """When its platform last confirmed that nothing else has changed; None when it is not
        watched at the moment. To be selected with `watch`.
        """
        watch = getattr(self, "watch", None)
        return watch.confirmed_at if watch and watch.is_live(now=timezone.now()) else None

    @property
    def takes_files(self) -> bool:
        """Whether its facts are brought as files: there is nothing that could be asked."""
        return self.connector == self.Connector.RVTOOLS or (
            self.connector == self.Connector.BUNDLE and not self.url
        )


class Credential(models.Model):
    """A secret sealed with AES-256-GCM and bound to the destination it was typed for."""

    source = models.OneToOneField(Source, on_delete=models.CASCADE, related_name="credential")
    key_id = models.CharField(max_length=32)
    nonce = models.BinaryField()
    ciphertext = models.BinaryField()
    sealed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"credential of {self.source}"


class SyncRun(models.Model):
    """The ledger and the queue of record: one row per collection, from request to result."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        RUNNING = "running", "Running"
        HELD = "held", "Held for a person"
        COMPLETE = "complete", "Complete"
        PARTIAL = "partial", "Partial"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"
        QUARANTINED = "quarantined", "Quarantined"

    class Phase(models.TextChoices):
        WAITING = "waiting", "Waiting"
        COLLECTING = "collecting", "Collecting"
        PUBLISHING = "publishing", "Publishing"
        EVALUATING = "evaluating", "Evaluating"
        DONE = "done", "Done"

    MAX_ATTEMPTS = 3

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="runs")
    # Not everything, but what a watch was told to have changed.
    is_increment = models.BooleanField(default=False, db_default=False)
    state = models.CharField(max_length=20, choices=State, default=State.QUEUED)
    phase = models.CharField(max_length=20, choices=Phase, default=Phase.WAITING)
    slot_at = models.DateTimeField(
        null=True
    )  # the interval slot it was scheduled for; null = on demand
    requested_by = models.CharField(max_length=200, blank=True)
    requested_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    collected_at = models.DateTimeField(null=True)  # the moment the facts are true of
    read_until = models.DateTimeField(null=True)  # when the last of them had been read
    unchanged_until = models.DateTimeField(null=True)  # of an increment: nothing else had changed
    published_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    attempt = models.PositiveSmallIntegerField(default=0)
    not_before_at = models.DateTimeField(null=True)  # back-off between attempts
    token = models.BigIntegerField(default=0)  # fencing: grows with every claim
    staged_token = models.BigIntegerField(null=True)  # the token whose staged records are whole
    worker = models.CharField(max_length=200, blank=True)
    heartbeat_at = models.DateTimeField(null=True)
    lease_expires_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    release_approved_at = models.DateTimeField(null=True)  # a person released a held run
    sealed_session = models.BinaryField(null=True)  # of a session a killed run may have left behind
    progress = models.JSONField(default=dict)  # {kind: collected so far}
    completeness = models.JSONField(default=dict)  # {kind: {"expected", "collected", "complete"}}
    counts = models.JSONField(
        default=dict
    )  # {kind: {"new", "changed", "unchanged", "missing", "retired"}}
    events = models.JSONField(default=dict)  # {"new", "unreadable", "problem"}; empty: not asked
    outcomes = models.JSONField(default=dict)  # {"opened", "reopened", "resolved", …}
    causes = models.JSONField(default=list)  # [{"code", "message", "advice"}]
    notes = models.JSONField(
        default=dict
    )  # until published: {"unreadable", "blind_spots", "identity"}
    upload = models.JSONField(default=dict)  # of a file that was brought: what it says of itself

    objects = SyncRunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["source"], condition=Q(state="running"), name="one_running_sync_per_source"
            ),
            models.UniqueConstraint(
                fields=["source"], condition=Q(state="queued"), name="one_queued_sync_per_source"
            ),
            models.UniqueConstraint(fields=["source", "slot_at"], name="one_sync_per_slot"),
        ]
        indexes = [
            models.Index(fields=["source", "-id"], name="syncrun_by_source"),
            models.Index(
                fields=["source", "-id"],
                condition=Q(is_increment=False),
                name="syncrun_collections",
            ),
            # The reaper and the scheduler look only at live rows.
            models.Index(
                fields=["state"], condition=Q(state__in=["queued", "running"]), name="syncrun_live"
            ),
        ]

    def __str__(self) -> str:
        return f"run {self.pk} of {self.source}"

    @property
    def is_over(self) -> bool:
        return self.state not in {self.State.QUEUED, self.State.RUNNING, self.State.HELD}


class UploadedPart(models.Model):
    """A piece of the file a run reads. It is gone once the file was read or the run is over."""

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["run", "number"], name="uploaded_part_once"),
        ]

    def __str__(self) -> str:
        return f"part {self.number} of run {self.run_id}"


class StagedRecord(models.Model):
    """A record on its way in. Written by COPY under a run's token; nobody but publish reads it."""

    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, db_index=False)
    token = models.BigIntegerField()
    kind = models.CharField(max_length=20)
    uid = models.CharField(max_length=200)
    ref = models.CharField(max_length=200)
    name = models.TextField()
    digest = models.CharField(max_length=32)
    record = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "token", "kind", "uid"], name="staged_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.uid}"


class Quarantine(models.Model):
    """One object that exists but could not be read into a record, as of its source's last run."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="quarantine")
    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="quarantine")
    kind = models.CharField(max_length=20, choices=KindChoices)
    ref = models.CharField(max_length=200)
    name = models.TextField()
    reason = models.TextField()
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "kind", "ref"], name="quarantined_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"


class BlindSpot(models.Model):
    """What the account of a source may not read, as of its last run."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="blind_spots")
    run = models.ForeignKey(SyncRun, on_delete=models.CASCADE, related_name="blind_spots")
    kind = models.CharField(max_length=20, choices=KindChoices)
    property = models.CharField(max_length=200)
    count = models.PositiveIntegerField()
    example = models.TextField()
    explanation = models.TextField()
    first_seen_at = models.DateTimeField()

    class Meta:
        ordering = ["kind", "property"]
        constraints = [
            models.UniqueConstraint(fields=["source", "kind", "property"], name="blind_spot_once"),
        ]

    def __str__(self) -> str:
        return f"{self.property} of {self.kind}"


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
    # Cut so that a hostile value fits an index row (a btree holds 2,704 bytes).
    sort_name = models.GeneratedField(
        expression=Lower(Left("name", 200)), output_field=models.TextField(), db_persist=True
    )
    classification = models.GeneratedField(
        expression=Left(KeyTextTransform("classification", "record"), 100),
        output_field=models.TextField(null=True),
        db_persist=True,
    )
    criticality = models.GeneratedField(
        expression=Left(KeyTextTransform("criticality", "record"), 100),
        output_field=models.TextField(null=True),
        db_persist=True,
    )
    owner = models.GeneratedField(
        expression=Left(KeyTextTransform("owner", "record"), 200),
        output_field=models.TextField(null=True),
        db_persist=True,
    )
    team_name = models.GeneratedField(
        expression=Left(KeyTextTransform("team", "record"), 100),
        output_field=models.TextField(null=True),
        db_persist=True,
    )
    power_state = models.GeneratedField(
        expression=Left(KeyTextTransform("power_state", "record"), 20),
        output_field=models.TextField(null=True),
        db_persist=True,
    )
    host_ref = models.GeneratedField(
        expression=Left(KeyTextTransform("host_ref", "record"), 200),
        output_field=models.TextField(null=True),
        db_persist=True,
    )

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


def _fact(field: str, length: int) -> models.GeneratedField:
    """A fact of the record as a column: null is what the platform did not say."""
    return models.GeneratedField(
        expression=Left(KeyTextTransform(field, "record"), length),
        output_field=models.TextField(null=True),
        db_persist=True,
    )


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


from inventory.chronicle.models import (  # noqa: E402  they refer to the ones above
    BlindInterval,
    MacHolding,
    PlatformEvent,
    StagedEvent,
    Stay,
)
from inventory.watching.models import Watch  # noqa: E402

__all__ = [
    "Asset",
    "AssetVersion",
    "BlindInterval",
    "BlindSpot",
    "Credential",
    "KindChoices",
    "MacHolding",
    "PlatformEvent",
    "Quarantine",
    "SearchEntry",
    "Source",
    "StagedEvent",
    "StagedRecord",
    "Stay",
    "SyncRun",
    "Watch",
]
