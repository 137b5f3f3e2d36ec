"""Every SOAP call of a collection × every fault: nothing retired, closed or passed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from findings import pipeline
from findings.models import Finding
from inventory import ledger
from inventory.connectors.vsphere import tls
from inventory.connectors.vsphere.connector import VsphereConnector
from inventory.connectors.vsphere.methods import REST_SESSION
from inventory.heartbeat import Pulse
from inventory.models import Asset, Source, SyncRun
from policies.models import Verdict
from tests.factories import SourceFactory
from tests.peers.certificates import self_signed
from tests.peers.fault_proxy import Fault, FaultProxy
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = [pytest.mark.integration, pytest.mark.django_db]

STALL_SECONDS = 1.0
READ_TIMEOUT = 0.4  # shorter than the stall, so that the stall is felt


@pytest.fixture(scope="module")
def vcsim() -> Iterator[Vcsim]:
    with start_vcsim(cluster=1, host=2, standalone_host=0, vm=7, pg=1) as running:
        yield running


@pytest.fixture(scope="module")
def proxy(vcsim: Vcsim, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProxy]:
    with FaultProxy(vcsim, self_signed(tmp_path_factory.mktemp("proxy"))) as running:
        yield running


@pytest.fixture
def source(db: None) -> Source:
    return SourceFactory(complete_at=None, published_at=None, evaluated_at=None)


def collect(source: Source, proxy: FaultProxy, vcsim: Vcsim, *, timeout: float = 30) -> SyncRun:
    """One run as a worker does it, with pages small enough that there are several."""
    run = SyncRun.objects.create(source=source, requested_at=datetime.now(UTC))
    held = ledger.claim(run.pk)
    assert held is not None
    connector = VsphereConnector(
        url=proxy.url,
        username=vcsim.username,
        password=vcsim.password,
        trust=tls.PinnedTrust(Path(proxy.cert_pem).read_text()),
        read_timeout=timeout,
        page_size=3,
    )
    pipeline.see_through(held, pulse=Pulse(held), now=datetime.now(UTC), connector=connector)
    run.refresh_from_db()
    return run


def facts(source: Source) -> dict[int, str]:
    return dict(source.assets.values_list("pk", "digest"))


def deviations(source: Source) -> set[tuple[int, str]]:
    rows = Verdict.objects.filter(asset__source=source).exclude(outcome="not_applicable")
    return set(rows.values_list("asset_id", "check_id"))


def still_open(source: Source) -> set[int]:
    return set(
        Finding.objects.filter(asset__source=source, state="open").values_list("pk", flat=True)
    )


@pytest.mark.parametrize("fault", list(Fault))
def test_a_fault_at_any_call_retires_closes_and_passes_nothing(
    source: Source, proxy: FaultProxy, vcsim: Vcsim, fault: Fault
) -> None:
    proxy.clear()
    assert collect(source, proxy, vcsim).state == SyncRun.State.COMPLETE
    calls = [call.method for call in proxy.calls]
    truth, known, opened = facts(source), deviations(source), still_open(source)
    assert len(calls) > 10
    assert opened
    harmless = []

    for index, method in enumerate(calls):
        proxy.clear()
        injection = proxy.inject(fault, at=index, seconds=STALL_SECONDS)
        timeout = READ_TIMEOUT if fault is Fault.STALL else 30
        run = collect(source, proxy, vcsim, timeout=timeout)

        where = f"{fault} at call {index}, {method}"
        assert not source.assets.exclude(missing_since=None, gone_at=None).exists(), where
        assert opened <= still_open(source), where
        assert known <= deviations(source), where
        if run.state == SyncRun.State.COMPLETE:
            harmless.append((method, bool(injection.applied)))
            assert facts(source) == truth, where
        else:
            assert run.state in {SyncRun.State.PARTIAL, SyncRun.State.FAILED}, where
            assert all(cause["message"] for cause in run.causes), where
            assert run.causes, where

    # What was spoilt and still COMPLETE can only have been a call that reads nothing.
    ends = {"Logout", f"DELETE {REST_SESSION}"}
    assert {method for method, applied in harmless if applied} <= ends
    proxy.clear()
    assert collect(source, proxy, vcsim).state == SyncRun.State.COMPLETE
    assert facts(source) == truth
    assert Asset.objects.filter(source=source, gone_at__isnull=False).count() == 0
