"""What the REST interface says about who administered a machine."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import Http404
from rest_framework import serializers
from rest_framework.request import Request

from inventory.access.tenure import Tenure
from inventory.access_api import DUTIES, WaySerializer, way_of
from inventory.chronicle.administrators import Administrator, Careers, careers_of
from inventory.chronicle.models import BlindInterval
from inventory.chronicle.windows import Window
from inventory.models import Asset


class BlindIntervalSerializer(serializers.ModelSerializer[BlindInterval]):
    class Meta:
        model = BlindInterval
        fields = ("source", "what", "began_at", "ended_at", "cause")
        read_only_fields = fields


class TenureSerializer(serializers.Serializer[Any]):
    """A time of the same rights, as collections showed them."""

    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    is_sure = serializers.BooleanField()
    ways = WaySerializer(many=True)


class AdministratorSerializer(serializers.Serializer[Any]):
    """Somebody who administered the machine: a user, or a group whose members are not known."""

    uid = serializers.CharField()
    principal = serializers.IntegerField(allow_null=True)
    name = serializers.CharField()
    full_name = serializers.CharField(allow_null=True)
    is_group = serializers.BooleanField()
    duties = serializers.ListField(child=serializers.ChoiceField(DUTIES))
    minutes = serializers.IntegerField()
    possible_minutes = serializers.IntegerField()
    everything = serializers.BooleanField(
        help_text="They administered every machine of the source in that time."
    )
    machines = serializers.IntegerField(help_text="Other machines that were theirs meanwhile.")
    tenures = TenureSerializer(many=True)


class AdministratorsSerializer(serializers.Serializer[Any]):
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    total = serializers.IntegerField()
    groups_unknown = serializers.IntegerField(
        help_text="Groups among them whose members are not known."
    )
    administrators = AdministratorSerializer(many=True)
    blind = BlindIntervalSerializer(many=True)


def careers_in(request: Request, vm: Asset, window: Window, *, now: datetime) -> Careers:
    """What may be told of a machine's administrators, or raise Http404 where that is nothing."""
    user: Any = request.user
    found = careers_of(vm, user, window=window, now=now)
    if found is None:
        raise Http404
    return found


def administrator(one: Administrator, careers: Careers) -> dict[str, Any]:
    return {
        "uid": one.uid,
        "principal": careers.principal(one.who),
        "name": one.name,
        "full_name": one.full_name,
        "is_group": one.who.is_group,
        "duties": sorted(one.held.duties),
        "minutes": one.minutes,
        "possible_minutes": one.possible,
        "everything": one.is_everywhere,
        "machines": one.machines,
        "tenures": [_tenure(each, careers) for each in one.held.tenures],
    }


def _tenure(one: Tenure, careers: Careers) -> dict[str, Any]:
    return {
        "since": one.since,
        "until": one.until,
        "is_sure": one.is_sure,
        "ways": [way_of(right.way, right.duties, careers) for right in one.rights],
    }
