"""Whoever names a machine does not get to run anything, hide anything or stop anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from findings import pipeline
from inventory import ledger, sources
from inventory.models import Asset, Source, SyncRun
from tests.factories import NOW, UserFactory
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

HOSTILE = [
    "A" * 65_536,
    "<script>document.title='owned'</script>",
    "=cmd|' /C calc'!A0",
    "+SUM(1+1)*cmd|' /C calc'!A0",
    "@SUM(1)",
    "  -1+1",
    "\u202egnp.exe\u202c",
    "two\r\nlines\tand\ttabs",
    "'\"><img src=x onerror=alert(1)>",
    "{{ settings.SECRET_KEY }}{% debug %}",
    "%00%0d%0aSet-Cookie: a=b",
]


@pytest.fixture
def vcsim() -> Iterator[Vcsim]:
    with start_vcsim(cluster=1, host=2, standalone_host=0, vm=30) as running:
        yield running


@pytest.fixture
def source(vcsim: Vcsim) -> Source:
    for number, name in enumerate(HOSTILE):
        vcsim.apply(
            set=[
                {
                    "type": "VirtualMachine",
                    "match": f"DC0_C0_RP0_VM{number}",
                    "values": {"config.annotation": name, "guest.hostName": name, "name": name},
                }
            ]
        )
    source = sources.add(
        by=None,
        name="vc",
        url=vcsim.url,
        username=vcsim.username,
        password=vcsim.password,
        trust="pin",
        trust_pem=Path(vcsim.cert_pem).read_text(),
        attribute_mapping={},
        interval_minutes=60,
        now=NOW,
    )
    run = ledger.request_run(source=source, by=None, now=NOW, wake_worker=False)
    pipeline.work(run.pk, now=NOW)
    run.refresh_from_db()
    assert run.state == SyncRun.State.COMPLETE, run.causes
    return source


def test_every_name_is_kept_and_no_neighbour_is_affected(source: Source) -> None:
    names = set(source.assets.filter(kind="vm").values_list("name", flat=True))

    assert len(names) == 30
    assert set(HOSTILE) <= names
    assert not source.quarantine.exists()


def test_pages_show_and_exports_write_them_inert(source: Source, client: Client) -> None:
    client.force_login(UserFactory(roles=["analyst"]))
    pages = ["/", "/findings/", "/inventory/vms/", "/inventory/vms/?sort=-name"]
    for name in HOSTILE:
        pages.append(f"/inventory/assets/{Asset.objects.get(name=name, kind='vm').pk}/")

    for address in pages:
        html = client.get(address).content.decode()
        assert "<script>document" not in html, address
        assert "<img src=x" not in html, address
    for address in ("/inventory/vms/export/", "/findings/export.csv"):
        answer = client.get(address)
        assert answer.status_code == 200, address
        text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
        for row in csv.reader(io.StringIO(text)):
            for cell in row:
                assert not cell.lstrip().startswith(("=", "+", "-", "@")), (address, cell[:40])
