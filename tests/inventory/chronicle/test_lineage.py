"""From what machines were made, how that is known, and who is told."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from inventory.chronicle import lineage
from inventory.chronicle.items import Items
from inventory.chronicle.lineage import HIDDEN_ITEM, UNTOLD, KnownBy
from inventory.connectors.base import Event
from inventory.models import Asset, Source
from inventory.records import Image, Kind, Platform
from tests.factories import AssetFactory, SourceFactory, TeamFactory, UserFactory
from tests.inventory.chronicle.lives import at, collect, event, vm

pytestmark = pytest.mark.django_db

OVF = "com.vmware.ovfs.DeployEvent"
VMTX = "com.vmware.vmtx.LibraryItemDeployEvent"


@pytest.fixture
def source(db: None) -> Source:
    source: Source = SourceFactory(complete_at=None, published_at=None, evaluated_at=None)
    return source


@pytest.fixture
def analyst(db: None) -> User:
    person: User = UserFactory(roles=["analyst"])
    return person


def item(n: int, name: str, *, library: str = "Gold", hours: float = -24) -> Image:
    return Image(
        platform=Platform.VSPHERE,
        uid=f"item-{n}",
        ref=f"item-{n}",
        name=name,
        type="ovf",
        created_at=at(hours),
        library_ref="lib-1",
        library_name=library,
    )


def template(n: int, *, behind: str = "") -> Image:
    return Image(
        platform=Platform.VSPHERE,
        uid=f"t{n}",
        ref=f"vm-9{n}",
        name=f"gold-{n}",
        library_item=behind,
    )


def deployed(*said: str, n: int = 1, key: int = 1, hours: float = 0.5, type_: str = OVF) -> Event:
    """A machine was deployed; what the arguments are called says nothing."""
    detail = {f"arguments.a{place}": value for place, value in enumerate(said)}
    return event(key, type_, hours, ref=f"vm-{n}", detail=detail)


def made_of(name: str, user: User) -> list[tuple[KnownBy, str]]:
    machine = Asset.objects.get(kind=Kind.VM, name=name)
    found = lineage.Trace(machine, user).lineage()
    return [(one.known_by, one.name) for one in found.origins]


def made_from(name: str, user: User) -> dict[str, KnownBy]:
    origin = Asset.objects.get(name=name)
    found = lineage.descent_of(origin, user, Items(origin.source_id, user))
    return {one.name: one.known_by for one in found.made}


def related(name: str, user: User) -> list[tuple[str, bool]]:
    machine = Asset.objects.get(kind=Kind.VM, name=name)
    trace = lineage.Trace(machine, user)
    found = lineage.relatives(machine, trace.lineage(), user, trace.items)
    return [(one.name, one.is_origin) for one in found]


def test_what_was_made_from_one_template_is_related(source: Source, analyst: User) -> None:
    collect(source, vm(1), vm(2), vm(3), vm(4), hours=0, events=())
    cloned = {"sourceVm.ref": "vm-4", "sourceVm.name": "web-4"}
    made = tuple(event(n, "VmClonedEvent", 0.5, ref=f"vm-{n}", detail=cloned) for n in (1, 2))
    collect(source, vm(1), vm(2), vm(3), vm(4), hours=1, events=made)

    assert related("web-1", analyst) == [("web-4", True), ("web-2", False)]
    assert made_from("web-4", analyst) == {"web-1": KnownBy.EVENT, "web-2": KnownBy.EVENT}
    assert related("web-3", analyst) == []
    assert made_of("web-3", analyst) == []


def test_what_it_was_made_from_is_named_to_who_may_see_it(source: Source) -> None:
    cloned = {"sourceVm.ref": "vm-2", "sourceVm.name": "secret-2"}
    told = event(1, "VmClonedEvent", 0.5, detail=cloned)
    collect(source, vm(1), vm(2), hours=1, events=(told,))
    owner = owner_of("web-1")

    assert made_of("web-1", owner) == [(KnownBy.EVENT, lineage.HIDDEN)]
    assert related("web-1", owner) == []


@pytest.mark.parametrize(
    "said", ["item-1", "urn:vapi:com.vmware.content.library.Item:item-1:7c9e-41aa"]
)
def test_an_item_is_meant_by_its_id(source: Source, analyst: User, said: str) -> None:
    shelf: Any = (item(1, "rhel9"), item(2, "rhel8"))
    told = (deployed("Gold", said), deployed(said, n=2, key=2, type_=VMTX))
    collect(source, vm(1), vm(2), vm(3), *shelf, hours=1, events=told)

    assert made_of("web-1", analyst) == [(KnownBy.ID, "rhel9")]
    assert made_from("rhel9", analyst) == {"web-1": KnownBy.ID, "web-2": KnownBy.ID}
    assert made_from("rhel8", analyst) == {}
    assert related("web-1", analyst) == [("rhel9", True), ("web-2", False)]


def test_an_item_is_meant_by_a_name_that_no_other_had_then(source: Source, analyst: User) -> None:
    told = (deployed("rhel9"), deployed("rhel9", n=2, key=2, hours=3))
    shelf: Any = (item(1, "rhel9"),)
    collect(source, vm(1), vm(2), *shelf, hours=1, events=told[:1])
    collect(source, vm(1), vm(2), *shelf, item(2, "rhel9", hours=2), hours=4, events=told)  # type: ignore[arg-type]

    assert made_of("web-1", analyst) == [(KnownBy.NAME, "rhel9")]
    assert made_of("web-2", analyst) == [(KnownBy.UNTOLD, UNTOLD)]


def test_an_item_is_meant_by_what_it_was_called_then(source: Source, analyst: User) -> None:
    told = deployed("rhel9", hours=0.5)
    collect(source, vm(1), item(1, "rhel9"), hours=0, events=())  # type: ignore[arg-type]
    renamed: Any = (item(1, "rhel9-old"), item(2, "rhel9", hours=1.5))
    collect(source, vm(1), *renamed, hours=2, events=(told,))

    assert made_of("web-1", analyst) == [(KnownBy.NAME, "rhel9-old")]
    assert made_from("rhel9-old", analyst) == {"web-1": KnownBy.NAME}


@pytest.mark.parametrize(
    "said",
    [
        (),
        ("win2022",),  # nobody recorded it
        ("rhel9", "rhel8"),  # two of them
        ("item-1", "item-2"),
        ("urn:vapi:com.vmware.content.library.Item:item-9:7c9e", "rhel9"),  # another of that name
        ("web-1",),  # the machine itself
        ("Gold",),  # the library
    ],
)
def test_which_item_it_was_is_never_guessed(
    source: Source, analyst: User, said: tuple[str, ...]
) -> None:
    shelf: Any = (item(1, "rhel9"), item(2, "rhel8"), item(3, "web-1"), item(4, "Gold"))
    collect(source, vm(1), *shelf, hours=1, events=(deployed(*said),))

    assert made_of("web-1", analyst) == [(KnownBy.UNTOLD, UNTOLD)]
    assert all(made_from(one.name, analyst) == {} for one in shelf if one.name != "web-1")


def test_the_item_behind_a_template_is_an_origin_of_what_is_made_from_it(
    source: Source, analyst: User
) -> None:
    detail = {"srcTemplate.ref": "vm-91", "srcTemplate.name": "gold-1"}
    told = event(1, "VmDeployedEvent", 0.5, detail=detail)
    shelf: Any = (template(1, behind="item-1"), template(2), item(1, "rhel9"))
    collect(source, vm(1), *shelf, hours=1, events=(told,))

    assert made_of("web-1", analyst) == [(KnownBy.EVENT, "gold-1"), (KnownBy.TEMPLATE, "rhel9")]
    assert made_from("rhel9", analyst) == {"web-1": KnownBy.TEMPLATE}
    assert made_from("gold-1", analyst) == {"web-1": KnownBy.EVENT}


def test_one_deployment_is_told_by_two_events(source: Source, analyst: User) -> None:
    detail = {"srcTemplate.ref": "vm-91", "srcTemplate.name": "gold-1"}
    cloned = event(1, "VmDeployedEvent", 0.5, detail=detail)
    told = (cloned, deployed("item-1", key=2, hours=0.6, type_=VMTX))
    shelf: Any = (template(1, behind="item-1"), item(1, "rhel9"))
    collect(source, vm(1), *shelf, hours=1, events=told)

    assert made_of("web-1", analyst) == [(KnownBy.EVENT, "gold-1"), (KnownBy.ID, "rhel9")]
    assert made_from("rhel9", analyst) == {"web-1": KnownBy.ID}


def test_a_machine_that_was_made_again_comes_from_where_it_came_last(
    source: Source, analyst: User
) -> None:
    again = event(2, "VmClonedEvent", 5, detail={"sourceVm.ref": "vm-2", "sourceVm.name": "web-2"})
    shelf: Any = (item(1, "rhel9"),)
    collect(source, vm(1), vm(2), *shelf, hours=6, events=(deployed("item-1"), again))

    assert made_of("web-1", analyst) == [(KnownBy.EVENT, "web-2")]


def test_a_machine_that_belongs_to_an_item_says_so_itself(source: Source, analyst: User) -> None:
    shelf: Any = (item(1, "rhel9"),)
    out = vm(1, library_item="item-1", library_item_version="3")
    collect(source, out, vm(2, library_item=""), *shelf, hours=1, events=())

    assert made_of("web-1", analyst) == [(KnownBy.PLATFORM, "rhel9")]
    assert made_of("web-2", analyst) == []
    assert made_from("rhel9", analyst) == {"web-1": KnownBy.PLATFORM}


def test_an_item_that_was_made_from_a_machine_says_which(source: Source, analyst: User) -> None:
    shelf: Any = (item(1, "rhel9", hours=0.5), item(2, "rhel8"))
    into = "com.vmware.ovfs.ExportEvent"
    told = (
        deployed("rhel9", n=1, hours=0.52, type_=into),
        deployed("item-2", n=2, key=2, type_="com.vmware.vmtx.LibraryItemCheckInEvent"),
        deployed("item-2", n=3, key=3, type_="com.vmware.cl.UpdateLibraryItemEvent"),
    )
    collect(source, vm(1), vm(2), vm(3), *shelf, hours=1, events=told)

    def put(name: str, user: User) -> list[tuple[KnownBy, str]]:
        asset = Asset.objects.get(name=name)
        found = lineage.descent_of(asset, user, Items(source.pk, user))
        return [(one.known_by, one.name) for one in found.put_in]

    assert put("rhel9", analyst) == [(KnownBy.NAME, "web-1")]
    assert put("rhel8", analyst) == [(KnownBy.ID, "web-2")]
    assert made_of("web-1", analyst) == []
    assert made_from("rhel9", analyst) == {}
    assert put("rhel8", owner_of("web-3", "rhel8")) == []


def owner_of(*names: str) -> User:
    """Somebody whose team has these."""
    team = TeamFactory()
    Asset.objects.filter(name__in=names).update(team=team)
    owner: User = UserFactory(roles=["remediator"], scope="teams", teams=[team])
    return owner


def test_an_item_of_others_reads_like_one_that_nobody_knows(source: Source) -> None:
    shelf: Any = (item(1, "rhel9"), item(2, "mine"))
    told = (
        deployed("item-1"),
        deployed("nothing", n=2, key=2),
        deployed("item-2", n=3, key=3),
        deployed("mine", n=4, key=4),
    )
    collect(source, vm(1), vm(2), vm(3), vm(4), *shelf, hours=1, events=told)
    owner = owner_of("web-1", "web-2", "web-3", "web-4", "mine")

    hidden = [(KnownBy.UNTOLD, HIDDEN_ITEM)]
    assert made_of("web-1", owner) == hidden
    assert made_of("web-2", owner) == hidden
    assert made_of("web-3", owner) == [(KnownBy.ID, "mine")]
    # Whether another item has that name is nothing that they may be told.
    assert made_of("web-4", owner) == hidden
    assert related("web-1", owner) == []


def test_two_machines_of_an_item_of_others_are_not_told_to_be_related(source: Source) -> None:
    shelf: Any = (item(1, "rhel9"),)
    told = (deployed("item-1"), deployed("item-1", n=2, key=2))
    collect(source, vm(1), vm(2), *shelf, hours=1, events=told)
    owner = owner_of("web-1", "web-2")

    assert related("web-1", owner) == []


def test_what_others_made_from_an_item_is_not_told(source: Source) -> None:
    shelf: Any = (item(1, "rhel9"), template(1, behind="item-1"))
    detail = {"srcTemplate.ref": "vm-91", "srcTemplate.name": "gold-1"}
    told = (
        deployed("item-1"),
        deployed("item-1", n=2, key=2),
        event(3, "VmDeployedEvent", 0.5, ref="vm-4", detail=detail),
    )
    machines = (vm(1), vm(2), vm(3, library_item="item-1"), vm(4))
    collect(source, *machines, *shelf, hours=1, events=told)

    # Of the template of others it is not told that it is behind the item.
    owner = owner_of("web-1", "web-4", "rhel9")
    assert made_from("rhel9", owner) == {"web-1": KnownBy.ID}
    assert made_of("web-4", owner) == [(KnownBy.EVENT, lineage.HIDDEN)]


def test_few_of_very_many_machines_are_found_by_an_index(source: Source, analyst: User) -> None:
    AssetFactory.create_batch(300, source=source)
    with connection.cursor() as cursor:
        cursor.execute("SELECT inventory_analyze('inventory_asset')")
    kept = lineage._kept(source.pk, frozenset({"item-1", "item-2"}), analyst)

    assert "asset_by_library_item" in kept.explain()
