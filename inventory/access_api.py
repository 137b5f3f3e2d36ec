"""What the REST interface says about users and groups, and about who may do what with an asset."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.permissions import Permission
from inventory import history, reach
from inventory.access.duties import WORDS, Duty
from inventory.access.effective import Way
from inventory.access.holdings import Scope, clashes, scopes_of
from inventory.access.objects import Holder
from inventory.access.principals import key_of
from inventory.api_moments import AS_OF, asked
from inventory.filters import AssetFilter
from inventory.models import Asset
from inventory.records import AnyRecord, Grant, Kind, Principal

DUTIES = [(duty.value, WORDS[duty]) for duty in Duty]


class WaySerializer(serializers.Serializer[Any]):
    """A grant by which something is held, and the groups that lead to it."""

    grant = serializers.IntegerField(allow_null=True, help_text="The asset of the grant.")
    role = serializers.CharField(allow_null=True)
    on = serializers.CharField(help_text="The path of the object of the grant, or its name or id.")
    propagate = serializers.BooleanField()
    groups = serializers.ListField(
        child=serializers.CharField(),
        help_text="Each is a member of the next; the last holds the grant. Empty: their own.",
    )
    duties = serializers.ListField(
        child=serializers.ChoiceField(DUTIES),
        allow_null=True,
        help_text="Null: the privileges of the role are not known.",
    )


class HolderSerializer(serializers.Serializer[Any]):
    """Somebody with rights on an asset: a user, or a group whose members are not known."""

    principal = serializers.IntegerField(allow_null=True)
    name = serializers.CharField()
    full_name = serializers.CharField(allow_null=True)
    is_group = serializers.BooleanField()
    duties = serializers.ListField(child=serializers.ChoiceField(DUTIES))
    ways = WaySerializer(many=True)


class AssetAccessSerializer(serializers.Serializer[Any]):
    """Who may do what with an asset. When it is not whole these are at least those who can."""

    whole = serializers.BooleanField()
    place_known = serializers.BooleanField()
    groups_unknown = serializers.ListField(child=serializers.CharField())
    holders = HolderSerializer(many=True)


class MemberSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    is_group = serializers.BooleanField()


class PrincipalSerializer(serializers.ModelSerializer[Asset]):
    """A user or group that holds a grant, or is in a group that does."""

    source_name = serializers.CharField(source="source.name", read_only=True)
    is_group = serializers.BooleanField(source="record.is_group", read_only=True)
    full_name = serializers.SerializerMethodField()
    members = serializers.SerializerMethodField()

    class Meta:
        model = Asset
        fields: tuple[str, ...] = (
            "id",
            "source",
            "source_name",
            "uid",
            "name",
            "is_group",
            "full_name",
            "members",
            "first_seen_at",
            "missing_since",
            "gone_at",
        )
        read_only_fields: tuple[str, ...] = fields

    def get_full_name(self, asset: Asset) -> str | None:
        told: str | None = asset.record.get("full_name")
        return told

    @extend_schema_field(MemberSerializer(many=True, allow_null=True))
    def get_members(self, asset: Asset) -> list[dict[str, Any]] | None:
        """Direct members; null where they are not known."""
        record = history.typed(asset.record)
        return _members(record) if isinstance(record, Principal) else None


class ScopeWaySerializer(WaySerializer):
    here = serializers.BooleanField(help_text="It decides on the object itself.")
    below = serializers.BooleanField(help_text="It decides below, as far as nothing nearer does.")


class ScopeSerializer(serializers.Serializer[Any]):
    on = serializers.CharField()
    at_root = serializers.BooleanField(allow_null=True)
    ways = ScopeWaySerializer(many=True)


class ConflictSerializer(serializers.Serializer[Any]):
    one = serializers.ChoiceField(DUTIES)
    two = serializers.ChoiceField(DUTIES)
    where = serializers.CharField(
        allow_null=True,
        help_text="The data center; empty: everywhere; null: a grant is at an unknown place.",
    )


class PrincipalDetailSerializer(serializers.Serializer[Any]):
    """What a principal holds where. When it is not whole it is at least this."""

    principal = PrincipalSerializer()
    groups = serializers.ListField(child=serializers.CharField())
    scopes = ScopeSerializer(many=True)
    conflicts = ConflictSerializer(many=True)
    groups_unknown = serializers.ListField(
        child=serializers.CharField(), help_text="Groups that they may be in as well."
    )
    whole = serializers.BooleanField()


class PrincipalViewSet(mixins.ListModelMixin, viewsets.GenericViewSet[Any]):
    """Users and groups that hold grants or are in groups that do; only in the whole estate."""

    permissions_by_action: ClassVar[dict[str, Permission]] = {
        "list": Permission.ASSET_READ,
        "retrieve": Permission.ASSET_READ,
    }
    serializer_class = PrincipalSerializer
    queryset = Asset.objects.none()
    filterset_class = AssetFilter

    def get_queryset(self) -> QuerySet[Asset]:
        visible = Asset.objects.visible_to(self.request.user)  # type: ignore[arg-type]
        return visible.filter(kind=Kind.PRINCIPAL).select_related("source")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return super().filter_queryset(queryset) if self.action == "list" else queryset

    @extend_schema(responses=PrincipalDetailSerializer, parameters=[AS_OF], filters=False)
    def retrieve(self, request: Request, pk: str) -> Response:
        """What one of them may do where, and by which way."""
        asset, at = self.get_object(), asked(request)
        record, found = record_at(asset, at), _reach(asset, request, at)
        if not isinstance(record, Principal):
            raise Http404
        who, access = key_of(record.name, is_group=record.is_group), found.access
        scopes = scopes_of(access, who)
        silent = [access.names[one] for one in access.unknown_groups if one != who]
        return Response(
            {
                "principal": PrincipalSerializer(asset, context=self.get_serializer_context()).data
                | {"members": _members(record), "full_name": record.full_name},
                "groups": [access.names[group] for group in access.groups_of(who)],
                "scopes": [_scope(scope, found) for scope in scopes],
                "conflicts": [
                    {"one": each.one, "two": each.two, "where": each.territory}
                    for each in clashes(scopes)
                ],
                "groups_unknown": silent,
                "whole": not silent,
            }
        )


def access_to(asset: Asset, request: Request, at: datetime | None) -> Response:
    """Who may do what with an asset; or raise Http404 where that cannot be asked."""
    record = record_at(asset, at)
    if record is None or not reach.is_reached(Kind(asset.kind)):
        raise Http404
    found = _reach(asset, request, at)
    answer = reach.answer_for(record, found, asset.source_id, at=at)
    return Response(
        {
            "whole": answer.whole,
            "place_known": answer.place_known,
            "groups_unknown": answer.groups_unknown,
            "holders": [_holder(one, found) for one in answer.holders],
        }
    )


def record_at(asset: Asset, at: datetime | None) -> AnyRecord | None:
    """The record now, or as it was; None where the asset was not there."""
    if at is None:
        return None if asset.gone_at else history.typed(asset.record)
    version = history.version_at(asset, at)
    return history.typed(version.record) if version else None


def _reach(asset: Asset, request: Request, at: datetime | None) -> reach.Reach:
    user = request.user
    found = reach.reach_of(asset.source_id, by=user, at=at) if isinstance(user, User) else None
    if found is None:
        raise Http404
    return found


def _holder(one: Holder, found: reach.Reach) -> dict[str, Any]:
    return {
        "principal": found.principal(one.who),
        "name": one.name,
        "full_name": one.full_name,
        "is_group": one.who.is_group,
        "duties": sorted(one.duties),
        "ways": [way_of(right.way, right.duties, found) for right in one.rights],
    }


def _scope(scope: Scope, found: reach.Reach) -> dict[str, Any]:
    return {
        "on": place_of(scope.grant),
        "at_root": scope.grant.at_root,
        "ways": [
            way_of(one.way, one.duties, found) | {"here": one.here, "below": one.below}
            for one in scope.held
        ],
    }


def way_of(way: Way, duties: frozenset[Duty] | None, found: reach.Addresses) -> dict[str, Any]:
    return {
        "grant": found.grant(way.grant),
        "role": way.grant.role_name,
        "on": place_of(way.grant),
        "propagate": way.grant.propagate,
        "groups": way.through,
        "duties": None if duties is None else sorted(duties),
    }


def place_of(grant: Grant) -> str:
    return grant.entity_path or grant.entity_name or grant.entity_ref


def _members(record: Principal) -> list[dict[str, Any]] | None:
    if record.members is None:
        return None
    return [{"name": one.name, "is_group": one.is_group} for one in record.members]
