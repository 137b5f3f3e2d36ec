"""A whole collection from a simulated vCenter, and what it notices when the answer is not whole."""

import os
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim as typed_vim

from inventory.connectors.base import (
    BlindSpot,
    CollectionFailed,
    Count,
    Doubt,
    Item,
    Unreadable,
)
from inventory.connectors.vsphere.connector import VsphereConnector
from inventory.connectors.vsphere.methods import REST_SESSION
from inventory.records import (
    Cluster,
    Datastore,
    Grant,
    Host,
    Image,
    Kind,
    Network,
    PlatformSettings,
    Principal,
    Switch,
    VirtualMachine,
    kind_of,
)
from inventory.staging import Take
from tests.inventory.connectors.vsphere.conftest import Build
from tests.peers.certificates import self_signed
from tests.peers.fault_proxy import Fault, FaultProxy
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = pytest.mark.integration
vim: Any = typed_vim

NOTES = (BlindSpot, Count, Doubt, Unreadable)


def records(items: list[Item]) -> list[Any]:
    return [item for item in items if not isinstance(item, NOTES)]


def of(kind: type[Any], items: list[Item]) -> list[Any]:
    return [item for item in items if isinstance(item, kind)]


def holders(content: Any) -> set[tuple[str, bool]]:
    """Who holds a grant; in this estate nobody else is in a group that does."""
    found = content.authorizationManager.RetrieveAllPermissions()
    return {(one.principal, one.group) for one in found}


@pytest.fixture(scope="module")
def large() -> Iterator[Vcsim]:
    """200 machines and a template, on standalone and clustered hosts, in folders."""
    with start_vcsim(
        dc=1, cluster=3, host=4, standalone_host=1, vm=50, pg=3, ds=2, seed="large"
    ) as running:
        yield running


def test_there_is_as_much_of_each_kind_as_pyvmomi_counts(large: Vcsim, connector_to: Build) -> None:
    large.apply(
        set=[
            {
                "type": "VirtualMachine",
                "match": {"name": "DC0_H0_VM0"},
                "values": {"config.template": True},
            }
        ]
    )
    session: Any = SmartConnect(  # type: ignore[no-untyped-call]
        host=large.host,
        port=large.port,
        user=large.username,
        pwd=large.password,
        sslContext=ssl.create_default_context(cafile=str(large.cert_pem)),
    )
    content = session.RetrieveContent()

    def there_are(*types: Any) -> int:
        view = content.viewManager.CreateContainerView(
            content.rootFolder, list(types), recursive=True
        )
        return len(view.view)

    machines = there_are(vim.VirtualMachine)
    expected = {
        Kind.VM: machines - 1,
        Kind.IMAGE: 1,
        Kind.HOST: there_are(vim.HostSystem),
        Kind.CLUSTER: there_are(vim.ClusterComputeResource),
        Kind.NETWORK: there_are(vim.Network),
        Kind.SWITCH: there_are(vim.DistributedVirtualSwitch),
        Kind.DATASTORE: there_are(vim.Datastore),
        Kind.ROLE: len(content.authorizationManager.roleList),
        Kind.GRANT: len(content.authorizationManager.RetrieveAllPermissions()),
        Kind.PRINCIPAL: len(holders(content)),
        Kind.PLATFORM: 1,
    }
    Disconnect(session)  # type: ignore[no-untyped-call]

    items = list(connector_to(large).collect())

    assert machines == 200
    assert Counter(kind_of(record) for record in records(items)) == expected
    assert {count.kind: count.expected for count in of(Count, items)} == expected
    assert of(Doubt, items) == []
    assert of(Unreadable, items) == []
    assert large.sessions() == 0


def test_the_size_of_pages_changes_nothing(vcenter: Vcsim, connector_to: Build) -> None:
    whole = list(connector_to().collect())

    assert list(connector_to(page_size=1).collect()) == whole
    assert list(connector_to(page_size=5).collect()) == whole


def test_the_clock_of_the_platform_is_compared(vcenter: Vcsim, connector_to: Build) -> None:
    def ahead() -> int | None:
        [platform] = of(PlatformSettings, list(connector_to().collect()))
        found: int | None = platform.clock_ahead_minutes
        return found

    assert ahead() == 0
    vcenter.apply(ops=[{"op": "clock", "offset_seconds": -330}])
    try:
        assert ahead() == -5
    finally:
        vcenter.apply(ops=[{"op": "clock", "offset_seconds": 0}])


def test_references_lead_to_what_was_collected(large: Vcsim, connector_to: Build) -> None:
    items = list(connector_to(large).collect())
    known = {record.ref for record in records(items)}

    for machine in of(VirtualMachine, items):
        assert machine.host_ref in known
        assert set(machine.network_refs) <= known
        assert set(machine.datastore_refs) <= known
        assert {nic.network_ref for nic in machine.nics} <= known
        assert machine.folder.startswith("/DC0/vm")
    for host in of(Host, items):
        assert host.cluster_ref == "" or host.cluster_ref in known
    for grant in of(Grant, items):
        assert grant.entity_path == "/"
    for kind in (VirtualMachine, Host, Cluster, Network, Switch, Datastore):
        for one in of(kind, items):
            assert one.ancestors[-1] == of(Grant, items)[0].entity_ref  # the root
    assert {one.type for one in of(Network, items)} == {"standard", "distributed"}
    for machine in of(VirtualMachine, items):
        assert machine.pool_ancestors[0] == machine.resource_pool_ref
        assert machine.ancestors[-2:] == machine.pool_ancestors[-2:]  # one data center


def test_who_answers_and_what_the_account_may_do(vcenter: Vcsim, connector_to: Build) -> None:
    strong = connector_to().probe()
    weak = connector_to(
        username=vcenter.readonly_username, password=vcenter.readonly_password
    ).probe()

    assert strong.instance_uuid == vcenter.instance_uuid
    assert strong.product.startswith("VMware vCenter Server")
    assert any("can change things" in warning for warning in strong.warnings)
    assert weak.warnings == ()


def test_a_collection_tells_the_same_warnings_as_the_test_of_the_connection(
    connector_to: Build,
) -> None:
    connector = connector_to()
    for _ in connector.collect():
        pass

    assert connector.warnings == connector.probe().warnings


# --- sessions -----------------------------------------------------------------------------------


def test_a_session_is_ended_and_its_cookie_told(vcenter: Vcsim, connector_to: Build) -> None:
    told: list[str] = []
    for _ in connector_to(session_sink=told.append).collect():
        assert vcenter.sessions() == 1

    assert vcenter.sessions() == 0
    assert len(told) == 2
    assert told[0].startswith("vmware_soap_session=")
    assert told[1] == ""


@pytest.mark.parametrize("read", [0, 1, 12, 30])
def test_a_session_is_ended_when_the_reader_stops_early(
    vcenter: Vcsim, connector_to: Build, read: int
) -> None:
    items = connector_to(page_size=1).collect()
    for _ in range(read):
        next(items)
    items.close()  # type: ignore[attr-defined]

    assert vcenter.sessions() == 0


def test_a_session_is_ended_when_the_reader_fails(vcenter: Vcsim, connector_to: Build) -> None:
    def fail() -> None:
        for number, _ in enumerate(connector_to(page_size=1).collect()):
            if number == 20:
                raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert vcenter.sessions() == 0


def test_the_session_a_killed_run_left_is_ended_by_its_cookie(
    vcenter: Vcsim, proxy: FaultProxy, connector_to: Build
) -> None:
    told: list[str] = []
    proxy.inject(Fault.RESET, method="Logout", forward=False)
    for _ in connector_to(proxy, session_sink=told.append).collect():
        pass
    assert vcenter.sessions() == 1
    assert told[-1] != ""  # nobody was told that it ended

    assert connector_to().end_session(told[-1]) is True
    assert vcenter.sessions() == 0
    assert connector_to().end_session(told[-1]) is False


def test_ending_a_session_takes_no_password(
    vcenter: Vcsim, proxy: FaultProxy, connector_to: Build
) -> None:
    connector_to(proxy, password="").end_session("vmware_soap_session=nobody")

    assert "Login" not in proxy.methods


# --- answers that are not whole -----------------------------------------------------------------


def doubts(connector: VsphereConnector) -> list[Doubt]:
    return of(Doubt, list(connector.collect()))


def test_a_token_that_is_dropped_leaves_a_doubt(proxy: FaultProxy, connector_to: Build) -> None:
    dropped = proxy.inject(Fault.DROP_TOKEN)

    found = doubts(connector_to(proxy, page_size=2))

    assert dropped.applied
    assert [doubt.code for doubt in found] == ["count-mismatch"]


def test_a_page_that_comes_twice_yields_nothing_twice(
    proxy: FaultProxy, connector_to: Build
) -> None:
    repeated = proxy.inject(Fault.DUPLICATE_PAGE, method="ContinueRetrievePropertiesEx")

    items = list(connector_to(proxy, page_size=2).collect())

    assert repeated.applied
    assert {doubt.code for doubt in of(Doubt, items)} == {"duplicate", "count-mismatch"}
    keys = [(kind_of(record), record.uid) for record in records(items)]
    assert len(keys) == len(set(keys))


def test_what_is_withheld_without_a_reason_is_a_doubt(
    proxy: FaultProxy, connector_to: Build
) -> None:
    proxy.inject(Fault.NO_PERMISSION, prop="config.firmware", times=99)

    items = list(connector_to(proxy).collect())

    [doubt] = of(Doubt, items)
    assert (doubt.kind, doubt.code) == (Kind.VM, "withheld")
    assert "config.firmware of 12 objects" in doubt.message
    assert {machine.firmware for machine in of(VirtualMachine, items)} == {None}


def test_what_the_account_may_not_read_is_a_blind_spot(vcenter: Vcsim, connector_to: Build) -> None:
    host = {"type": "HostSystem", "match": {"name": "DC0_H0"}}
    withheld = {"op": "withhold", "paths": ["config.option"], "explained": True, **host}
    vcenter.apply(ops=[withheld])
    try:
        items = list(connector_to().collect())
    finally:
        vcenter.apply(ops=[{"op": "disclose", **host}])

    assert of(Doubt, items) == []
    [blind] = of(BlindSpot, items)
    assert (blind.kind, blind.property, blind.count) == (Kind.HOST, "config.option", 1)
    assert blind.example == "DC0_H0"
    assert "System.Read" in blind.explanation
    assert [host.options is None for host in of(Host, items)].count(True) == 1


def test_a_privilege_other_than_reading_explains_a_blind_spot_too(
    vcenter: Vcsim, connector_to: Build
) -> None:
    withheld = {
        "op": "withhold",
        "type": "HostSystem",
        "paths": ["config.certificate"],
        "privilege": "Certificate.Manage",
        "explained": True,
    }
    vcenter.apply(ops=[withheld])
    try:
        items = list(connector_to().collect())
    finally:
        vcenter.apply(ops=[{"op": "disclose", "type": "HostSystem"}])

    assert of(Doubt, items) == []
    assert [blind.explanation for blind in of(BlindSpot, items)] == [
        "The account lacks the privilege Certificate.Manage."
    ]


def test_a_read_only_account_reads_everything_but_members_and_sessions(
    vcenter: Vcsim, connector_to: Build
) -> None:
    account = {"username": vcenter.readonly_username, "password": vcenter.readonly_password}

    items = list(connector_to(**account).collect())

    assert [(spot.kind, spot.property) for spot in of(BlindSpot, items)] == [
        (Kind.PLATFORM, "SessionManager.sessionList"),
        (Kind.PRINCIPAL, "members"),
    ]
    assert [item for item in items if isinstance(item, Doubt | Unreadable)] == []
    assert but_principals(items) == but_principals(list(connector_to().collect()))


def but_principals(items: list[Item]) -> list[Any]:
    """Nor sessions, which differ with who asks."""
    return [
        structs.replace(record, sessions=None) if isinstance(record, PlatformSettings) else record
        for record in records(items)
        if not isinstance(record, Principal)
    ]


def test_an_account_that_may_read_only_a_part_never_says_it_is_the_whole(
    vcenter: Vcsim, connector_to: Build
) -> None:
    vcenter.apply(
        ops=[
            {"op": "account", "username": "partial", "password": "p"},
            {"op": "grant", "entity": "DC0_C0", "principal": "partial", "role": "ReadOnly"},
        ]
    )
    connector = connector_to(username="partial", password="p")

    items = list(connector.collect())

    assert [host.name for host in of(Host, items)] == ["DC0_C0_H0", "DC0_C0_H1"]
    assert "root-access" in {doubt.code for doubt in of(Doubt, items)}
    assert "partial" in connector.probe().warnings[0]
    assert vcenter.sessions() == 0


def test_an_account_that_sees_nothing_is_told_so(vcenter: Vcsim, connector_to: Build) -> None:
    vcenter.apply(ops=[{"op": "account", "username": "nobody", "password": "p"}])

    with pytest.raises(CollectionFailed) as caught:
        connector_to(username="nobody", password="p").probe()

    assert caught.value.code == "no-rights"
    assert of(Doubt, list(connector_to(username="nobody", password="p").collect()))


def test_a_session_that_expires_ends_the_reading(vcenter: Vcsim, connector_to: Build) -> None:
    items = connector_to(page_size=1).collect()
    for _ in range(12):
        next(items)
    vcenter.apply(ops=[{"op": "expire_sessions"}])

    found = of(Doubt, list(items))

    assert "session" in {doubt.code for doubt in found}
    assert Kind.VM in {doubt.kind for doubt in found}


def test_a_machine_without_its_configuration_is_set_aside(
    proxy: FaultProxy, connector_to: Build
) -> None:
    proxy.inject(Fault.NO_PERMISSION, prop="config.instanceUuid", times=1)

    items = list(connector_to(proxy, page_size=12).collect())

    assert len(of(Unreadable, items)) == 12
    assert of(VirtualMachine, items) == []
    assert {count.kind: count.expected for count in of(Count, items)}[Kind.VM] == 12


def test_a_machine_deleted_before_its_lot_is_asked_for_is_left_out(connector_to: Build) -> None:
    with start_vcsim(cluster=1, host=1, standalone_host=0, vm=12, seed="lots") as vcenter:
        *_, last = of(VirtualMachine, list(connector_to(vcenter, page_size=1).collect()))
        items = connector_to(vcenter, page_size=1).collect()
        first = next(item for item in items if isinstance(item, VirtualMachine))
        vcenter.apply(ops=[{"op": "destroy", "target": last.name}])
        rest = list(items)

    assert of(Doubt, rest) == []
    told = {machine.uid for machine in (first, *of(VirtualMachine, rest))}
    assert last.uid not in told
    assert {count.kind: count.expected for count in of(Count, rest)}[Kind.VM] == len(told) == 11


def test_a_session_that_is_lost_ends_the_reading(proxy: FaultProxy, connector_to: Build) -> None:
    proxy.inject(Fault.NOT_AUTHENTICATED, at=29)

    items = list(connector_to(proxy, page_size=2).collect())

    found = of(Doubt, items)
    assert found[0].code == "session"
    assert {doubt.kind for doubt in found if doubt.code == "not-read"} >= {Kind.VM, Kind.GRANT}
    assert len(proxy.calls) < 39


# Every call meets at least three kinds of fault; EXHAUSTIVE=1 lets each meet all of them.
STRIDE = 1 if os.environ.get("EXHAUSTIVE") else 3
ENDS = {"Logout", f"DELETE {REST_SESSION}"}
FAULTS: list[Fault] = [fault for fault in Fault if fault is not Fault.STALL]


@pytest.fixture(scope="module")
def tiny() -> Iterator[Vcsim]:
    with start_vcsim(cluster=1, host=1, standalone_host=0, vm=3, seed="tiny") as running:
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_at_any_call_goes_unnoticed(
    fault: Fault, tiny: Vcsim, connector_to: Build, tmp_path: Path
) -> None:
    """Wherever an answer is spoilt, the run fails or says that it is not whole."""
    with FaultProxy(tiny, self_signed(tmp_path)) as proxy:
        connector = connector_to(proxy, page_size=2, username=tiny.username, password=tiny.password)
        assert doubts(connector) == []
        calls = [call.method for call in proxy.calls]
        occasions = 0
        start = 0 if STRIDE == 1 else FAULTS.index(fault) % STRIDE
        for at in range(start, len(calls), STRIDE):
            method = calls[at]
            proxy.clear()
            injected = proxy.inject(fault, at=at)
            noticed = noticed_by(connector)
            if injected.applied and method not in ENDS:  # by then everything has been read
                occasions += 1
                assert noticed, f"{fault} at call {at}, {method}"

    assert occasions > 0
    assert tiny.sessions() <= len(calls)


def noticed_by(connector: VsphereConnector) -> bool:
    try:
        return bool(doubts(connector))
    except CollectionFailed:
        return True


def test_silence_ends_the_reading_in_time(proxy: FaultProxy, connector_to: Build) -> None:
    proxy.inject(Fault.STALL, at=20, seconds=20)

    found = doubts(connector_to(proxy, page_size=2, read_timeout=0.5))

    assert found[0].code == "transport"
    assert "stopped answering" in found[0].message


def test_an_object_that_vanishes_while_reading_is_simply_gone(
    proxy: FaultProxy, vcenter: Vcsim, connector_to: Build
) -> None:
    vcenter.apply(ops=[{"op": "create_vm", "name": "passing"}])
    connector = connector_to(proxy)
    for _ in connector.collect():
        pass
    methods = [call.method for call in proxy.calls]
    listed = len(methods) - methods[::-1].index("CreateContainerView")  # the list of the machines
    proxy.clear()
    proxy.inject(Fault.STALL, at=listed + 1, seconds=1.5)

    def destroy() -> None:
        while len(proxy.calls) < listed + 2:
            time.sleep(0.01)
        vcenter.apply(ops=[{"op": "destroy", "target": "passing"}])

    destroyer = threading.Thread(target=destroy)
    destroyer.start()
    items = list(connector.collect())
    destroyer.join()

    assert len(of(VirtualMachine, items)) == 12
    assert of(Doubt, items) == []


HOSTILE = ("=HYPERLINK(1)", "a\u202eb", "<script>alert(1)</script>", "n" * 65536, "]]>&amp;")


def test_hostile_text_in_a_name_spoils_nothing(vcenter: Vcsim, connector_to: Build) -> None:
    before = {vm.ref: vm.name for vm in of(VirtualMachine, list(connector_to().collect()))}
    hostile = dict(zip(sorted(before), HOSTILE, strict=False))
    rename(vcenter, hostile)
    try:
        items = list(connector_to().collect())
    finally:
        rename(vcenter, {ref: before[ref] for ref in hostile})

    assert {vm.ref: vm.name for vm in of(VirtualMachine, items)} == before | hostile
    assert of(Unreadable, items) == []
    assert of(Doubt, items) == []


def rename(vcenter: Vcsim, names: dict[str, str]) -> None:
    vcenter.apply(
        set=[
            {"type": "VirtualMachine", "match": {"ref": ref}, "values": {"name": name}}
            for ref, name in names.items()
        ]
    )


def test_templates_are_images(vcenter: Vcsim, connector_to: Build) -> None:
    setting = {"type": "VirtualMachine", "match": {"name": "DC0_H0_VM1"}}
    vcenter.apply(set=[{**setting, "values": {"config.template": True}}])
    try:
        items = list(connector_to().collect())
    finally:
        vcenter.apply(set=[{**setting, "values": {"config.template": False}}])

    assert [image.name for image in of(Image, items)] == ["DC0_H0_VM1"]
    counts = {count.kind: count.expected for count in of(Count, items)}
    assert (counts[Kind.VM], counts[Kind.IMAGE]) == (11, 1)


def test_two_objects_with_one_identity_are_told(vcenter: Vcsim, connector_to: Build) -> None:
    machines = of(VirtualMachine, list(connector_to().collect()))
    first, second = machines[0], machines[1]
    clone = {"type": "VirtualMachine", "match": {"name": second.name}}
    vcenter.apply(set=[{**clone, "values": {"config.instanceUuid": first.uid}}])
    try:
        items = list(connector_to().collect())
    finally:
        vcenter.apply(set=[{**clone, "values": {"config.instanceUuid": second.uid}}])

    both = [one.ref for one in of(VirtualMachine, items) if one.uid == first.uid]
    assert both == [first.ref, second.ref]
    assert not of(Unreadable, items)
    for known, stranger in ((first, second), (second, first)):
        take = Take(expected_instance="", known={(Kind.VM, first.uid): known.ref})
        for item in list[Any](items):
            if isinstance(item, NOTES):
                take.note(item)
            else:
                take.row(item)
        [aside] = take.unreadable
        assert (aside.ref, aside.kind) == (stranger.ref, Kind.VM)
        assert first.uid in aside.reason
