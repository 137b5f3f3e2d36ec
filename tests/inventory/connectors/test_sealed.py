"""Signed bundles: what is proven before a byte is unpacked, and what is refused afterwards."""

from __future__ import annotations

import json
import lzma
import os
import random
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest

from inventory.connectors import lines, sealed, signing
from inventory.connectors.base import CollectionFailed, Count, Unreadable
from inventory.records import Kind, Platform, VirtualMachine
from tests.factories import NOW
from tests.inventory.carried import KEY, STRANGER, a_bundle, resealed
from tests.inventory.fakes import platform, role

PUBLIC = KEY.public_key()
MUTANTS = 10_000 if "EXHAUSTIVE" in os.environ else 500


def refusal(data: bytes) -> CollectionFailed:
    with pytest.raises(CollectionFailed) as caught:
        list(read(data))
    return caught.value


def read(data: bytes) -> Any:
    file = BytesIO(data)
    return sealed.CarriedConnector(file, sealed.verified(file, key=PUBLIC)).collect()


def packed(*written: Any) -> bytes:
    """Lines as somebody with the key could write them."""
    text = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in written]
    return resealed(lzma.compress(b"\n".join(text) + b"\n"))


def record(**fields: Any) -> dict[str, Any]:
    vm = {"kind": "vm", "platform": "vsphere", "uid": "u", "ref": "vm-1", "name": "web", **fields}
    return {"at": 0, "type": "record", "item": vm}


def test_a_bundle_gives_back_what_was_packed_and_says_who_answered_when():
    data = a_bundle(role(), warnings=("The account can change things.",))

    file = BytesIO(data)
    seal = sealed.verified(file, key=PUBLIC)
    items = list(sealed.CarriedConnector(file, seal).collect())

    assert items[:2] == [platform(), role()]
    assert Count(kind=Kind.ROLE, expected=1) in items
    assert seal.instance_uuid == platform().uid
    assert seal.counts == {"platform": 1, "role": 1}
    assert seal.warnings == ("The account can change things.",)
    assert seal.complete


def test_a_bundle_of_another_key_is_refused_by_its_fingerprint():
    assert refusal(a_bundle(key=STRANGER)).code == "other-key"


def test_a_bundle_that_names_the_trusted_key_but_was_signed_by_another_is_refused():
    signed, marked, rest = a_bundle(key=STRANGER).split(b"\n", 2)
    mark = {**json.loads(marked), "key": signing.fingerprint(KEY)}

    failed = refusal(b"\n".join([signed, json.dumps(mark).encode(), rest]))

    assert failed.code == "altered"
    assert "signature is wrong" in str(failed)


def test_a_bundle_without_a_signature_is_refused_and_told_so():
    signed, _, rest = a_bundle().split(b"\n", 2)

    assert refusal(signed + b"\n" + rest).code == "unsigned"
    assert refusal(signed + b"\n{}\n" + rest).code == "unsigned"
    assert refusal(lzma.compress(b"{}")).code == "unsigned"


def test_what_is_no_bundle_at_all_is_refused():
    for data in (b"", b"\0" * 70_000, b"PK\3\4 a workbook", b"[]\n[]\n"):
        assert refusal(data).code in {"bad-file", "unsigned"}


def test_no_bit_of_a_bundle_can_be_turned():
    good, lots = a_bundle(role()), random.Random(20260101)  # noqa: S311  # a fixed drawing

    begins = good.index(b"\n", good.index(b"\n") + 1) + 1  # of what is packed

    for _ in range(MUTANTS):
        at, bit = lots.randrange(len(good)), 1 << lots.randrange(8)
        bad = bytearray(good)
        bad[at] ^= bit
        failed = refusal(bytes(bad))
        assert at < begins or failed.code == "altered"  # before a byte of it was unpacked


def test_a_bundle_that_was_cut_short_or_grew_is_refused():
    good = a_bundle(role())

    for length in range(0, len(good), 37):
        refusal(good[:length])
    assert "bytes are there" in str(refusal(good + b"\0"))


def test_a_bundle_of_a_later_format_is_told_apart_from_a_broken_one(monkeypatch: Any):
    monkeypatch.setattr(sealed, "FORMAT", "vmgov-bundle-3")
    later = a_bundle()
    monkeypatch.undo()

    assert refusal(later).code == "other-version"


# --- what somebody could do who holds the key ---------------------------------------------------


def test_a_bomb_ends_at_the_limit(monkeypatch: Any):
    monkeypatch.setattr(sealed, "MOST_UNPACKED", 32 * 1024 * 1024)
    line = lines.written(Unreadable(kind=Kind.VM, ref="r", name="n" * 1_000_000, reason=""))
    bomb = resealed(lzma.compress(line * 64))
    assert len(bomb) < len(line)

    assert "holds more than 32 MiB" in str(refusal(bomb))


def test_a_line_without_an_end_is_not_kept_in_memory():
    bomb = resealed(lzma.compress(b"[" * (lines.LONGEST_LINE + lines.CHUNK + 1)))

    assert "a line is too long" in str(refusal(bomb))


@pytest.mark.parametrize(
    "payload",
    [
        b"no xz",
        lzma.compress(b"{}", format=lzma.FORMAT_ALONE),
        lzma.compress(b"")[:-4],
        lzma.compress(b"") + b"more",
        lzma.compress(b"") + lzma.compress(b""),
    ],
)
def test_a_stream_that_is_not_one_whole_xz_stream_is_refused(payload: bytes):
    assert refusal(resealed(payload)).code == "bad-file"


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 100_000 + b"]" * 100_000,
        b'{"at":0,"type":"record","item":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001,
        b"\xff\xfe",
        b"null",
        {"at": 0, "type": "record", "item": []},
        {"at": 0, "type": "__class__", "item": {}},
        record(kind="teapot"),
        record(name="half of a pair: \ud800"),
        record(name=None),
        record(cpu_count="many"),
        record(cpu_count=float("nan")),
        record(created_at="31/12/2026"),
        {"at": 0, "type": "count", "item": {"kind": "vm", "expected": -1}},
        {"at": 0, "type": "count", "item": {"kind": "vm", "expected": 10**30}},
    ],
)
def test_a_line_that_is_not_an_item_refuses_the_whole_bundle(line: Any):
    assert refusal(packed(line)).code == "bad-file"


def test_no_line_that_was_damaged_at_random_and_signed_is_a_crash():
    machine = VirtualMachine(
        platform=Platform.VSPHERE,
        uid="u",
        ref="vm-1",
        name="web",
        cpu_count=2,
        created_at=NOW,
        guest_hostname="web.example.org",
        attributes={"Owner": "ada"},
    )
    packed_lines = a_bundle(role(), machine).split(b"\n", 2)[2]
    good, lots = lzma.decompress(packed_lines), random.Random(20260102)  # noqa: S311  # fixed
    bits = (b"", b"{", b"]", b'"', b",", b"null", b"9" * 30, b"-", b"1e999", b"\\ud800", b"\0")
    for _ in range(MUTANTS):
        bad = bytearray(good)
        for _ in range(lots.choice((1, 3, 20))):
            at = lots.randrange(len(bad))
            bad[at : at + lots.randrange(4)] = lots.choice(bits)
        with suppress(CollectionFailed):
            list(read(resealed(lzma.compress(bytes(bad), preset=0))))


@pytest.mark.parametrize(
    "fields",
    [{"cpu_count": 10**30}, {"memory_mib": -(10**25)}, {"created_at": "2026-01-01T00:00:00"}],
)
def test_a_value_no_platform_has_sets_its_object_aside(fields: dict[str, Any]):
    [item] = read(packed(record(**fields)))

    assert isinstance(item, Unreadable)
    assert item.ref == "vm-1"


def test_a_name_that_looks_like_such_a_value_is_a_name():
    [item] = read(packed(record(name='1234567890123456789012 T10:00"')))

    assert item.name == '1234567890123456789012 T10:00"'


def test_notes_fit_into_a_database_whatever_they_say():
    note = {"kind": "vm", "ref": "r" * 5000, "name": "a\0b" + "n" * 9999, "reason": ""}

    [item] = read(packed({"at": 0, "type": "unreadable", "item": note}))

    assert len(item.ref) == lines.LONGEST_NAME
    assert item.name.startswith("a\u2400b")
    assert len(item.name) == lines.LONGEST_TEXT


# --- keys --------------------------------------------------------------------------------------


def test_a_key_survives_being_written():
    assert signing.fingerprint(signing.read_public(signing.public_pem(KEY))) == signing.fingerprint(
        KEY
    )


@pytest.mark.parametrize("pem", ["", "no key", "\ud800", signing.private_pem(KEY).decode()])
def test_what_is_no_public_key_is_not_trusted(pem: str):
    with pytest.raises(ValueError, match="public key"):
        signing.read_public(pem)


def test_a_signature_has_one_way_of_being_written():
    signature = signing.sign(KEY, b"x")

    assert signing.is_signed_by(PUBLIC, b"x", signature)
    assert signature[-3] in "AQgw"
    spare = signature[:-3] + chr(ord(signature[-3]) + 1) + "=="  # bits that decoding leaves out
    for other in (spare, signature + "\n", " " + signature, signature.replace("=", ""), "é"):
        assert not signing.is_signed_by(PUBLIC, b"x", other)
