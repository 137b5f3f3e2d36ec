"""What of a record a search meant, in words: “10.1.2.3 on guest NIC”, “note: …”.

The database says which assets are meant (`inventory.search`); this says it of those that are shown.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from inventory.facts import part_name
from inventory.records import AnyRecord, Host, Machine, VirtualMachine
from inventory.search import Wanted
from inventory.words import trimmed

MOST = 3
_EXCERPT = 90


class Match(msgspec.Struct, frozen=True):
    """What was found, and where: an address “on guest NIC”, a text that is the “note”."""

    label: str
    text: str


def matches(record: AnyRecord, wanted: Wanted) -> list[Match]:
    """What of a record is meant, most telling first; empty when it is its name that is."""
    exactly = [
        Match(label, text)
        for kind, label, text in _identities(record)
        if _is_meant(kind, text, wanted)
    ]
    return (exactly or _said(record, wanted))[:MOST]


def _is_meant(kind: str, text: str, wanted: Wanted) -> bool:
    said = text.lower()
    if wanted.exact and kind in ("id", "ref") and said[:100] == wanted.exact:
        return True
    if kind == "mac":
        return bool(wanted.mac) and re.sub(r"[:.-]", "", said).startswith(wanted.mac)
    if kind == "id":
        return bool(wanted.identity) and said.replace("-", "").startswith(wanted.identity)
    return kind == "ip" and _is_address_meant(said, wanted)


def _is_address_meant(said: str, wanted: Wanted) -> bool:
    try:
        address = ipaddress.ip_address(said)
    except ValueError:
        return False
    digits = f"net{address.version} {address.packed.hex()}"
    return digits.startswith(wanted.networks or ("-",)) or bool(
        wanted.address and str(address).startswith(wanted.address)
    )


def _identities(record: AnyRecord) -> Iterator[tuple[str, str, str]]:
    """Addresses and ids: (what sort, where it stands, what it is)."""
    if isinstance(record, Machine):
        for nic in record.nics or ():
            yield "mac", f"on NIC {part_name(nic)}", nic.mac or ""
    if isinstance(record, VirtualMachine):
        yield from _of_guest(record)
    if isinstance(record, Host):
        yield from _of_host(record)
    is_machine = isinstance(record, Machine) and not getattr(record, "library_ref", None)
    yield "id", "instance UUID" if is_machine else "stable id", record.uid
    yield "id", "BIOS UUID", getattr(record, "bios_uuid", None) or ""
    yield "id", "UUID", getattr(record, "uuid", None) or ""
    yield "ref", "managed object id", record.ref


def _of_guest(vm: VirtualMachine) -> Iterator[tuple[str, str, str]]:
    for nic in vm.guest_nics or ():
        yield "mac", "on guest NIC", nic.mac or ""
        for address in nic.addresses:
            yield "ip", "on guest NIC", address


def _of_host(host: Host) -> Iterator[tuple[str, str, str]]:
    for pnic in host.pnics or ():
        yield "mac", f"on physical NIC {pnic.name}", pnic.mac or ""
    for vmk in host.vmkernel_nics or ():
        yield "ip", f"on {vmk.device}", vmk.ip or ""
        yield "mac", f"on {vmk.device}", vmk.mac or ""


_TEXTS = (
    ("name", "name"),
    ("label", "label"),
    ("principal", "principal"),
    ("guest_hostname", "name inside the guest"),
    ("annotation", "note"),
)


def _said(record: AnyRecord, wanted: Wanted) -> list[Match]:
    """Texts that have words which the name has not."""
    open_words = list(wanted.words)
    found = []
    for field, label in _TEXTS:
        text: Any = getattr(record, field, None)
        here = [word for word in open_words if text and _begins(word, text)]
        if here:
            open_words = [word for word in open_words if word not in here]
            if field != "name":
                found.append(Match(label, _excerpt(text, here[0])))
    return found


def _begins(word: str, text: str) -> bool:
    said = text.lower()
    tokens = [*(trimmed(each) for each in said.split()), *re.split(r"[\W_]+", said)]
    return any(token.startswith(word) for token in tokens)


def _excerpt(text: str, word: str) -> str:
    """The text around a word of it."""
    at = max(text.lower().find(word), 0)
    start = 0 if len(text) <= _EXCERPT else max(at - _EXCERPT // 3, 0)
    piece = " ".join(text[start : start + _EXCERPT].split())
    return f"{'…' if start else ''}{piece}{'…' if start + _EXCERPT < len(text) else ''}"
