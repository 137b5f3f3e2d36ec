"""Workbooks that were made to do harm: refused in time, in a sentence, and nothing is fetched."""

from __future__ import annotations

import os
import random
import socket
import struct
import time
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import pytest

from inventory.connectors.base import CollectionFailed, Unreadable
from inventory.connectors.rvtools import child, limits, xlsx
from inventory.connectors.rvtools.reading import Reading
from tests.inventory.connectors.rvtools.book import estate, machine, written

SHEET = "xl/worksheets/sheet1.xml"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
HEAD = f'<worksheet xmlns="{MAIN}"><sheetData>'
TAIL = "</sheetData></worksheet>"
MUTANTS = 5_000 if "EXHAUSTIVE" in os.environ else 300  # of each of the two ways


def refusal(data: bytes, *, within: float = 2.0) -> CollectionFailed:
    """Why it was refused, and that it did not take long."""
    began = time.monotonic()
    with pytest.raises(CollectionFailed) as caught:
        Reading(BytesIO(data), attributes={}, collected_at=None).read()
    assert time.monotonic() - began < within * SLOWNESS
    return caught.value


SLOWNESS = 3  # a busy machine says nothing about the code


def changed(**parts: bytes | str) -> bytes:
    """A good workbook with parts of it replaced or added."""
    names = {name.replace("__", "/").replace("_xml", ".xml"): part for name, part in parts.items()}
    source, target = zipfile.ZipFile(BytesIO(written(estate()))), BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for info in source.infolist():
            if info.filename not in names:
                archive.writestr(info, source.read(info))
        for name, part in names.items():
            archive.writestr(name, part)
    return target.getvalue()


def with_sheet(xml: bytes | str) -> bytes:
    return changed(xl__worksheets__sheet1_xml=xml)


def an_archive(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return file.getvalue()


# --- the archive --------------------------------------------------------------------------------


def test_what_is_no_archive_is_refused():
    older_excel, empty = b"\xd0\xcf\x11\xe0" + b"\0" * 5000, b"PK\5\6" + b"\0" * 18
    for data in (b"", b"PK", b"a,b,c\n", older_excel, empty):
        assert refusal(data).code == "bad-file"


def test_a_part_that_grows_a_hundredfold_is_refused_unopened():
    bomb = with_sheet(HEAD + "<row/>" * 2_000_000 + TAIL)

    assert "grows more than 100 times" in str(refusal(bomb))


def test_a_part_larger_than_everything_may_be_is_refused_unopened():
    rng = random.Random(1)  # noqa: S311  # a fixed drawing
    huge = b"".join(rng.randbytes(1024) * 20 for _ in range(6_000))

    assert "larger than 100 MiB" in str(refusal(changed(xl__media__x=huge), within=5))


def test_parts_that_are_too_large_together_are_refused_while_they_are_read(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(xlsx, "MOST_UNPACKED", 4_000)

    assert refusal(written(estate())).code == "too-large"


def test_a_part_that_lies_about_its_size_is_damaged():
    rows = HEAD + "".join(f"<row><c><v>{n}</v></c></row>" for n in range(40_000)) + TAIL
    data = bytearray(with_sheet(rows))
    at = data.rfind(SHEET.encode()) - 46  # its entry in the directory
    struct.pack_into("<L", data, at + 24, 5_000)

    assert "damaged" in str(refusal(bytes(data)))


def test_a_million_members_are_refused_by_the_directory_alone():
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(3_000):
            archive.writestr(f"xl/{number}", b"")
    assert "more than 1000 files" in str(refusal(file.getvalue()))
    end = bytearray(written(estate()))
    at = end.rfind(b"PK\5\6")
    struct.pack_into("<HH", end, at + 8, 900, 900)
    struct.pack_into("<L", end, at + 12, 2**31)
    assert "more than 1000 files" in str(refusal(bytes(end)))


def test_a_directory_of_64_bits_is_refused():
    data = written(estate())
    at = data.rfind(b"PK\5\6")
    locator = b"PK\6\7" + b"\0" * 16

    assert refusal(data[:at] + locator + data[at:]).code == "too-large"


def test_members_that_share_bytes_are_refused():
    """One stream, named a thousand times, is how a small archive becomes an endless one."""
    data = bytearray(an_archive(*((f"xl/{n}.xml", b"x" * 5_000) for n in range(3))))
    at = data.find(b"PK\1\2")
    second = data.find(b"PK\1\2", at + 4)
    struct.pack_into("<L", data, second + 42, 0)  # begins where the first does

    with pytest.raises(CollectionFailed, match="over each other"):
        limits.check(BytesIO(bytes(data)))


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x", "/etc/passwd", "xl\\..\\x", "C:/x", "xl/../../x"]
)
def test_names_that_lead_outside_are_refused(name: str):
    info = zipfile.ZipInfo("x")
    info.filename = name

    assert "leads outside" in str(refusal(an_archive((info, b"x"))))


def test_links_passwords_and_other_packings_are_refused():
    link = zipfile.ZipInfo("xl/link")
    link.external_attr = 0o120777 << 16
    assert "link" in str(refusal(an_archive((link, b"/etc/passwd"))))
    locked = bytearray(an_archive(("xl/x", b"x")))
    locked[locked.find(b"PK\1\2") + 8] |= 1
    assert "password" in str(refusal(bytes(locked)))
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("xl/x", b"x")
    assert "packed" in str(refusal(file.getvalue()))


def test_two_members_of_one_name_are_refused():
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = an_archive(("xl/x", b"1"), ("xl/x", b"2"))

    assert "same name" in str(refusal(twice))


# --- the markup ---------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Whoever fetches something from here is seen."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def test_entities_are_neither_fetched_nor_grown(listener: socket.socket, tmp_path: Path):
    port = listener.getsockname()[1]
    secret = tmp_path / "secret"
    secret.write_text("canary")
    laughs = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "ha">' for n in range(10)
    )
    for declared in (
        f'<!DOCTYPE x [<!ENTITY e SYSTEM "file://{secret}">]>',
        f'<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:{port}/">]>',
        f'<!DOCTYPE x SYSTEM "http://127.0.0.1:{port}/x.dtd">',
        f'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:{port}/p"> %p;]>',
        f"<!DOCTYPE x [{laughs}<!ENTITY e '&l9;'>]>",
        "<!DOCTYPE x [<!ENTITY e '" + "a" * 200_000 + "'>]>",
    ):
        body = HEAD + "<row><c t='str'><v>&e;</v></c></row>" + TAIL
        said = refusal(with_sheet('<?xml version="1.0"?>' + declared + body))
        assert "document type" in str(said)
        assert "canary" not in str(said)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_document_type_is_seen_in_every_part_and_across_blocks():
    evil = '<?xml version="1.0"?>' + " " * 65_510 + "<!DOCTYPE x []>"
    for part in ("xl__workbook_xml", "xl__sharedStrings_xml", "xl___rels__workbook_xml.rels"):
        assert "document type" in str(refusal(changed(**{part: evil + "<x/>"})))


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-7"])
def test_markup_in_another_encoding_hides_nothing(encoding: str):
    text = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE x []>' + HEAD + TAIL

    assert "not in UTF-8" in str(refusal(with_sheet(text.encode(encoding))))


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "<",
        HEAD,
        HEAD + "<row><c><v>1</c></row>" + TAIL,
        "<a>" * 5_000 + "</a>" * 5_000,
        HEAD + "<row><c t='s'><v>999999</v></c></row>" + TAIL,
        HEAD + "<row><c t='s'><v>-1</v></c></row>" + TAIL,
        HEAD + "<row><c t='s'><v>" + "9" * 100_000 + "</v></c></row>" + TAIL,
        HEAD + "<row><c t='s'/></row>" + TAIL,
        b"\xff\xfe\x00\x01",
        HEAD + "<row><c r='A1' t='str'><v>&#0;</v></c></row>" + TAIL,
    ],
)
def test_markup_that_is_broken_is_damage_and_no_crash(xml: bytes | str):
    assert refusal(with_sheet(xml)).code == "bad-file"


def test_a_row_of_a_million_cells_and_a_sheet_of_a_million_rows_end_at_their_limit():
    rng = random.Random(2)  # noqa: S311  # a fixed drawing: it must not pack too well
    wide = HEAD + "<row>" + "".join(f"<c><v>{rng.random()}</v></c>" for _ in range(300_000))
    assert "columns" in str(refusal(with_sheet(wide + "</row>" + TAIL)))
    far = HEAD + "<row><c r='XFD1'><v>1</v></c></row>" + TAIL
    assert "columns" in str(refusal(with_sheet(far)))
    tall = "".join(f"<row><c><v>{rng.random()}</v></c></row>" for _ in range(250_000))
    data = changed(xl__worksheets__sheet2_xml=HEAD + tall + TAIL)
    assert "rows" in str(refusal(data, within=4))


def test_a_cell_longer_than_excel_allows_is_refused():
    tabs = estate()
    rng = random.Random(3)  # noqa: S311
    text = HEAD + f"<row><c t='str'><v>{rng.randbytes(40_000).hex()}</v></c></row>" + TAIL

    assert "characters" in str(refusal(with_sheet(text)))
    assert tabs  # what Excel itself can hold is read: see the next test
    tabs["vInfo"][0]["Annotation"] = "n" * 32_767
    Reading(BytesIO(written(tabs)), attributes={}, collected_at=None).read()


def test_a_formula_is_not_computed_and_a_link_is_not_followed(listener: socket.socket):
    port = listener.getsockname()[1]

    def touch(book: Any) -> None:
        sheet = book.get_worksheet_by_name("vInfo")
        sheet.write_formula(1, 0, f'=WEBSERVICE("http://127.0.0.1:{port}/")', None, "kept")
        sheet.write_url(2, 0, f"http://127.0.0.1:{port}/", None, "link")

    items = (
        Reading(BytesIO(written(estate(), touch)), attributes={}, collected_at=None).read().items
    )
    names = {getattr(item, "name", "") for item in items}

    assert {"kept", "link"} <= names
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_nul_surrogates_and_escapes_in_names_become_visible():
    tabs = estate()
    tabs["vInfo"][0]["VM"] = "a_x0000_b_xD800_c\u202e_x000D_<script>"

    items = Reading(BytesIO(written(tabs)), attributes={}, collected_at=None).read().items
    [name] = [item.name for item in items if getattr(item, "ref", "") == "vm-1"]

    assert "\0" not in name
    name.encode()


def test_two_machines_with_one_identity_are_both_told():
    tabs = {**estate(), "vInfo": [machine(1), machine(1, VM="twin")]}

    items = Reading(BytesIO(written(tabs)), attributes={}, collected_at=None).read().items

    assert [i.name for i in items if getattr(i, "ref", "") == "vm-1"] == ["far-1", "twin"]
    assert not any(isinstance(item, Unreadable) for item in items)  # staging tells them apart


def test_no_workbook_that_was_damaged_at_random_is_a_crash():
    good, lots = written(estate()), random.Random(20260302)  # noqa: S311  # a fixed drawing
    for _ in range(MUTANTS):
        bad = bytearray(good)
        for _ in range(lots.choice((1, 3, 20))):
            bad[lots.randrange(len(bad))] = lots.randrange(256)
        if lots.random() < 0.2:
            del bad[lots.randrange(len(bad)) :]
        with suppress(CollectionFailed):
            Reading(BytesIO(bytes(bad)), attributes={}, collected_at=None).read()


def test_no_markup_that_was_damaged_at_random_is_a_crash():
    lots = random.Random(20260303)  # noqa: S311  # a fixed drawing
    source = zipfile.ZipFile(BytesIO(written(estate())))
    parts = [name for name in source.namelist() if name.endswith((".xml", ".rels"))]
    for _ in range(MUTANTS):
        name = lots.choice(parts)
        part = bytearray(source.read(name))
        for _ in range(lots.choice((1, 5))):
            at = lots.randrange(len(part))
            part[at : at + lots.randrange(4)] = lots.choice((b"", b"<", b"9" * 30, b"&x;", b"\0"))
        file = BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for each in source.namelist():
                archive.writestr(each, bytes(part) if each == name else source.read(each))
        with suppress(CollectionFailed):
            Reading(BytesIO(file.getvalue()), attributes={}, collected_at=None).read()


# --- the process of its own ---------------------------------------------------------------------


def in_a_child(data: bytes) -> child.WorkbookConnector:
    with TemporaryFile() as file:
        file.write(data)
        return child.read(file, attributes={"owner": "Owner"}, collected_at=None)


def test_the_child_says_what_the_reading_says():
    connector = in_a_child(written(estate()))
    direct = Reading(
        BytesIO(written(estate())), attributes={"owner": "Owner"}, collected_at=None
    ).read()

    assert list(connector.collect()) == direct.items
    assert connector.seal.collector == "RVTools 4.6.1.0"
    assert connector.is_local_time


def test_the_child_hands_on_why_it_refused():
    with pytest.raises(CollectionFailed, match="document type"):
        in_a_child(with_sheet("<!DOCTYPE x []><x/>"))


def test_a_child_that_takes_too_much_is_ended(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(child, "CONVERT", "tests.inventory.connectors.rvtools.greedy")

    with pytest.raises(CollectionFailed, match="takes too much"):
        in_a_child(written(estate()))


def test_a_child_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(child, "CONVERT", "tests.inventory.connectors.rvtools.sleepy")
    monkeypatch.setattr(child, "PATIENCE_SECONDS", 1)

    with pytest.raises(CollectionFailed, match="too long"):
        in_a_child(written(estate()))


def test_the_child_knows_no_secret_of_the_worker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(child, "CONVERT", "tests.inventory.connectors.rvtools.chatty")
    monkeypatch.setenv("SECRET_KEY", "canary")

    with pytest.raises(CollectionFailed) as caught:
        in_a_child(written(estate()))

    assert "SECRET_KEY" not in str(caught.value)
    assert "PATH" in str(caught.value)
