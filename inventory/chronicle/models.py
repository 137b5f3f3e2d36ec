"""Events as the platforms tell them, and the intervals that follow from them and from versions."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import F, Q

from inventory.chronicle.querysets import EventQuerySet, MacHoldingQuerySet, StayQuerySet

if TYPE_CHECKING:
    from inventory.models import Asset, Source  # noqa: F401


class StagedEvent(models.Model):
    """An event on its way in: like a staged record, nobody but publish reads it."""

    run = models.ForeignKey("inventory.SyncRun", on_delete=models.CASCADE)
    token = models.BigIntegerField()
    key = models.BigIntegerField()
    event = models.JSONField()

    def __str__(self) -> str:
        return f"event {self.key}"


class PlatformEvent(models.Model):
    """A line of a platform's own log, kept longer than the platform keeps it."""

    source = models.ForeignKey("inventory.Source", on_delete=models.PROTECT, related_name="events")
    key = models.BigIntegerField()  # the platform's number for it
    type = models.CharField(max_length=200)  # VmMigratedEvent …
    created_at = models.DateTimeField()  # by the platform's clock
    happened_at = models.DateTimeField()  # by ours: without what the platform's was wrong by
    user_name = models.CharField(max_length=300, blank=True)  # who did it, in the platform's words
    message = models.TextField(blank=True)
    vm = models.ForeignKey("inventory.Asset", on_delete=models.PROTECT, null=True, related_name="+")
    vm_ref = models.CharField(max_length=200, blank=True)
    vm_name = models.TextField(blank=True)
    host_ref = models.CharField(max_length=200, blank=True)
    host_name = models.TextField(blank=True)
    detail = models.JSONField(default=dict)

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [
            # With its time: a platform that was restored counts again from an older number.
            models.UniqueConstraint(fields=["source", "key", "created_at"], name="event_once")
        ]
        indexes = [
            models.Index(fields=["-happened_at", "-id"], name="event_list"),
            models.Index(fields=["vm", "-happened_at"], name="event_by_vm"),
            models.Index(fields=["source", "vm_ref"], name="event_by_ref"),
            models.Index(fields=["source", "host_ref", "-happened_at"], name="event_by_host"),
            models.Index(fields=["type", "-happened_at"], name="event_by_type"),
            # What happened to machines that no collection found.
            models.Index(
                fields=["source", "host_ref"],
                condition=Q(vm__isnull=True) & ~Q(vm_ref=""),
                name="event_of_unfound",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.key}"


class BlindInterval(models.Model):
    """A time in which a source was not observed; `ended_at` null is still."""

    class What(models.TextChoices):
        EVENTS = "events", "Events"
        INVENTORY = "inventory", "Inventory"

    source = models.ForeignKey(
        "inventory.Source", on_delete=models.CASCADE, related_name="blind_intervals"
    )
    what = models.CharField(max_length=20, choices=What)
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    cause = models.TextField()

    class Meta:
        ordering = ["-began_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["source", "what", "began_at"], name="blind_once"),
            models.UniqueConstraint(
                fields=["source", "what"],
                condition=Q(ended_at__isnull=True),
                name="one_open_blind_interval",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("began_at")),
                name="blind_forwards",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what} of {self.source} since {self.began_at}"


class Basis(models.TextChoices):
    """How the beginning of an interval is known."""

    EVENT = "event", "Event"  # the platform said when
    POLL = "poll", "Collection"  # it was so at a collection, and otherwise at the one before
    FIRST = "first", "First seen"  # it was so when it was first looked at


class Interval(models.Model):
    """Something that held of a machine from one moment to another.

    It began after `began_after` (null: nobody knows since when) and was so at `valid_from`; it was
    still so at `sure_until` (null: until now) and no more at `valid_to` (null: it is so now).
    """

    began_after = models.DateTimeField(null=True)
    valid_from = models.DateTimeField()
    sure_until = models.DateTimeField(null=True)
    valid_to = models.DateTimeField(null=True)
    basis = models.CharField(max_length=10, choices=Basis)

    class Meta:
        abstract = True

    @property
    def possibly_since(self) -> datetime:
        """Since when it may have held."""
        return self.began_after or self.valid_from


class Stay(Interval):
    """A machine on a host, a datastore or a network."""

    class Place(models.TextChoices):
        HOST = "host", "Host"
        DATASTORE = "datastore", "Datastore"
        NETWORK = "network", "Network"

    vm = models.ForeignKey("inventory.Asset", on_delete=models.CASCADE, related_name="stays")
    source = models.ForeignKey("inventory.Source", on_delete=models.PROTECT, related_name="+")
    place_kind = models.CharField(max_length=20, choices=Place)
    place_ref = models.CharField(max_length=200)  # what the platform called it
    place = models.ForeignKey(
        "inventory.Asset", on_delete=models.PROTECT, null=True, related_name="held"
    )
    is_running = models.BooleanField(null=True)  # on a host; null elsewhere, or when not known

    objects = StayQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["vm"],
                condition=Q(place_kind="host", valid_to__isnull=True),
                name="one_open_stay_on_a_host",
            ),
            models.UniqueConstraint(
                fields=["vm", "place_kind", "place_ref"],
                condition=Q(valid_to__isnull=True),
                name="one_open_stay_a_place",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")),
                name="stay_forwards",
            ),
        ]
        indexes = [
            models.Index(fields=["vm", "place_kind", "valid_from"], name="stay_by_vm"),
            models.Index(
                fields=["source", "place_kind", "place_ref", "valid_from"], name="stay_by_place"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.vm} on {self.place_ref} since {self.valid_from}"

    def is_where(self, other: Stay) -> bool:
        """Whether both are in one place, whatever the platform called it meanwhile."""
        if self.place_id is None or other.place_id is None:
            mine, theirs = (
                (stay.source_id, stay.place_kind, stay.place_ref) for stay in (self, other)
            )
            return mine == theirs
        return self.place_id == other.place_id


class MacHolding(Interval):
    """A network card of a machine that had an address, and the network it was on."""

    mac = models.CharField(max_length=100)
    vm = models.ForeignKey("inventory.Asset", on_delete=models.CASCADE, related_name="macs")
    source = models.ForeignKey("inventory.Source", on_delete=models.PROTECT, related_name="+")
    nic_key = models.CharField(max_length=100)
    nic_label = models.CharField(max_length=200, blank=True)
    mac_type = models.CharField(max_length=50, blank=True)  # manual, generated, assigned
    network_ref = models.CharField(max_length=200, blank=True)
    network_name = models.TextField(blank=True)
    network = models.ForeignKey(
        "inventory.Asset", on_delete=models.PROTECT, null=True, related_name="+"
    )

    objects = MacHoldingQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["vm", "nic_key"],
                condition=Q(valid_to__isnull=True),
                name="one_open_address_a_card",
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gt=F("valid_from")),
                name="holding_forwards",
            ),
        ]
        indexes = [
            models.Index(fields=["mac", "valid_from"], name="holding_by_mac"),
            models.Index(fields=["vm", "valid_from"], name="holding_by_vm"),
        ]

    def __str__(self) -> str:
        return f"{self.mac} of {self.vm} since {self.valid_from}"
