"""Who administered which machines meanwhile: the answers, what is sure of them, who is told."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import User
from inventory.chronicle.administrators import Careers, careers_of
from inventory.chronicle.windows import Window
from inventory.models import Asset, Source, SyncRun
from inventory.records import AnyRecord, Grant, Kind, VirtualMachine
from tests.factories import SourceFactory, TeamFactory, UserFactory
from tests.inventory.chronicle.lives import at, run, vm
from tests.inventory.fakes import FakeConnector
from tests.policies.builders import a_datastore, a_grant, a_principal, a_role

pytestmark = pytest.mark.django_db
ENTER, LOOK = 201, 202
ROLES = (a_role(ENTER, "VirtualMachine.Interact.ConsoleInteract"), a_role(LOOK, "System.Read"))
ANNA, OPS = r"HALDEN\anna", r"HALDEN\Ops"


@pytest.fixture
def source(db: None) -> Source:
    return SourceFactory(complete_at=None, published_at=None, evaluated_at=None)


@pytest.fixture
def analyst(db: None) -> User:
    return UserFactory(roles=["analyst"])


def machine(n: int, below: str = "web", **facts: Any) -> VirtualMachine:
    return vm(
        n,
        **{
            "ancestors": (below, "dc", "root"),
            "pool_ancestors": ("pool", "dc", "root"),
            "datastore_refs": ("datastore-1",),
            **facts,
        },
    )


def on(ref: str, principal: str = ANNA, role_id: int = ENTER, **facts: Any) -> Grant:
    name = f"{principal} {ref}"
    told = {"uid": name, "ref": name, "entity_ref": ref, "at_root": ref == "root"}
    return a_grant(principal, role_id, **{**told, "is_group": principal == OPS, **facts})


def collect(source: Source, *records: AnyRecord, hours: float) -> SyncRun:
    files = a_datastore(uid="datastore-1", ref="datastore-1", ancestors=("stores", "dc", "root"))
    roles = [one for one in ROLES if one.uid not in {each.uid for each in records}]
    return run(source, FakeConnector(files, *roles, *records), hours=hours)


def asked(user: User, since: float, until: float, *, now: float = 99) -> Careers:
    window = Window(at(since), at(until))
    first = Asset.objects.select_related("source").get(kind=Kind.VM, name="web-1")
    found = careers_of(first, user, window=window, now=at(now))
    assert found is not None
    return found


def administered(user: User, since: float, until: float) -> dict[str, tuple[int, int, int | None]]:
    """Minutes surely and possibly, and how many other machines."""
    found = asked(user, since, until).page()
    return {one.name: (one.minutes, one.possible, one.machines) for one in found}


def shared(user: User, since: float, until: float, name: str = ANNA) -> dict[str, tuple[int, int]]:
    careers = asked(user, since, until)
    [one] = [one for one in careers.page() if one.name == name]
    found = careers.shared(one.uid)
    assert found is not None
    told, rows = found
    assert len(rows) == told.machines == one.machines
    return {row.vm.name: (row.minutes, row.possible) for row in rows}


WEB_AND_LAB = (machine(1), machine(2), machine(3, "lab"))


def test_whoever_administers_two_machines_shares_them_as_long_as_they_have_both(
    source: Source, analyst: User
) -> None:
    for hours in (0, 1, 2):
        collect(source, *WEB_AND_LAB, on("web"), hours=hours)

    assert administered(analyst, 0, 2) == {ANNA: (120, 120, 1)}
    assert shared(analyst, 0, 2) == {"web-2": (120, 120)}
    assert shared(analyst, 0.5, 1.5) == {"web-2": (60, 60)}


def test_a_role_that_changes_in_between_ends_it_somewhere_between_two_collections(
    source: Source, analyst: User
) -> None:
    less = a_role(ENTER, "System.Read")
    collect(source, *WEB_AND_LAB, on("web"), hours=0)
    collect(source, *WEB_AND_LAB, on("web"), hours=1)
    collect(source, *WEB_AND_LAB, on("web"), less, hours=3)
    collect(source, *WEB_AND_LAB, on("web"), less, hours=4)

    assert administered(analyst, 0, 4) == {ANNA: (60, 180, 1)}
    assert shared(analyst, 0, 4) == {"web-2": (60, 180)}
    assert administered(analyst, 3, 4) == {}
    assert administered(analyst, 0, 2) == {ANNA: (60, 120, 1)}  # it may have changed by then


def test_a_member_who_leaves_a_group_leaves_its_machines(source: Source, analyst: User) -> None:
    grant, both = on("web", OPS), a_principal(OPS, ANNA, r"HALDEN\bo")
    collect(source, *WEB_AND_LAB, grant, both, hours=0)
    collect(source, *WEB_AND_LAB, grant, both, hours=1)
    collect(source, *WEB_AND_LAB, grant, a_principal(OPS, r"HALDEN\bo"), hours=2)

    assert administered(analyst, 0, 2) == {r"HALDEN\bo": (120, 120, 1), ANNA: (60, 120, 1)}
    [_, anna] = asked(analyst, 0, 2).page()
    [spent] = anna.held.tenures
    assert spent.rights[0].way.through == (OPS,)
    assert (spent.since, spent.until) == (at(0), at(2))


def test_a_group_that_stops_telling_leaves_its_members_possible(
    source: Source, analyst: User
) -> None:
    grant = on("web", OPS)
    collect(source, *WEB_AND_LAB, grant, a_principal(OPS, ANNA), hours=0)
    collect(source, *WEB_AND_LAB, grant, a_principal(OPS, is_group=True), hours=1)
    collect(source, *WEB_AND_LAB, grant, a_principal(OPS, is_group=True), hours=2)

    assert administered(analyst, 0, 2) == {OPS: (60, 120, 1), ANNA: (0, 120, 1)}
    assert asked(analyst, 0, 2).groups_unknown == 1


def test_a_role_whose_privileges_are_unknown_makes_an_administrator_possible(
    source: Source, analyst: User
) -> None:
    for hours in (0, 1):
        collect(source, *WEB_AND_LAB, on("web", role_id=209), hours=hours)

    assert administered(analyst, 0, 1) == {ANNA: (0, 60, 1)}


def test_an_administrator_at_the_root_has_everything_of_the_source(
    source: Source, analyst: User
) -> None:
    for hours in (0, 1):
        collect(source, *WEB_AND_LAB, on("root"), hours=hours)

    [anna] = asked(analyst, 0, 1).page()

    assert (anna.is_everywhere, anna.machines) == (True, 2)
    assert shared(analyst, 0, 1) == {"web-2": (60, 60), "web-3": (60, 60)}


def test_what_a_nearer_grant_takes_away_is_not_shared(source: Source, analyst: User) -> None:
    for hours in (0, 1):
        collect(source, *WEB_AND_LAB, on("dc"), on("lab", role_id=LOOK), hours=hours)
        # A pool and a folder add up: what is taken away is taken away along each.

    [anna] = asked(analyst, 0, 1).page()
    assert not anna.is_everywhere
    assert shared(analyst, 0, 1) == {"web-2": (60, 60), "web-3": (60, 60)}  # through its pool

    pooled = tuple(machine(n, f, pool_ancestors=(f, "dc", "root")) for n, f in enumerate("abc", 1))
    source = SourceFactory(complete_at=None, published_at=None, evaluated_at=None)
    Asset.objects.filter(kind=Kind.VM).update(name="before")
    for hours in (0, 1):
        collect(source, *pooled, on("root"), on("b", role_id=LOOK), hours=hours)

    [anna] = asked(analyst, 0, 1).page()
    assert not anna.is_everywhere
    assert shared(analyst, 0, 1) == {"web-3": (60, 60)}


def test_a_machine_that_moves_into_a_folder_is_shared_from_then(
    source: Source, analyst: User
) -> None:
    moved = (*WEB_AND_LAB[:2], machine(3))
    collect(source, *WEB_AND_LAB, on("web"), hours=0)
    collect(source, *WEB_AND_LAB, on("web"), hours=1)
    collect(source, *moved, on("web"), hours=2)
    collect(source, *moved, on("web"), hours=3)

    assert shared(analyst, 0, 3) == {"web-2": (180, 180), "web-3": (60, 120)}


def test_a_machine_that_is_gone_is_shared_until_it_was_missed(
    source: Source, analyst: User
) -> None:
    others = tuple(machine(n, "lab") for n in range(4, 25))
    for hours in (0, 1):
        collect(source, *WEB_AND_LAB, *others, on("web"), hours=hours)
    for hours in (2, 3, 4):
        collect(source, machine(1), machine(3, "lab"), *others, on("web"), hours=hours)

    assert shared(analyst, 0, 4) == {"web-2": (60, 120)}


def test_files_on_one_datastore_have_the_same_administrator(source: Source, analyst: User) -> None:
    browse = a_role(ENTER, "Datastore.Browse")
    for hours in (0, 1):
        collect(source, *WEB_AND_LAB, on("stores"), browse, hours=hours)

    assert shared(analyst, 0, 1) == {"web-2": (60, 60), "web-3": (60, 60)}


def test_nothing_is_known_of_the_time_after_the_last_collection(
    source: Source, analyst: User
) -> None:
    for hours in (0, 1):
        collect(source, *WEB_AND_LAB, on("web"), hours=hours)

    assert administered(analyst, 0, 20) == {ANNA: (60, 60, 1)}
    assert administered(analyst, 2, 20) == {}


def test_machines_that_did_not_tell_what_is_above_them_are_found_by_paths(
    source: Source, analyst: User
) -> None:
    older = tuple(machine(n, ancestors=None, folder="/Oslo/vm/Web") for n in (1, 2))
    for hours in (0, 1):
        collect(source, *older, on("web", entity_path="/Oslo/vm/Web"), hours=hours)

    assert shared(analyst, 0, 1) == {"web-2": (60, 60)}


def test_the_proof_names_the_way_to_both(source: Source, analyst: User) -> None:
    for hours in (0, 1):
        collect(source, *WEB_AND_LAB, on("web"), on("lab"), hours=hours)
    careers = asked(analyst, 0, 1)
    [anna] = careers.page()

    found = careers.with_machine(anna.uid, Asset.objects.get(kind=Kind.VM, name="web-3"))

    assert found is not None
    other = found[1]
    assert other is not None
    assert anna.held.tenures[0].rights[0].way.grant.entity_ref == "web"
    assert other.held.tenures[0].rights[0].way.grant.entity_ref == "lab"
    assert other.minutes == 60


def test_grants_are_told_to_whoever_sees_the_whole_estate(source: Source) -> None:
    team = TeamFactory(name="Web")
    owner = UserFactory(roles=["remediator"], scope="teams", teams=[team])
    collect(source, *WEB_AND_LAB, on("web"), hours=0)
    Asset.objects.filter(kind=Kind.VM).update(team=team)
    first = Asset.objects.select_related("source").get(kind=Kind.VM, name="web-1")

    assert careers_of(first, owner, window=Window(at(0), at(1)), now=at(9)) is None
