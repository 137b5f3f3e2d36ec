"""The scripted week again, with everything that can go wrong with looking at it.

Workers are killed, sessions end, the vCenter is restarted and counts its events from the beginning,
its log is purged before it was read. What could be seen is neither lost nor doubled; what could not
be seen is a blind interval, and nothing is called sure in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from django.conf import LazySettings

from accounts.models import User
from findings import pipeline
from inventory import sources
from inventory.models import Asset, MacHolding, PlatformEvent, Source, Stay, SyncRun
from tests.factories import UserFactory
from tests.faults.workers import LEASE_SECONDS, Workers, collect_under_fire
from tests.peers.certificates import self_signed
from tests.peers.fault_proxy import Fault, FaultProxy
from tests.peers.vcsim import Vcsim, start_vcsim
from tests.week.asking import Asking, Seen
from tests.week.record import Act, Span
from tests.week.script import Script

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

MOMENTS = 200
STEPS_BETWEEN = 6
TOLD = {"move": "VmMigratedEvent", "balance": "DrsVmMigratedEvent"}
TOLD |= {"power_on": "VmPoweredOnEvent", "power_off": "VmPoweredOffEvent"}


def start() -> Vcsim:
    return start_vcsim(cluster=1, host=3, standalone_host=0, vm=1, seed="week")


class Week:
    """Looks at the vCenter through what goes wrong."""

    def __init__(self, script: Script, source: Source, proxy: FaultProxy, workers: Workers) -> None:
        self.script, self.source, self.proxy, self.workers = script, source, proxy, workers
        self.purges: list[datetime] = []  # everything in the log from before is gone

    def peace(self) -> None:
        began = datetime.now(UTC)
        run = self._collect()
        assert run.state == SyncRun.State.COMPLETE, run.causes
        self.script.record.note_look(began, is_whole=True)

    def kill(self) -> None:
        """The worker dies twice, wherever it is."""
        began = datetime.now(UTC)
        collect_under_fire(self.source, self.workers, within=0.7, chance=self.script.lots)
        self.script.record.note_look(began, is_whole=True)

    def lose_session(self) -> None:
        """Somewhere between the first question and the last."""
        began = datetime.now(UTC)
        self.proxy.clear()
        at = self.script.lots.randrange(8, 40)
        lost = self.proxy.inject(Fault.NOT_AUTHENTICATED, at=at)
        run = self._collect()
        # What is asked over REST has a session of its own; without it that alone is not told.
        is_whole = run.state == SyncRun.State.COMPLETE
        assert not is_whole or all(" " in call.method for call in lost.applied), lost.applied
        self.proxy.clear()
        if run.published_at:
            self.script.record.note_look(began, is_whole=is_whole)

    def purge(self) -> None:
        """Some of what happened since the last look leaves the log before the next."""
        with self.script.record.outage():
            self.script.vcsim.apply(ops=[{"op": "forget_events"}])
        self.purges.append(self.script.record.outages[-1].began)
        self.steps(3)
        self.peace()

    def restart(self) -> None:
        """The vCenter comes back as it was, but for its log and all that it has numbered."""
        with self.script.record.outage():
            self.purges.append(datetime.now(UTC))
            self.script.vcsim.stop()
            assert self._collect().state == SyncRun.State.FAILED
            self.script.vcsim = start()
            wipe = {"op": "destroy", "target": {"type": "VirtualMachine"}}
            everything = self.script.ops_of_everything()
            self.script.vcsim.apply(ops=[wipe, *everything, {"op": "forget_events"}])
            self.proxy.point_at(self.script.vcsim)
        self.steps(3)
        self.peace()

    def steps(self, count: int) -> None:
        for _ in range(count):
            self.script.step()

    def _collect(self) -> SyncRun:
        run = SyncRun.objects.create(source=self.source, requested_at=datetime.now(UTC))
        pipeline.work(run.pk, now=datetime.now(UTC))
        run.refresh_from_db()
        return run

    # --- what could be seen -----------------------------------------------------------------------

    @property
    def dark(self) -> list[Span]:
        """From the last collection before the log was lost to the first one after."""
        looks = [look.span for look in self.script.record.looks if look.is_whole]
        return [
            Span(
                max(look.began for look in looks if look.ended < purge),
                min(look.ended for look in looks if look.began > purge),
            )
            for purge in self.purges
        ]

    def is_forgotten(self, act: Act) -> bool:
        """Whether the log lost it before a collection had read it."""
        looks = [look.span for look in self.script.record.looks if look.is_whole]
        return any(
            act.span.ended < purge
            and not any(act.span.ended < look.began and look.ended < purge for look in looks)
            for purge in self.purges
        )


@pytest.fixture
def workers(db: None) -> Iterator[Workers]:
    started = Workers()
    yield started
    started.stop()


@pytest.fixture
def week(tmp_path: Path, workers: Workers, settings: LazySettings) -> Iterator[Week]:
    settings.SYNC_LEASE_SECONDS, settings.SYNC_RETRY_SECONDS = LEASE_SECONDS, 0
    script = Script(start(), seed=3)
    with FaultProxy(script.vcsim, self_signed(tmp_path)) as proxy:
        source = sources.add(
            by=None,
            name="vc-week",
            url=proxy.url,
            username=script.vcsim.username,
            password=script.vcsim.password,
            trust="pin",
            trust_pem=Path(proxy.cert_pem).read_text(),
            attribute_mapping={},
            interval_minutes=60,
            now=datetime.now(UTC),
        )
        yield Week(script, source, proxy, workers)
        script.vcsim.stop()


def test_a_week_of_faults_loses_and_doubles_nothing_that_could_be_seen(week: Week) -> None:
    script = week.script
    script.begin()
    week.peace()
    faults: list[Callable[[], None]] = [week.kill, week.lose_session] * 3
    faults += [week.purge, week.restart, week.purge, week.peace, week.peace]
    script.lots.shuffle(faults)
    for fault in [*faults, week.restart, week.peace]:
        week.steps(STEPS_BETWEEN)
        fault()

    _every_event_once(week)
    _no_stay_twice()
    _blind_where_it_was_dark(week)
    analyst: User = UserFactory(roles=["analyst"])
    asking = Asking(analyst)
    _ask(week, asking)
    _pages_say_so(week, asking)


def _every_event_once(week: Week) -> None:
    for what, type_ in TOLD.items():
        acts = [act for act in week.script.record.acts if act.what == what]
        for act in acts:
            told = PlatformEvent.objects.filter(
                type=type_, happened_at__range=(act.span.began, act.span.ended)
            )
            assert told.count() == (0 if week.is_forgotten(act) else 1), act.what
    moved = [act for act in week.script.record.acts if act.what in ("move", "balance")]
    assert PlatformEvent.objects.filter(
        type__in=("VmMigratedEvent", "DrsVmMigratedEvent")
    ).count() == sum(not week.is_forgotten(act) for act in moved)


def _no_stay_twice() -> None:
    for rows in (
        Stay.objects.filter(place_kind="host").order_by("vm", "valid_from"),
        MacHolding.objects.order_by("vm", "nic_key", "valid_from"),
    ):
        found = list(rows.values_list("vm", "valid_from", "valid_to"))
        for (vm, _, ended), (other, began, _) in pairwise(found):
            assert vm != other or (ended is not None and ended <= began)


def _blind_where_it_was_dark(week: Week) -> None:
    """And nowhere else: a lost session or a killed worker loses nothing."""
    assert not week.source.blind_intervals.filter(ended_at=None).exists()
    blind = [
        (one.began_at, one.ended_at or one.began_at) for one in week.source.blind_intervals.all()
    ]
    for began, ended in blind:
        assert any(dark.began <= began and ended <= dark.ended for dark in week.dark)
    forgotten = [act for act in week.script.record.acts if week.is_forgotten(act)]
    assert forgotten
    for act in forgotten:
        assert any(began < act.span.began and act.span.ended < ended for began, ended in blind)


def _ask(week: Week, asking: Asking) -> None:
    record, lots = week.script.record, week.script.lots
    in_the_dark = 0
    for moment in record.moments(lots, MOMENTS):
        truth, looks = record.at(moment), record.looks_before(moment)
        if any(dark.began <= moment <= dark.ended for dark in week.dark):
            in_the_dark += 1
            seen = Seen.at(moment, week.source)
            seen.claims_nothing_false(truth)
            if not seen.is_blind:
                seen.leaves_nothing_out(truth, looks[0])
        else:
            asking.places(truth, moment)
            asking.neighbours(truth, moment)
            asking.addresses(truth, looks[0], moment)
        if looks[0].is_whole:
            asking.access(looks[0], moment)
            if len(looks) == 1 or looks[1].is_whole:
                asking.inventory(looks, moment)
    assert 0 < in_the_dark < MOMENTS


def _pages_say_so(week: Week, asking: Asking) -> None:
    """The pages that tell of the past tell what of it was not observed."""
    blind = week.source.blind_intervals.order_by("began_at").first()
    assert blind is not None
    assert blind.ended_at is not None
    vm = Asset.objects.filter(kind="vm", first_seen_at__lt=blind.began_at).order_by("pk").first()
    assert vm is not None
    window = {"from": blind.began_at.isoformat(), "to": blind.ended_at.isoformat()}
    mac = vm.record["nics"][0]["mac"]
    assert "not observed" in asking.page("inventory:asset-neighbours", vm.pk, **window)
    assert "not observed" in asking.page(
        "inventory:macs",
        mac=mac,
        at=(blind.began_at + (blind.ended_at - blind.began_at) / 2).isoformat(),
    )
    assert "Events not seen" in asking.page("inventory:asset-timeline", vm.pk)
