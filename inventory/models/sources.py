"""Where facts come from, and the secret they are asked with."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from inventory.querysets import SourceQuerySet
from inventory.records import Platform


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
    # Until when, by our clock, its log was read, whether anything had happened or not.
    events_until = models.DateTimeField(null=True)
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
    def known_until(self) -> datetime | None:
        """Until when it is known what happened: nothing is of the time after the last publication,
        unless a watch was told that nothing had changed. To be selected with `watch`.
        """
        watch = getattr(self, "watch", None)
        confirmed = watch.confirmed_at if watch else None
        return max(filter(None, (self.newest_at, confirmed)), default=None)

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
