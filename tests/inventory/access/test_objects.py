from collections.abc import Callable
from typing import Any

from inventory.access.duties import Duty
from inventory.access.effective import Access
from inventory.access.objects import Answer, who_may
from inventory.records import AnyRecord, Grant
from tests.policies.builders import (
    a_cluster,
    a_datastore,
    a_grant,
    a_host,
    a_network,
    a_principal,
    a_role,
    a_switch,
    a_vm,
    an_image,
)

ENTER = a_role(102, "VirtualMachine.Interact.ConsoleInteract")
BROWSE = a_role(103, "Datastore.Browse")
COPY = a_role(104, "VirtualMachine.Provisioning.GetVmFiles")
VM = a_vm(
    ancestors=("group-v7", "dc", "root"),
    pool_ancestors=("pool", "cluster", "hosts", "dc", "root"),
    host_ref="host-1",
)
FILES = a_datastore(ancestors=("stores", "dc", "root"))


def on(ref: str, role_id: int, principal: str = r"HALDEN\anna", **facts: Any) -> Grant:
    return a_grant(
        principal,
        role_id,
        uid=f"{principal} {ref}",
        **{"is_group": False, "entity_ref": ref, "at_root": ref == "root", **facts},
    )


def answer(*records: AnyRecord, vm: AnyRecord = VM, **how: Any) -> Answer:
    return who_may(vm, Access([ENTER, BROWSE, COPY, *records]), **{"datastores": [FILES], **how})


def held(*records: AnyRecord, **how: Any) -> dict[str, set[Duty]]:
    return {one.name: set(one.duties) for one in answer(*records, **how).holders}


def test_a_machine_is_entered_by_grants_on_its_folders_pools_and_host() -> None:
    for ref in ("vm-app-01", "group-v7", "dc", "root", "pool", "cluster", "hosts", "host-1"):
        assert held(on(ref, 102)) == {r"HALDEN\anna": {Duty.VM_ACCESS}}, ref
    assert held(on("group-v8", 102)) == {}


def test_rights_over_files_count_on_the_machine_or_where_its_files_are() -> None:
    assert held(on("group-v7", 104)) == {r"HALDEN\anna": {Duty.FILE_ADMIN}}
    assert held(on("stores", 103)) == {r"HALDEN\anna": {Duty.FILE_ADMIN}}
    assert held(on("dc", 103)) == {r"HALDEN\anna": {Duty.FILE_ADMIN}}
    assert held(on("group-v7", 103)) == {}  # no datastore is in a folder of machines


def test_members_stand_for_their_group_and_a_group_that_did_not_tell_for_itself() -> None:
    group = on("root", 102, r"HALDEN\Ops", is_group=True)
    told = a_principal(r"HALDEN\Ops", r"HALDEN\anna", r"HALDEN\bo")

    assert set(held(group, told)) == {r"HALDEN\anna", r"HALDEN\bo"}
    assert answer(group, told).whole
    assert set(held(group)) == {r"HALDEN\Ops"}
    assert answer(group).groups_unknown == (r"HALDEN\Ops",)
    assert not answer(group).whole


def test_a_role_that_did_not_tell_its_privileges_makes_its_holders_unsure() -> None:
    [holder] = answer(on("root", 109)).holders

    assert holder.unsure
    assert holder.duties == set()
    assert not answer(on("root", 109)).whole


def test_without_knowing_what_is_above_a_machine_paths_are_followed_and_it_is_said() -> None:
    older = a_vm(folder="/Oslo/vm/Web", resource_pool_ref="pool", ancestors=None)
    grant = on("group-v7", 102, entity_path="/Oslo/vm/Web")
    another = on("group-v8", 102, entity_path="/Oslo/vm/We")

    assert held(grant, another, vm=older) == {r"HALDEN\anna": {Duty.VM_ACCESS}}
    assert held(another, vm=older) == {}
    assert set(held(on("cluster", 102), vm=older, cluster="cluster")) == {r"HALDEN\anna"}
    assert set(held(on("root", 102), vm=older)) == {r"HALDEN\anna"}
    assert not answer(grant, vm=older).whole


def test_an_answer_is_not_whole_where_the_datastores_are_not_known() -> None:
    assert answer(on("dc", 102)).whole
    assert not answer(on("dc", 102), datastores=None).whole


def test_a_host_is_administered_by_who_holds_that_duty_on_it_or_above() -> None:
    role = a_role(105, "Host.Config.Network")
    host = a_host(ancestors=("cluster", "hosts", "dc", "root"))

    assert held(on("hosts", 105), role, vm=host) == {r"HALDEN\anna": {Duty.HOST_ADMIN}}
    assert held(on("hosts", 102), role, vm=host) == {}


def test_an_image_is_copied_by_rights_on_it_or_where_its_files_are() -> None:
    image = an_image(ancestors=("group-v7", "dc", "root"))

    for ref in ("group-v7", "root"):
        assert held(on(ref, 104), vm=image) == {r"HALDEN\anna": {Duty.FILE_ADMIN}}, ref
    for ref in ("datastore-gold", "stores", "dc"):
        assert held(on(ref, 103), vm=image) == {r"HALDEN\anna": {Duty.FILE_ADMIN}}, ref
    assert held(on("group-v7", 103), vm=image) == {}
    assert answer(vm=image).whole
    assert not answer(vm=image, datastores=None).whole


def test_an_item_of_a_library_is_taken_out_by_rights_over_libraries() -> None:
    role = a_role(106, "ContentLibrary.DownloadSession")
    item = an_image(library_ref="library-1")

    assert held(on("root", 106), role, vm=item, datastores=()) == {
        r"HALDEN\anna": {Duty.FILE_ADMIN}
    }


def test_networks_switches_and_clusters_inherit_from_what_they_stand_in() -> None:
    role = a_role(105, "DVPortgroup.Modify", "Host.Config.Network")
    above = ("folder", "dc", "root")
    kinds: tuple[tuple[Callable[..., AnyRecord], Duty], ...] = (
        (a_cluster, Duty.HOST_ADMIN),
        (a_network, Duty.NETWORK_ADMIN),
        (a_switch, Duty.NETWORK_ADMIN),
    )

    for build, duty in kinds:
        one = build(ancestors=above)
        for ref in (one.ref, *above):
            assert held(on(ref, 105), role, vm=one) == {r"HALDEN\anna": {duty}}, ref
        assert answer(vm=one).whole
        assert not answer(vm=build(ancestors=None)).whole
