"""What lists of assets can be narrowed by: the same words on pages, in exports and in the API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower

from accounts.models import User
from inventory import search
from inventory.models import Asset
from inventory.records import Kind

# In a filter on a fact: the platform said "none", or did not say. No tag is called either.
SET_TO_NONE = "none"
UNKNOWN = "unknown"

OUTCOMES = ("pass", "fail", "unknown", "error", "not_applicable")
PRESENCE = ("present", "missing", "gone", "all")


def _choices(values: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(value, value.replace("_", " ").capitalize()) for value in values]


class FactFilter(django_filters.Filter):  # type: ignore[misc]
    """Any of the given values of a fact, whatever the case; `none` and `unknown` have no value."""

    def filter(self, qs: QuerySet[Asset], value: Any) -> QuerySet[Asset]:
        values = [each.strip() for each in self.parent.data_list(self.field_name) if each.strip()]
        if not values:
            return qs
        field = self.field_name
        wanted = Q()
        named = [v.lower() for v in values if v.lower() not in (SET_TO_NONE, UNKNOWN)]
        if named:
            qs = qs.alias(**{f"_{field}": Lower(field)})
            wanted |= Q(**{f"_{field}__in": named})
        if SET_TO_NONE in values:
            wanted |= Q(**{field: ""})
        if UNKNOWN in values:
            wanted |= Q(**{f"{field}__isnull": True})
        return qs.exclude(wanted) if self.exclude else qs.filter(wanted)


class AssetFilter(django_filters.FilterSet):  # type: ignore[misc]
    """Narrows a queryset that is already `visible_to` somebody."""

    way = ""  # from a row to its asset
    leaves_out_gone = True
    are_many = False  # so many are meant that to count them is to read too much

    q = django_filters.CharFilter(method="search", label="Name, address or id")
    kind = django_filters.MultipleChoiceFilter(choices=_choices(tuple(Kind)))
    source = django_filters.CharFilter(method="of_source", label="Source")
    team = django_filters.CharFilter(method="of_team", label="Team")
    classification = FactFilter(label="Classification")
    criticality = FactFilter(label="Criticality")
    owner = FactFilter(label="Owner")
    power_state = FactFilter(label="Power")
    host = django_filters.NumberFilter(method="on_host", label="Host")
    cluster = django_filters.NumberFilter(method="in_cluster", label="Cluster")
    network = django_filters.NumberFilter(method="listed_by", label="Network")
    datastore = django_filters.NumberFilter(method="listed_by", label="Datastore")
    role = django_filters.NumberFilter(method="with_role", label="Role")
    presence = django_filters.ChoiceFilter(
        choices=_choices(PRESENCE), method="by_presence", label="Presence"
    )
    verdict = django_filters.MultipleChoiceFilter(
        choices=_choices(OUTCOMES), method="by_verdict", label="Verdict"
    )
    check = django_filters.CharFilter(method="by_check", label="Check")

    class Meta:
        model = Asset
        fields = ()

    def __init__(self, *args: Any, user: User | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user: User = user or self.request.user

    def data_list(self, name: str) -> list[str]:
        """All values of a parameter, without those that no column can hold."""
        if hasattr(self.data, "getlist"):
            values = [str(value) for value in self.data.getlist(name)]
        else:
            value = self.data.get(name) or []
            values = [value] if isinstance(value, str) else [str(each) for each in value]
        return [value for value in values if "\x00" not in value]

    def filter_queryset(self, queryset: QuerySet[Asset]) -> QuerySet[Asset]:
        """Without a word about presence, what is gone is left out. A word that is not understood
        finds nothing: it must not look as if everything fitted it.
        """
        if self.form.errors:
            return queryset.none()
        queryset = super().filter_queryset(queryset)
        if self.leaves_out_gone and not self.form.cleaned_data.get("presence"):
            queryset = queryset.filter(gone_at__isnull=True)
        return queryset

    def search(self, queryset: QuerySet[Asset], name: str, value: str) -> QuerySet[Asset]:
        return search.narrow(queryset, value) if value.strip() else queryset

    def of_source(self, queryset: QuerySet[Asset], name: str, value: str) -> QuerySet[Asset]:
        """By id or by name; several may be given."""
        values = self.data_list(name)
        numbers = _numbers(values)
        return queryset.filter(self._q(source_id__in=numbers) | self._q(source__name__in=values))

    def of_team(self, queryset: QuerySet[Asset], name: str, value: str) -> QuerySet[Asset]:
        values = self.data_list(name)
        wanted = self._q(team_id__in=_numbers(values)) | self._q(team__name__in=values)
        if SET_TO_NONE in values:
            wanted |= self._q(team__isnull=True)
        return queryset.filter(wanted)

    def on_host(self, queryset: QuerySet[Asset], name: str, value: Any) -> QuerySet[Asset]:
        """Machines on one host, which the person must be able to see."""
        host = self.seen(Kind.HOST, value)
        if host is None:
            return queryset.none()
        return queryset.filter(self._q(source_id=host.source_id), host_ref=host.ref)

    def in_cluster(self, queryset: QuerySet[Asset], name: str, value: Any) -> QuerySet[Asset]:
        """Hosts of a cluster, and the machines on them."""
        cluster = self.seen(Kind.CLUSTER, value)
        if cluster is None:
            return queryset.none()
        refs = self.hosts_in(cluster)
        return queryset.filter(self._q(source_id=cluster.source_id)).filter(
            self._q(ref__in=refs) & Q(kind=Kind.HOST) | Q(host_ref__in=refs)
        )

    def listed_by(self, queryset: QuerySet[Asset], name: str, value: Any) -> QuerySet[Asset]:
        """Machines that a network or a datastore says it carries."""
        carrier = self.seen(Kind(name), value)
        if carrier is None:
            return queryset.none()
        refs = carrier.record.get("vm_refs") or []
        return queryset.filter(self._q(source_id=carrier.source_id, ref__in=refs))

    def with_role(self, queryset: QuerySet[Asset], name: str, value: Any) -> QuerySet[Asset]:
        """Grants of a role."""
        role = self.seen(Kind.ROLE, value)
        if role is None:
            return queryset.none()
        return queryset.filter(self._q(source_id=role.source_id), record__role_id=int(role.uid))

    def seen(self, kind: Kind, value: Any) -> Asset | None:
        """An asset that an address names, if the person may see it."""
        return Asset.objects.visible_to(self.user).filter(kind=kind, pk=in_range(value)).first()

    def hosts_in(self, cluster: Asset) -> list[str]:
        hosts = Asset.objects.visible_to(self.user).filter(
            source_id=cluster.source_id, kind=Kind.HOST, record__cluster_ref=cluster.ref
        )
        return list(hosts.values_list("ref", flat=True))

    def by_presence(self, queryset: QuerySet[Asset], name: str, value: str) -> QuerySet[Asset]:
        if value == "gone":
            return queryset.filter(self._q(gone_at__isnull=False))
        if value == "missing":
            return queryset.filter(self._q(gone_at__isnull=True, missing_since__isnull=False))
        if value == "present":
            return queryset.filter(self._q(gone_at__isnull=True, missing_since__isnull=True))
        return queryset

    def by_verdict(self, queryset: QuerySet[Asset], name: str, value: list[str]) -> QuerySet[Asset]:
        """Any of these answers, of the checks in `check` or of all of them.

        Unknown is also what has not been evaluated yet. An asset passes when it has been evaluated
        and no check failed, erred or could not tell.
        """
        if not value:
            return queryset
        checks = self.data_list("check")
        wanted = Q()
        for outcome in value:
            if outcome == "pass":
                spoilt = ["fail", "unknown", "error", *(["not_applicable"] if checks else [])]
                wanted |= self._q(evaluated_at__isnull=False) & ~self._answered(spoilt, checks)
            else:
                wanted |= self._answered([outcome], checks)
            if outcome == "unknown":
                wanted |= self._q(evaluated_at__isnull=True)
        return queryset.filter(wanted)

    def by_check(self, queryset: QuerySet[Asset], name: str, value: str) -> QuerySet[Asset]:
        """Alone it means: what this check does not pass. With `verdict` it says whose answer."""
        if self.data_list("verdict"):
            return queryset
        spoilt = ["fail", "unknown", "error"]
        return queryset.filter(
            self._answered(spoilt, self.data_list(name)) | self._q(evaluated_at__isnull=True)
        )

    def _answered(self, outcomes: list[str], checks: list[str]) -> Q:
        # By its related name: verdicts are kept by an app above this one.
        verdicts = Asset._meta.get_field("verdicts").related_model
        rows = verdicts._default_manager.filter(
            asset=OuterRef(f"{self.way}pk"), outcome__in=outcomes
        )
        return Q(Exists(rows.filter(check_id__in=checks) if checks else rows))

    def _q(self, **conditions: Any) -> Q:
        """Conditions on the asset of a row."""
        return Q(**{f"{self.way}{name}": value for name, value in conditions.items()})


def _numbers(values: list[str]) -> list[int]:
    return [int(v) for v in values if v.isascii() and v.isdigit() and len(v) < 19]


def in_range(value: Any) -> int:
    """The key as a number; what no key can be is never expanded, it may have a million digits."""
    return int(value) if 0 <= value < 2**63 else -1
