"""From the sign-in page to a decision, without a manual; what it costs is written in the guide."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import time_machine
from playwright.sync_api import Browser, Page

from findings import pipeline
from findings.announcing import relay
from findings.models import Finding
from inventory import ledger
from inventory.heartbeat import beating
from inventory.models import Source
from inventory.records import Nic, Platform, PowerState, Snapshot, VirtualMachine
from policies.loading import load_shipped
from tests.accounts.test_second_factor import code_of
from tests.browser.newcomer import Newcomer, promised
from tests.factories import PASSWORD, SourceFactory, UserFactory
from tests.inventory.fakes import FakeConnector

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

    from accounts.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Newcomers = Callable[[], Newcomer]
WORST = re.compile(r"^web-1 shares the MAC address")
OLD = tuple(re.compile(rf"^app-{n} has virtual hardware version 13") for n in range(1, 5))
SNAPSHOT = re.compile(r"^Snapshot “before update” of app-1 is 20 days old")
# Axe takes a second for each page: once for each person and kind of page in this module is enough.
LOOKED_AT: defaultdict[str, set[str]] = defaultdict(set)
SCRIPTED = pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])


def machine(name: str, number: int, **facts: Any) -> VirtualMachine:
    given: dict[str, Any] = {
        "platform": Platform.VSPHERE,
        "uid": f"20000000-0000-0000-0000-{number:012d}",
        "ref": f"vm-{number}",
        "name": name,
        "power_state": PowerState.ON,
        "connection_state": "connected",
        "hardware_version": 21,
        "snapshots": (),
        "nics": (),
        "classification": "internal",
        "criticality": "medium",
        "owner": "ada@example.org",
        **facts,
    }
    return VirtualMachine(**given)


def machines(*, upgraded: int = 0) -> list[VirtualMachine]:
    """A server and its restored copy with one address; four of old hardware, one with a snapshot.

    The first `upgraded` of the old ones are of new hardware.
    """
    shared = Nic(key="4000", label="Network adapter 1", mac="00:50:56:01:02:03")
    taken_at = datetime.now(UTC) - timedelta(days=20)
    before = Snapshot(uid="snapshot-9", name="before update", created_at=taken_at)
    return [
        machine("web-1", 1, nics=(shared,)),
        machine("web-1-restored", 2, nics=(shared,)),
        *(
            machine(
                f"app-{n}",
                10 + n,
                hardware_version=21 if n <= upgraded else 13,
                snapshots=(before,) if n == 1 else (),
            )
            for n in range(1, 5)
        ),
    ]


def collect(source: Source, *found: VirtualMachine) -> None:
    """The worker's part: a collection of what the platform holds, judged, and people told."""
    now = datetime.now(UTC)
    run = ledger.request_run(source=source, by=None, now=now, wake_worker=False)
    held = ledger.claim(run.pk)
    assert held is not None
    with beating(held) as pulse:
        pipeline.see_through(held, pulse=pulse, now=now, connector=FakeConnector(*found))
    run.refresh_from_db()
    assert run.state == "complete"
    relay.relay(now=datetime.now(UTC))


@pytest.fixture
def source() -> Source:
    load_shipped()
    source: Source = SourceFactory(
        name="vc-oslo", complete_at=None, published_at=None, evaluated_at=None
    )
    collect(source, *machines())
    return source


@pytest.fixture(autouse=True)
def _as_installed(settings: Any) -> None:
    """As a new installation is set: who decides about risks has a second factor."""
    settings.REQUIRE_SECOND_FACTOR = True


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """The clock of the server, which is this process. It runs on; tests set it forward."""
    with time_machine.travel(datetime.now(UTC)) as traveller:
        yield traveller


@pytest.fixture
def newcomers(
    browser: Browser,
    browser_context_args: dict[str, Any],
    live_server: LiveServer,
    accessible: Callable[[Page], None],
    request: pytest.FixtureRequest,
) -> Iterator[Newcomers]:
    """Each with a browser of their own, which runs scripts unless the test says otherwise."""
    script = getattr(request.node, "callspec", None)
    has_script = script is None or script.params.get("script", True)
    made: list[Newcomer] = []

    def arrive() -> Newcomer:
        context = browser.new_context(
            **browser_context_args, java_script_enabled=has_script, reduced_motion="reduce"
        )
        one = Newcomer(context, live_server.url, accessible=accessible if has_script else None)
        made.append(one)
        one.arrives()
        return one

    yield arrive
    for one in made:
        one.page.context.close()
        assert one.problems == []


@pytest.fixture
def ingrid() -> User:
    person: User = UserFactory(username="ingrid", full_name="Ingrid Solberg", roles=["analyst"])
    return person


@pytest.fixture
def kari() -> User:
    person: User = UserFactory(username="kari", full_name="Kari Amundsen", roles=["remediator"])
    return person


@pytest.fixture
def per() -> User:
    person: User = UserFactory(
        username="per", full_name="Per Næss", roles=["approver"], second_factor=True
    )
    return person


def sign_in(one: Newcomer, person: User) -> None:
    one.looked_at = LOOKED_AT[person.username]
    one.fills("Username", person.username)
    one.fills("Password", PASSWORD)
    one.clicks_on("button", "Sign in")


def sign_out(one: Newcomer, person: User) -> None:
    one.unfolds(re.compile(rf"{person}\s*, your account"))
    one.clicks_on("button", "Sign out")
    one.sees("Sign in")


# --- an assigned finding --------------------------------------------------------------------------


@SCRIPTED
def test_an_analyst_takes_the_worst_finding(
    newcomers: Newcomers, source: Source, ingrid: User, script: bool
) -> None:
    analyst = newcomers()
    sign_in(analyst, ingrid)

    analyst.clicks_on("link", re.compile(r"^2\s*High$"))
    analyst.clicks_on("link", WORST)
    analyst.clicks_on("button", "Assign to me")
    analyst.goes_to("My work")

    analyst.sees(WORST, within="Findings assigned to you")
    analyst.sees("1 finding is yours")
    assert analyst.effort == promised("A finding that is yours")


@SCRIPTED
def test_an_analyst_gives_a_finding_to_whoever_mends_it(
    newcomers: Newcomers, source: Source, ingrid: User, kari: User, script: bool
) -> None:
    analyst = newcomers()
    sign_in(analyst, ingrid)

    analyst.clicks_on("link", re.compile(r"^2\s*High$"))
    analyst.clicks_on("link", WORST)
    analyst.unfolds("Assign")
    analyst.chooses("Person", "Kari Amundsen")
    analyst.clicks_on("button", "Assign")
    analyst.sees("Kari Amundsen", within="Decision")
    assert analyst.effort == promised("A finding that is somebody else's")

    remediator = newcomers()
    sign_in(remediator, kari)
    remediator.goes_to("My work")
    remediator.sees(WORST, within="Findings assigned to you")
    assert remediator.effort == promised("What was given to you")


@SCRIPTED
def test_whoever_mends_findings_takes_one_that_nobody_has(
    newcomers: Newcomers, source: Source, kari: User, script: bool
) -> None:
    remediator = newcomers()
    sign_in(remediator, kari)

    remediator.clicks_on("link", re.compile(r"^2\s*High$"))
    remediator.clicks_on("link", WORST)
    remediator.clicks_on("button", "Assign to me")
    remediator.sees("Kari Amundsen", within="Decision")
    assert remediator.effort == promised("A finding that nobody has")


# --- an approved exception ------------------------------------------------------------------------


@SCRIPTED
def test_an_exception_is_asked_for_decided_by_somebody_else_and_ends(
    newcomers: Newcomers,
    source: Source,
    ingrid: User,
    per: User,
    clock: time_machine.Traveller,
    script: bool,
) -> None:
    analyst = newcomers()
    sign_in(analyst, ingrid)
    analyst.goes_to("My work")
    analyst.clicks_on("link", SNAPSHOT)
    analyst.clicks_on("link", "Ask for an exception")
    analyst.fills("Reason", "The vendor finishes the migration this month.")
    analyst.clicks_on("button", "Ask for the exception")
    analyst.sees("Your request waits for somebody else's decision.")
    assert analyst.effort == promised("An exception that is asked for")
    sign_out(analyst, ingrid)

    approver = newcomers()
    sign_in(approver, per)
    approver.fills("Code", code_of(per))
    approver.clicks_on("button", "Sign in")
    approver.sees("Overview")
    clock.shift(timedelta(minutes=10))  # another page, a telephone call
    approver.goes_to(re.compile(r"^Exceptions\s*1 waiting for you"))
    approver.clicks_on("link", SNAPSHOT)
    approver.clicks_on("link", "Decide…")
    approver.fills("Code", code_of(per))
    approver.clicks_on("button", "Continue")
    approver.fills("Why you decide so", "The snapshot is the way back until then.")
    approver.clicks_on("button", "Approve for 1 finding")
    approver.sees("The exception is approved.")
    assert approver.effort == promised("An exception that is decided")

    sign_in(analyst, ingrid)
    analyst.goes_to("Findings")
    analyst.sees(WORST)
    analyst.sees_no(SNAPSHOT)

    clock.shift(timedelta(days=31))
    analyst.arrives()
    sign_in(analyst, ingrid)
    analyst.goes_to("Findings")
    analyst.sees(SNAPSHOT)
    assert Finding.objects.get(check_id="vm-snapshot-age").state == "open"


# --- a fix that is proven, and one that is not ----------------------------------------------------


@SCRIPTED
def test_fixes_that_are_said_wait_for_the_next_collection_which_proves_or_refutes_them(
    newcomers: Newcomers, source: Source, kari: User, script: bool
) -> None:
    remediator = newcomers()
    sign_in(remediator, kari)
    remediator.goes_to("Findings")
    remediator.clicks_on("checkbox", re.compile(r"^Select app-1 has virtual hardware"))
    remediator.clicks_on("checkbox", re.compile(r"^Select app-2 has virtual hardware"))
    remediator.unfolds("Status", within="What to do with the selected")
    remediator.clicks_on("button", "Fixed, waiting for proof")
    remediator.clicks_on("button", "Change 2 findings")
    remediator.sees(re.compile("^2 findings: status set to “Fixed, waiting for proof”"))
    assert remediator.effort == promised("Two fixes that are said")

    collect(source, *machines(upgraded=1))

    remediator.goes_to("My work")
    remediator.clicks_on("link", OLD[1], within="Fixes that a collection did not bear out")
    remediator.sees("Not fixed: seen again")
    remediator.sees("In progress", within="Decision")
    remediator.goes_to("Findings")
    remediator.sees(OLD[1])
    remediator.sees_no(OLD[0])


# --- a plan that the next collection closes -------------------------------------------------------


@pytest.mark.parametrize("mended", [2, 1], ids=["proven", "refuted"])
def test_a_plan_ends_when_a_collection_proves_it_and_goes_back_when_not(
    newcomers: Newcomers, source: Source, kari: User, mended: int
) -> None:
    remediator = newcomers()
    sign_in(remediator, kari)
    remediator.goes_to("Findings")
    remediator.clicks_on("checkbox", re.compile(r"^Select app-1 has virtual hardware"))
    remediator.clicks_on("checkbox", re.compile(r"^Select app-2 has virtual hardware"))
    remediator.clicks_on("button", "Put into a plan")
    remediator.fills("Title", "New hardware for the applications")
    remediator.clicks_on("button", "Make the plan")
    script = remediator.downloads("link", "Script as .ps1")
    assert "app-1" in script
    assert "app-2" in script
    remediator.clicks_on("button", "I have done this: 2 findings")
    remediator.sees("2 findings wait for the next collection to prove it.")
    assert remediator.effort == promised("A plan that waits for proof")

    collect(source, *machines(upgraded=mended))

    remediator.goes_to(re.compile(r"^Remediation"))
    if mended == 2:
        remediator.clicks_on("link", re.compile(r"^Done\b"))
    remediator.clicks_on("link", "New hardware for the applications")
    if mended == 2:
        remediator.sees(re.compile("^2 of 2 findings are proven"))
    else:
        remediator.sees("failed proof: a collection after the fix still saw it")
