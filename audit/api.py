"""The audit log over REST: read only, newest first."""

from __future__ import annotations

from typing import ClassVar, cast

from django.db.models import QuerySet
from rest_framework import serializers, viewsets

from audit.filters import EntryFilter
from audit.models import Entry
from audit.querysets import Reader
from audit.views import READ


class EntrySerializer(serializers.ModelSerializer[Entry]):
    class Meta:
        model = Entry
        fields = (
            "id",
            "at",
            "actor_id",
            "actor_label",
            "via",
            "action",
            "target_type",
            "target_id",
            "target_label",
            "before",
            "after",
            "request_id",
            "address",
        )
        read_only_fields = fields


class EntryViewSet(viewsets.ReadOnlyModelViewSet[Entry]):
    """What was done, by whom, to what."""

    # `accounts` is above this app: DeclaredPermission, the default of the API, enforces this.
    permissions_by_action: ClassVar[dict[str, str]] = {"list": READ, "retrieve": READ}
    serializer_class = EntrySerializer
    filterset_class = EntryFilter
    cursor_ordering = ("-id",)
    queryset = Entry.objects.none()

    def get_queryset(self) -> QuerySet[Entry]:
        return Entry.objects.visible_to(cast(Reader, self.request.user)).order_by("-id")


routes = [("audit", EntryViewSet, "audit")]
