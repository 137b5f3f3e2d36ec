"""What somebody looks for, read in every way it can be meant.

The database keeps what an asset is found by (`vmgov_terms`, migration 0008): the words of its
names and notes, and its addresses and ids behind a word and a blank.
"""

from __future__ import annotations

import ipaddress
import re

import msgspec
from django.db.models import BooleanField, Case, F, Func, IntegerField, Q, QuerySet, Value, When
from django.db.models.lookups import Exact

from inventory import words
from inventory.models import Asset, AssetVersion

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
    try:
        return "", _beginnings(ipaddress.ip_network(text, strict=False))
    except ValueError:
        is_beginning = _IPV4_BEGINNING.fullmatch(text) or _IPV6_BEGINNING.fullmatch(text)
        return (text, ()) if is_beginning else ("", ())


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
