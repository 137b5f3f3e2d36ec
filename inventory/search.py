"""What somebody looks for, read in every way it can be meant.

The database keeps what an asset is found by (`vmgov_terms`, migration 0008): the words of its
names and notes, and its addresses and ids behind a word and a blank.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

import msgspec
from django.db.models import (
    BooleanField,
    Case,
    Count,
    F,
    Func,
    IntegerField,
    Q,
    QuerySet,
    Value,
    When,
    Window,
)
from django.db.models.functions import RowNumber
from django.db.models.lookups import Exact

from inventory import words
from inventory.models import Asset, AssetVersion
from inventory.records import Kind

LONGEST = 200
FEW = 1_000

_MAC = re.compile(
    r"(?:[0-9a-f]{2}[:-]){2,5}[0-9a-f]{0,2}|[0-9a-f]{4}\.[0-9a-f]{4}(?:\.[0-9a-f]{0,4})?"
    r"|[0-9a-f]{6,12}"
)
_IDENTITY = re.compile(r"[0-9a-f]{8,32}")
_IPV4_BEGINNING = re.compile(r"\d{1,3}\.(?:\d{1,3}\.){0,2}\d{0,3}")
_IPV6_BEGINNING = re.compile(r"[0-9a-f]{1,4}:[0-9a-f:]*")


class Wanted(msgspec.Struct, frozen=True):
    """A text with everything it may be; what it cannot be is empty."""

    words: tuple[str, ...] = ()
    exact: str = ""
    mac: str = ""  # its first digits
    identity: str = ""  # the first digits of a UUID
    address: str = ""  # its beginning, as it is written
    networks: tuple[str, ...] = ()  # beginnings of addresses in hexadecimal, behind their family

    @property
    def query(self) -> str:
        """As `tsquery` reads it; empty when it can be nothing."""
        ways = [" & ".join(words.beginning(word) for word in self.words)]
        ways += [words.beginning(f"mac {self.mac}")] if self.mac else []
        ways += [words.beginning(f"id {self.identity}")] if self.identity else []
        ways += [words.beginning(f"ip {self.address}")] if self.address else []
        ways += [words.beginning(each) for each in self.networks]
        ways += [words.quoted(f"is {self.exact}")] if self.exact else []
        return " | ".join(f"({way})" for way in ways if way)


def read(text: str) -> Wanted:
    """Every way to take what somebody typed."""
    said = text.replace("\x00", "").strip()[:LONGEST].lower()
    bare = said.strip("{}()[]")
    digits = re.sub(r"[\s-]", "", bare)
    is_identity = _IDENTITY.fullmatch(digits) and (len(digits) == 32 or not re.search(r"\s", bare))
    address, networks = _address(bare)
    return Wanted(
        words=tuple(words.terms(said)),
        exact=said[:100],
        mac=re.sub(r"[:.-]", "", bare) if _MAC.fullmatch(bare) else "",
        identity=digits if is_identity else "",
        address=address,
        networks=networks,
    )


def _address(text: str) -> tuple[str, tuple[str, ...]]:
    """The beginning of an address, or the addresses of a whole one or a network."""
    # What is a whole address of version 6 may still be the beginning of a longer one.
    beginning = text if _IPV6_BEGINNING.fullmatch(text) else ""
    try:
        return beginning, _beginnings(ipaddress.ip_network(text, strict=False))
    except ValueError:
        return text if beginning or _IPV4_BEGINNING.fullmatch(text) else "", ()


def _beginnings(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> tuple[str, ...]:
    """How addresses of a network begin in hexadecimal: up to eight ways within one digit."""
    whole, rest = divmod(network.prefixlen, 4)
    digits = network.network_address.packed.hex()
    head = f"net{network.version} {digits[:whole]}"
    if not rest:
        return (head,)
    first = int(digits[whole], 16)
    return tuple(f"{head}{digit:x}" for digit in range(first, first + 2 ** (4 - rest)))


def narrow(assets: QuerySet[Asset], text: str) -> QuerySet[Asset]:
    """The assets that are meant. Few of them by their ids, whose number the planner knows: from
    the terms alone it expects many, and walks the whole list in its order to find few.
    """
    wanted = read(text)
    if not wanted.query:
        return assets.none()
    condition = words.Beginning("search__terms", Value(wanted.query))
    ids = list(assets.order_by().filter(condition).values_list("pk", flat=True)[: FEW + 1])
    return assets.filter(pk__in=ids) if len(ids) <= FEW else assets.filter(condition)


class Found(msgspec.Struct, frozen=True):
    """The first assets of one kind that a search means, and how many there are."""

    kind: Kind
    assets: list[Asset]
    count: int


def by_kind(assets: QuerySet[Asset], text: str, *, most: int) -> tuple[list[Found], bool]:
    """What is meant, by kind and name; and whether there is more than was looked at.

    Three questions, four where many are meant: which assets, which of each kind come first, and
    what these are.
    """
    wanted = read(text)
    if not wanted.query:
        return [], False
    meant = assets.filter(words.Beginning("search__terms", Value(wanted.query)))
    ids = list(meant.order_by().values_list("pk", flat=True)[: FEW + 1])
    if not ids:
        return [], False
    are_more = len(ids) > FEW
    if are_more:  # the same ones each time; of a few, order would have the index left aside
        ids = list(meant.order_by("pk").values_list("pk", flat=True)[:FEW])
    in_kind: dict[str, Any] = {"partition_by": "kind"}
    # Ranked without what they say: that of a thousand takes longer to sort than to find.
    ranked = Asset.objects.filter(pk__in=ids).annotate(
        place=Window(RowNumber(), order_by=("sort_name", "pk"), **in_kind),
        of_kind=Window(Count("*"), **in_kind),
    )
    first = ranked.filter(place__lte=most).order_by("kind", "place")
    places = list(first.values_list("pk", "kind", "of_kind"))
    rows = Asset.objects.select_related("source", "team").in_bulk([pk for pk, _, _ in places])
    found: dict[Kind, Found] = {}
    for pk, kind, of_kind in places:
        if pk in rows:
            found.setdefault(Kind(kind), Found(Kind(kind), [], of_kind)).assets.append(rows[pk])
    return [found[kind] for kind in Kind if kind in found], are_more


def narrow_past(versions: QuerySet[AssetVersion], text: str) -> tuple[QuerySet[AssetVersion], bool]:
    """The versions that were so then, among those of assets that ever were; whether these are
    more than a few.
    """
    wanted = read(text)
    if not wanted.query:
        return versions.none(), False
    query = Value(wanted.query)
    ever = Q(words.Beginning("asset__search__terms", query)) | Q(
        words.Beginning("asset__search__earlier", query)
    )
    then = words.Beginning(Func(F("record"), function="vmgov_terms"), query)
    ids = list(versions.order_by().filter(ever).values_list("asset", flat=True)[: FEW + 1])
    if len(ids) <= FEW:
        return versions.filter(then, asset__in=ids), False
    # Of what has always had the same terms nothing has to be read.
    changes = Func(F("asset__search__earlier"), function="length", output_field=IntegerField())
    held = Case(
        When(Exact(changes, 0), then=words.Beginning("asset__search__terms", query)),
        default=then,
        output_field=BooleanField(),
    )
    return versions.filter(ever, held), True
