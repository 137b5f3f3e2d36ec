"""The simulated vCenter, seen through pyVmomi."""

import ssl
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pyVmomi
from pyVim.connect import SmartConnect

from tests.peers.conftest import Connect, RawClient
from tests.peers.vcsim import SOURCE, Vcsim, VcsimFailed, start_vcsim

pytestmark = pytest.mark.integration

# Their stubs know some of the classes only, and not what an answer leaves out.
vim: Any = pyVmomi.vim
vmodl: Any = pyVmomi.vmodl


def every(content: Any, kind: Any) -> dict[str, Any]:
    """Return all objects of a kind by name."""
    view = content.viewManager.CreateContainerView(content.rootFolder, [kind], True)
    objects = {obj.name: obj for obj in view.view}
    view.Destroy()
    return objects


def vm_named(content: Any, name: str) -> Any:
    return every(content, vim.VirtualMachine)[name]


def host_named(content: Any, name: str) -> Any:
    return every(content, vim.HostSystem)[name]


def read(content: Any, obj: Any, *paths: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the values of an object's properties, and the faults of those that are withheld."""
    collector = vmodl.query.PropertyCollector
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=obj)],
        propSet=[collector.PropertySpec(type=type(obj), pathSet=list(paths))],
    )
    answer = content.propertyCollector.RetrievePropertiesEx([spec], collector.RetrieveOptions())
    if answer is None or not answer.objects:
        return {}, {}
    [one] = answer.objects
    missing = {each.path: each.fault for each in one.missingSet}
    return {each.name: each.val for each in one.propSet}, missing


# Starting and ending


def test_the_instance_uuid_is_the_one_given() -> None:
    uuid = "11111111-2222-3333-4444-555555555555"
    with start_vcsim(cluster=0, standalone_host=0, vm=0, ds=0, instance_uuid=uuid) as vcsim:
        client = RawClient(vcsim)
        answer = client.call("RetrieveServiceContent", "ServiceInstance:ServiceInstance")
        assert f"<instanceUuid>{uuid}</instanceUuid>".encode() in answer.body
        assert vcsim.instance_uuid == uuid


def test_a_scenario_that_is_wrong_keeps_it_from_starting() -> None:
    scenario = {"ops": [{"op": "power_on", "vm": "no such VM"}]}
    with pytest.raises(VcsimFailed, match=r"ops\[0\].*no VirtualMachine matches.*no such VM"):
        start_vcsim(cluster=0, standalone_host=0, vm=0, ds=0, scenario=scenario)


def test_it_stops_at_once_and_leaves_no_files(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    vcsim = start_vcsim(cluster=0, standalone_host=1, vm=1)
    assert list(tmp_path.iterdir())
    start = time.monotonic()
    vcsim.stop()
    assert time.monotonic() - start < 3
    assert list(tmp_path.iterdir()) == []


def test_it_does_not_outlive_its_parent() -> None:
    script = (
        "from tests.peers.vcsim import start_vcsim; import os\n"
        "vcsim = start_vcsim(cluster=0, standalone_host=0, vm=0, ds=0)\n"
        "print(vcsim.control, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    root = SOURCE.parents[1]
    died = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False
    )
    control = died.stdout.strip()
    assert control.startswith("http://127.0.0.1:")
    for _ in range(50):
        try:
            httpx.get(f"{control}/calls", trust_env=False)
        except httpx.TransportError:
            return
        time.sleep(0.1)
    pytest.fail("The simulator is still there.")


def test_the_same_seed_gives_the_same_estate_and_another_another() -> None:
    def identities(seed: str) -> set[tuple[str, ...]]:
        with start_vcsim(dc=2, host=2, vm=1, seed=seed) as vcsim:
            content = Login(vcsim).content
            found = set()
            for vm in every(content, vim.VirtualMachine).values():
                config, runtime = vm.config, vm.runtime
                macs = [
                    device.macAddress
                    for device in config.hardware.device
                    if isinstance(device, vim.vm.device.VirtualEthernetCard)
                ]
                found.add((vm.name, vm._moId, config.instanceUuid, config.uuid, *macs))
                found.add((vm._moId, runtime.host._moId))
            for host in every(content, vim.HostSystem).values():
                found.add((host.name, host._moId, host.hardware.systemInfo.uuid))
            return found

    first, again, other = identities("a"), identities("a"), identities("b")
    assert first == again
    assert {each[2] for each in first if len(each) > 2}.isdisjoint(
        each[2] for each in other if len(each) > 2
    )


class Login:
    """A session outside the fixture, for simulators that a test starts itself."""

    def __init__(self, vcsim: Vcsim) -> None:
        self.content = SmartConnect(  # type: ignore[no-untyped-call]
            host=vcsim.host,
            port=vcsim.port,
            user=vcsim.username,
            pwd=vcsim.password,
            sslContext=ssl.create_default_context(cafile=str(vcsim.cert_pem)),
        ).RetrieveContent()


# Sessions and calls


def test_a_wrong_password_is_refused(connect: Connect) -> None:
    with pytest.raises(vim.fault.InvalidLogin):
        connect(password="wrong")


def test_sessions_are_counted_and_end_with_logout(vcsim: Vcsim) -> None:
    before = vcsim.sessions()
    client = RawClient(vcsim)
    client.log_in(vcsim.username, vcsim.password)
    assert vcsim.sessions() == before + 1
    assert vcsim.username in vcsim.users()
    client.log_out()
    assert vcsim.sessions() == before


def test_calls_are_counted_by_method(vcsim: Vcsim) -> None:
    vcsim.forget_calls()
    RawClient(vcsim).call("RetrieveServiceContent", "ServiceInstance:ServiceInstance")
    assert vcsim.calls() == {"RetrieveServiceContent": 1}


def test_expired_sessions_are_not_authenticated(vcsim: Vcsim, connect: Connect) -> None:
    content = connect()
    vcsim.apply(ops=[{"op": "expire_sessions"}])
    with pytest.raises(vim.fault.NotAuthenticated):
        content.viewManager.CreateContainerView(content.rootFolder, [vim.HostSystem], True)


def test_the_clock_can_be_wrong(vcsim: Vcsim) -> None:
    vcsim.clock(3600)
    client = RawClient(vcsim)
    client.log_in(vcsim.username, vcsim.password)
    answer = client.call("CurrentTime", "ServiceInstance:ServiceInstance").body.decode()
    vcsim.clock(0)
    told = datetime.fromisoformat(answer.split("<returnval>")[1].split("</returnval>")[0])
    assert timedelta(minutes=59) < told - datetime.now(UTC) < timedelta(minutes=61)


def test_fault_rules_strike_and_end(vcsim: Vcsim, connect: Connect) -> None:
    content = connect()
    rule = {"method": "CreateContainerView", "fault": "NoPermission", "max": 1, "skip": 1}
    vcsim.faults([rule])
    assert every(content, vim.HostSystem)
    with pytest.raises(vim.fault.NoPermission):
        every(content, vim.HostSystem)
    assert every(content, vim.HostSystem)
    vcsim.faults([])


# Setting properties


def test_host_settings_are_readable_by_leaf_path(vcsim: Vcsim, connect: Connect) -> None:
    values = {
        "config.option": [{"key": "Security.AccountLockFailures", "value": 3}],
        "config.dateTimeInfo": {
            "timeZone": {"key": "UTC", "name": "UTC", "description": "UTC", "gmtOffset": 0},
            "ntpConfig": {"server": ["ntp.example"]},
            "enabled": True,
        },
        "config.service.service": [
            {
                "key": "TSM-SSH",
                "label": "SSH",
                "required": False,
                "uninstallable": False,
                "running": True,
                "policy": "on",
                "sourcePackage": None,
            }
        ],
        "config.firewall.defaultPolicy": {"incomingBlocked": False, "outgoingBlocked": True},
        "config.lockdownMode": "lockdownStrict",
        "config.virtualNicManagerInfo.netConfig[nicType=management].selectedVnic": ["vmk9"],
        "hardware.systemInfo.uuid": "00000000-0000-0000-0000-0000000000aa",
        "runtime.connectionState": "notResponding",
        "hardware.biosInfo.biosVersion": "1.2.3",
        "capability.uefiSecureBoot": True,
    }
    match = {"name": "DC0_C0_H0"}
    vcsim.apply(set=[{"type": "HostSystem", "match": match, "values": values}])
    content = connect()
    hosts = every(content, vim.HostSystem)
    leaves = [
        "config.option",
        "config.dateTimeInfo.ntpConfig.server",
        "config.service",
        "config.firewall.defaultPolicy.incomingBlocked",
        "config.lockdownMode",
        "config.virtualNicManagerInfo.netConfig",
        "hardware.systemInfo.uuid",
        "runtime.connectionState",
        "summary.runtime.connectionState",
        "hardware.biosInfo.biosVersion",
        "capability.uefiSecureBoot",
    ]
    found, missing = read(content, hosts["DC0_C0_H0"], *leaves)
    assert missing == {}
    assert [(each.key, each.value) for each in found["config.option"]] == [
        ("Security.AccountLockFailures", 3)
    ]
    assert list(found["config.dateTimeInfo.ntpConfig.server"]) == ["ntp.example"]
    assert [each.running for each in found["config.service"].service] == [True]
    assert found["config.firewall.defaultPolicy.incomingBlocked"] is False
    assert found["config.lockdownMode"] == "lockdownStrict"
    [management] = (
        each
        for each in found["config.virtualNicManagerInfo.netConfig"]
        if each.nicType == "management"
    )
    assert list(management.selectedVnic) == ["vmk9"]
    assert found["hardware.systemInfo.uuid"].endswith("aa")
    assert found["runtime.connectionState"] == "notResponding"
    assert found["summary.runtime.connectionState"] == "notResponding"
    assert found["capability.uefiSecureBoot"] is True
    untouched, _ = read(content, hosts["DC0_C0_H1"], *leaves)
    for leaf in (
        "hardware.systemInfo.uuid",
        "hardware.biosInfo.biosVersion",  # the simulator's hosts share this one
        "runtime.connectionState",
        "config.lockdownMode",
    ):
        assert untouched[leaf] != found[leaf]


def test_a_property_can_be_unset(vcsim: Vcsim, connect: Connect) -> None:
    vcsim.apply(
        set=[
            {
                "type": "VirtualMachine",
                "match": {"name": "DC0_H0_VM0"},
                "values": {"config.createDate": None},
            }
        ]
    )
    content = connect()
    found, missing = read(content, vm_named(content, "DC0_H0_VM0"), "name", "config.createDate")
    assert set(found) == {"name"}
    assert missing == {}


def test_an_unset_property_is_absent_from_later_pages_too(vcsim: Vcsim, connect: Connect) -> None:
    content = connect()
    collector = vmodl.query.PropertyCollector
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.VirtualMachine], True)
    traversal = collector.TraversalSpec(type=vim.view.ContainerView, path="view")
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=view, skip=True, selectSet=[traversal])],
        propSet=[collector.PropertySpec(type=vim.VirtualMachine, pathSet=["name", "config.keyId"])],
    )
    options = collector.RetrieveOptions(maxObjects=2)
    page = content.propertyCollector.RetrievePropertiesEx([spec], options)
    later = content.propertyCollector.ContinueRetrievePropertiesEx(page.token)
    for each in [*page.objects, *later.objects]:
        assert [prop.name for prop in each.propSet] == ["name"]


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ({"type": "HostSystem", "values": {"config.x": 1}}, 'HostConfigInfo has no property "x"'),
        ({"type": "HostSystem", "values": {"name": 1}}, "a string wanted"),
        ({"type": "HostSystem", "values": {}}, "says nothing to do"),
        (
            {"type": "HostSystem", "match": {"name": "nobody"}, "values": {"name": "x"}},
            "no HostSystem matches",
        ),
        ({"type": "HostSystem", "wrong": 1, "values": {"name": "x"}}, 'unknown field "wrong"'),
        (
            {"type": "HostSystem", "values": {"config.network.vnic[device=vmk7].port": "x"}},
            "no element of vnic matches",
        ),
        (
            {"type": "VirtualMachine", "values": {"config.hardware.device": [{"key": 1}]}},
            '"_typeName" is missing',
        ),
    ],
)
def test_a_wrong_setting_is_an_error_and_not_ignored(
    vcsim: Vcsim, setting: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(VcsimFailed) as error:
        vcsim.apply(set=[setting])
    assert complaint in str(error.value)


def test_waiting_clients_hear_of_a_setting(vcsim: Vcsim, connect: Connect) -> None:
    content = connect()
    vm = vm_named(content, "DC0_H0_VM1")
    pc = content.propertyCollector.CreatePropertyCollector()
    collector = vmodl.query.PropertyCollector
    leaf = "config.bootOptions.efiSecureBootEnabled"
    spec = collector.FilterSpec(
        objectSet=[collector.ObjectSpec(obj=vm)],
        propSet=[collector.PropertySpec(type=vim.VirtualMachine, pathSet=["name", leaf])],
    )
    pc.CreateFilter(spec, partialUpdates=True)
    first = pc.WaitForUpdatesEx(None, collector.WaitOptions(maxWaitSeconds=5))
    vcsim.apply(
        set=[
            {
                "type": "VirtualMachine",
                "match": {"name": "DC0_H0_VM1"},
                "values": {"config.bootOptions": {"efiSecureBootEnabled": True}},
            }
        ]
    )
    update = pc.WaitForUpdatesEx(first.version, collector.WaitOptions(maxWaitSeconds=5))
    changes = {
        change.name: change.val
        for filtered in update.filterSet
        for changed in filtered.objectSet
        for change in changed.changeSet
    }
    assert changes == {leaf: True}


# Operations


@pytest.fixture
def content(connect: Connect) -> Any:
    return connect()


def test_a_vm_is_created_with_what_is_said(vcsim: Vcsim, content: Any) -> None:
    vcsim.apply(
        ops=[
            {"op": "create_folder", "parent": {"path": "/DC0/vm"}, "name": "web"},
            {
                "op": "create_vm",
                "name": "web-01",
                "folder": {"path": "/DC0/vm/web"},
                "host": "DC0_C0_H1",
                "cpus": 2,
                "memory_mb": 4096,
                "firmware": "efi",
                "guest_id": "debian12_64Guest",
                "annotation": "owner: web team",
                "nics": [{"network": "VM Network", "mac": "00:50:56:00:00:01", "adapter": "e1000"}],
                "disks_gb": [20, 40],
                "extra_config": {"isolation.tools.copy.disable": "TRUE"},
                "on": True,
                "values": {"guest.hostName": "web-01.example"},
            },
        ]
    )
    vm = vm_named(content, "web-01")
    assert vm.parent.name == "web"
    assert vm.runtime.host.name == "DC0_C0_H1"
    assert vm.runtime.powerState == "poweredOn"
    assert vm.config.hardware.numCPU == 2
    assert vm.config.firmware == "efi"
    assert vm.config.annotation == "owner: web team"
    assert vm.guest.hostName == "web-01.example"
    options = {each.key: each.value for each in vm.config.extraConfig}
    assert options["isolation.tools.copy.disable"] == "TRUE"
    devices = vm.config.hardware.device
    disks = [each for each in devices if isinstance(each, vim.vm.device.VirtualDisk)]
    assert [each.capacityInKB for each in disks] == [20 << 20, 40 << 20]
    [card] = (each for each in devices if isinstance(each, vim.vm.device.VirtualEthernetCard))
    assert isinstance(card, vim.vm.device.VirtualE1000)
    assert card.macAddress == "00:50:56:00:00:01"
    assert card.backing.deviceName == "VM Network"


def test_a_clone_is_a_template_with_its_own_identity(vcsim: Vcsim, content: Any) -> None:
    source = {"op": "create_vm", "name": "gold", "on": False}
    clone = {"op": "clone_vm", "source": "gold", "name": "gold-template", "template": True}
    vcsim.apply(ops=[source, clone])
    gold, template = vm_named(content, "gold"), vm_named(content, "gold-template")
    assert template.config.template is True
    assert template.config.instanceUuid != gold.config.instanceUuid
    assert template.resourcePool is None
    macs = [
        each.macAddress
        for vm in (gold, template)
        for each in vm.config.hardware.device
        if isinstance(each, vim.vm.device.VirtualEthernetCard)
    ]
    assert len(set(macs)) == 2


def test_a_template_that_is_destroyed_is_listed_nowhere(vcsim: Vcsim, content: Any) -> None:
    made = {"op": "create_vm", "name": "gone-template", "template": True}
    vcsim.apply(ops=[made])
    ref = vm_named(content, "gone-template")._moId
    vcsim.apply(ops=[{"op": "destroy", "target": "gone-template"}])

    everything = [vim.VirtualMachine]
    view = content.viewManager.CreateContainerView(content.rootFolder, everything, True)
    assert ref not in [vm._moId for vm in view.view]


def test_snapshots_have_the_age_that_is_said(vcsim: Vcsim, content: Any) -> None:
    vcsim.apply(
        ops=[
            {"op": "create_vm", "name": "snapped"},
            {"op": "create_snapshot", "vm": "snapped", "name": "old", "created_at": "now-30d"},
            {
                "op": "create_snapshot",
                "vm": "snapped",
                "name": "older",
                "created_at": "2024-02-29T12:00:00Z",
            },
        ]
    )
    vm = vm_named(content, "snapped")
    [old] = vm.snapshot.rootSnapshotList
    assert old.name == "old"
    assert timedelta(days=29) < datetime.now(UTC) - old.createTime < timedelta(days=31)
    [older] = old.childSnapshotList
    assert older.createTime == datetime(2024, 2, 29, 12, tzinfo=UTC)
    vcsim.apply(ops=[{"op": "remove_snapshots", "vm": "snapped"}])
    assert read(content, vm, "snapshot") == ({}, {})


def test_one_snapshot_goes_and_those_below_it_move_up(vcsim: Vcsim, content: Any) -> None:
    taken = [{"op": "create_snapshot", "vm": "cut", "name": name} for name in ("a", "b", "c")]
    vcsim.apply(ops=[{"op": "create_vm", "name": "cut"}, *taken])
    vcsim.apply(ops=[{"op": "remove_snapshot", "vm": "cut", "name": "b"}])

    [first] = vm_named(content, "cut").snapshot.rootSnapshotList
    assert first.name == "a"
    [second] = first.childSnapshotList
    assert (second.name, second.childSnapshotList) == ("c", [])


def test_a_vm_moves_between_hosts_and_leaves(vcsim: Vcsim, content: Any) -> None:
    create = {"op": "create_vm", "name": "mover", "host": "DC0_C0_H0", "on": True}
    vcsim.apply(ops=[create, {"op": "migrate", "vm": "mover", "host": "DC0_C0_H1"}])
    vm = vm_named(content, "mover")
    source, target = host_named(content, "DC0_C0_H0"), host_named(content, "DC0_C0_H1")
    assert vm.runtime.host == target
    assert vm not in source.vm
    assert vm in target.vm
    vcsim.apply(ops=[{"op": "destroy", "target": "mover"}])
    assert "mover" not in every(content, vim.VirtualMachine)


def test_power_names_and_cards_change(vcsim: Vcsim, content: Any) -> None:
    vcsim.apply(
        ops=[
            {"op": "create_vm", "name": "plain", "nics": []},
            {"op": "power_on", "vm": "plain"},
            {"op": "add_nic", "vm": "plain", "mac": "00:50:56:00:00:02"},
            {"op": "rename", "target": "plain", "name": "fancy"},
            {"op": "extra_config", "vm": "fancy", "options": {"log.keepOld": 10, "govcsim": None}},
        ]
    )
    vm = vm_named(content, "fancy")
    assert vm.config.name == "fancy"
    assert vm.runtime.powerState == "poweredOn"
    assert {each.key: each.value for each in vm.config.extraConfig} == {"log.keepOld": "10"}
    assert [each.macAddress for each in vm.guest.net] == ["00:50:56:00:00:02"]
    vcsim.apply(
        ops=[
            {"op": "remove_nic", "vm": "fancy", "mac": "00:50:56:00:00:02"},
            {"op": "power_off", "vm": "fancy"},
            {"op": "mark_template", "vm": "fancy"},
        ]
    )
    assert vm.config.template is True
    assert not [d for d in vm.config.hardware.device if isinstance(d, vim.vm.device.VirtualVmxnet3)]
    vcsim.apply(ops=[{"op": "mark_vm", "vm": "fancy"}])
    assert vm.config.template is False


def test_custom_attributes_have_definitions_and_values(vcsim: Vcsim, content: Any) -> None:
    vcsim.apply(
        ops=[
            {"op": "create_vm", "name": "owned"},
            {"op": "custom_field", "name": "owner", "type": "VirtualMachine"},
            {"op": "custom_value", "target": "owned", "name": "owner", "value": "alice"},
        ]
    )
    [field] = (each for each in content.customFieldsManager.field if each.name == "owner")
    vm = vm_named(content, "owned")
    assert [(each.key, each.value) for each in vm.customValue] == [(field.key, "alice")]


def test_hosts_join_and_leave(vcsim: Vcsim, content: Any) -> None:
    vcsim.apply(
        ops=[
            {"op": "add_host", "cluster": "DC0_C0", "name": "esx-new"},
            {"op": "add_host", "datacenter": "DC0", "name": "esx-alone"},
            {"op": "create_vm", "name": "passenger", "host": "esx-new"},
        ]
    )
    hosts = every(content, vim.HostSystem)
    uuids = [host.hardware.systemInfo.uuid for host in hosts.values()]
    assert len(set(uuids)) == len(uuids)
    assert [each.name for each in hosts["esx-new"].datastore] == ["LocalDS_0"]
    vcsim.apply(ops=[{"op": "remove_host", "host": {"name": "esx-(new|alone)"}}])
    assert not {"esx-new", "esx-alone"} & set(every(content, vim.HostSystem))
    assert "passenger" not in every(content, vim.VirtualMachine)
    assert not [p for p in vcsim.log().splitlines() if "panic" in p]


def test_host_hardening_has_words_of_its_own(vcsim: Vcsim, content: Any) -> None:
    name = "DC0_H0"
    vcsim.apply(
        ops=[
            {"op": "host_options", "host": name, "options": {"Syslog.global.logHost": "tcp://log"}},
            {"op": "host_service", "host": name, "key": "TSM", "running": True, "policy": "on"},
            {"op": "host_ntp", "host": name, "servers": ["a", "b"], "enabled": True},
            {"op": "host_lockdown", "host": name, "mode": "normal", "exceptions": ["backup"]},
            {"op": "host_acceptance", "host": name, "level": "community"},
            {
                "op": "host_firewall",
                "host": name,
                "incoming_blocked": False,
                "rulesets": {"sshServer": {"enabled": True, "networks": ["10.0.0.0/8"]}},
            },
        ]
    )
    host = host_named(content, name)
    options = {each.key: each.value for each in host.config.option}
    assert options["Syslog.global.logHost"] == "tcp://log"
    manager = host.configManager
    [option] = manager.advancedOption.QueryOptions("Syslog.global.logHost")
    assert option.value == "tcp://log"
    services = {each.key: each for each in host.config.service.service}
    assert services["TSM"].running is True
    assert "TSM" in [each.key for each in manager.serviceSystem.serviceInfo.service]
    assert list(host.config.dateTimeInfo.ntpConfig.server) == ["a", "b"]
    assert manager.dateTimeSystem.TestTimeService().workingNormally is True
    assert abs(manager.dateTimeSystem.QueryDateTime() - datetime.now(UTC)) < timedelta(seconds=30)
    assert host.config.lockdownMode == "lockdownNormal"
    assert list(manager.hostAccessManager.QueryLockdownExceptions()) == ["backup"]
    assert manager.imageConfigManager.HostImageConfigGetAcceptance() == "community"
    assert host.config.firewall.defaultPolicy.incomingBlocked is False
    rules = {each.key: each for each in host.config.firewall.ruleset}
    assert rules["sshServer"].allowedHosts.allIp is False
    assert rules["sshServer"].allowedHosts.ipNetwork[0].prefixLength == 8
    vcsim.apply(ops=[{"op": "clock", "host": name, "offset_seconds": 600}])
    assert manager.dateTimeSystem.QueryDateTime() - datetime.now(UTC) > timedelta(minutes=9)


def test_standard_networks_reach_hosts_and_vms(vcsim: Vcsim, content: Any) -> None:
    both = {"name": "DC0_C0_H[01]"}
    vcsim.apply(
        ops=[
            {
                "op": "create_vswitch",
                "host": both,
                "name": "vSwitch1",
                "pnics": ["vmnic0"],
                "security": {"promiscuous": False, "mac_changes": False, "forged_transmits": True},
            },
            {
                "op": "create_portgroup",
                "host": both,
                "name": "lab",
                "vswitch": "vSwitch1",
                "vlan": 4095,
                "security": {"promiscuous": True},
            },
            {
                "op": "add_vmkernel",
                "host": both,
                "device": "vmk1",
                "portgroup": "lab",
                "ip": "10.1.0.1",
                "services": ["vmotion"],
            },
            {"op": "create_vm", "name": "lab-vm", "nics": [{"network": "lab"}]},
        ]
    )
    lab = every(content, vim.Network)["lab"]
    assert {host.name for host in lab.host} == {"DC0_C0_H0", "DC0_C0_H1"}
    host = host_named(content, "DC0_C0_H0")
    groups = {each.spec.name: each for each in host.config.network.portgroup}
    assert groups["lab"].spec.vlanId == 4095
    assert groups["lab"].spec.policy.security.allowPromiscuous is True
    assert groups["lab"].computedPolicy.security.forgedTransmits is True
    switches = {each.name: each for each in host.config.network.vswitch}
    assert switches["vSwitch1"].spec.policy.security.forgedTransmits is True
    assert "vmk1" in [each.device for each in host.config.network.vnic]
    configs = {each.nicType: each for each in host.config.virtualNicManagerInfo.netConfig}
    assert any("vmk1" in key for key in configs["vmotion"].selectedVnic)
    assert vm_named(content, "lab-vm").network == [lab]


def test_distributed_networks_have_vlans_and_policies(vcsim: Vcsim, content: Any) -> None:
    vcsim.apply(
        ops=[
            {"op": "create_dvs", "name": "core", "datacenter": "DC0"},
            {"op": "create_dvportgroup", "switch": "core", "name": "servers", "vlan": 20},
            {
                "op": "create_dvportgroup",
                "switch": "core",
                "name": "trunk",
                "vlan": {"trunk": [[0, 4094]]},
                "security": {"promiscuous": True},
            },
            {
                "op": "create_dvportgroup",
                "switch": "core",
                "name": "private",
                "vlan": {"private": 30},
                "values": {
                    "config.policy.vlanOverrideAllowed": True,
                    "config.defaultPortConfig.ipfixEnabled": {"inherited": False, "value": True},
                },
            },
            {"op": "create_vm", "name": "on-dvs", "nics": [{"network": "servers"}]},
        ],
        set=[
            {
                "type": "DistributedVirtualSwitch",
                "match": {"name": "core"},
                "values": {"config.ipfixConfig.collectorIpAddress": "10.0.0.9"},
            }
        ],
    )
    groups = every(content, vim.dvs.DistributedVirtualPortgroup)
    assert groups["servers"].config.defaultPortConfig.vlan.vlanId == 20
    trunk = groups["trunk"].config.defaultPortConfig
    assert [(each.start, each.end) for each in trunk.vlan.vlanId] == [(0, 4094)]
    assert trunk.securityPolicy.allowPromiscuous.value is True
    assert trunk.securityPolicy.forgedTransmits.value is False
    private = groups["private"].config
    assert private.defaultPortConfig.vlan.pvlanId == 30
    assert private.defaultPortConfig.ipfixEnabled.value is True
    assert private.policy.vlanOverrideAllowed is True
    switch = every(content, vim.DistributedVirtualSwitch)["core"]
    assert switch.config.ipfixConfig.collectorIpAddress == "10.0.0.9"
    [uplinks] = switch.config.uplinkPortgroup
    assert uplinks.config.uplink is True
    assert vm_named(content, "on-dvs").network == [groups["servers"]]


def test_vcenter_options_have_types(vcsim: Vcsim, content: Any) -> None:
    vcsim.apply(ops=[{"op": "vcenter_options", "options": {"event.maxAge": 30, "x.y": "z"}}])
    settings = {each.key: each.value for each in content.setting.setting}
    assert (settings["event.maxAge"], settings["x.y"]) == (30, "z")
    assert content.setting.QueryOptions("x.y")[0].value == "z"


def test_what_was_logged_before_the_log_was_purged_is_told_nobody(connect: Connect) -> None:
    spec = vim.event.EventFilterSpec(eventTypeId=["VmCreatedEvent"])
    # Of its own: what is purged is purged for whoever asks after this test.
    with start_vcsim(cluster=0, standalone_host=1, vm=0) as vcsim:
        content = connect(vcsim)
        vcsim.apply(ops=[{"op": "create_vm", "name": "purged"}, {"op": "forget_events"}])
        assert content.eventManager.QueryEvents(spec) == []

        vcsim.apply(ops=[{"op": "create_vm", "name": "kept"}])
        assert [each.vm.name for each in content.eventManager.QueryEvents(spec)] == ["kept"]


def test_what_drs_moves_nobody_moved(vcsim: Vcsim, content: Any) -> None:
    vcsim.apply(
        ops=[
            {"op": "create_vm", "name": "balanced", "host": "DC0_C0_H0"},
            {"op": "migrate", "vm": "balanced", "host": "DC0_C0_H1", "drs": True},
        ]
    )

    [event] = content.eventManager.QueryEvents(
        vim.event.EventFilterSpec(eventTypeId=["DrsVmMigratedEvent"])
    )
    assert (event.vm.name, event.sourceHost.name, event.host.name, event.userName) == (
        *("balanced", "DC0_C0_H0", "DC0_C0_H1"),
        "",
    )


def test_events_can_lie_in_the_past(vcsim: Vcsim, content: Any) -> None:
    vcsim.apply(
        ops=[
            {
                "op": "post_event",
                "as": r"CORP\mallory",
                "event": {"_typeName": "VmPoweredOffEvent", "template": False},
                "vm": "DC0_H0_VM2",
                "created_at": "2026-01-02T03:04:05Z",
                "message": "Off",
            }
        ]
    )
    spec = vim.event.EventFilterSpec(eventTypeId=["VmPoweredOffEvent"])
    [event] = [
        each for each in content.eventManager.QueryEvents(spec) if each.userName == r"CORP\mallory"
    ]
    assert event.createdTime == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert (event.vm.name, event.fullFormattedMessage) == ("DC0_H0_VM2", "Off")


def test_any_method_can_be_called(vcsim: Vcsim, content: Any) -> None:
    vcsim.apply(
        ops=[
            {
                "op": "call",
                "type": "HostSystem",
                "match": {"name": "DC0_H0"},
                "method": "EnterMaintenanceMode_Task",
                "args": {"timeout": 0},
            }
        ]
    )
    host = host_named(content, "DC0_H0")
    assert host.runtime.inMaintenanceMode is True
    vcsim.apply(
        set=[
            {
                "type": "HostSystem",
                "match": {"name": "DC0_H0"},
                "values": {"runtime.inMaintenanceMode": False},
            }
        ]
    )


def test_an_operation_that_is_misspelt_is_an_error(vcsim: Vcsim) -> None:
    with pytest.raises(VcsimFailed, match="no such op"):
        vcsim.apply(ops=[{"op": "explode"}])
    with pytest.raises(VcsimFailed, match='unknown field "mak"'):
        vcsim.apply(ops=[{"op": "add_nic", "vm": "DC0_H0_VM0", "mak": "x"}])


# Permissions


def test_roles_and_grants_are_listed(vcsim: Vcsim, content: Any) -> None:
    vcsim.apply(
        ops=[
            {
                "op": "create_role",
                "name": "Operator",
                "privileges": ["VirtualMachine.Interact.PowerOn"],
            },
            {
                "op": "grant",
                "entity": {"path": "/DC0/vm"},
                "principal": r"CORP\operators",
                "group": True,
                "role": "Operator",
                "propagate": False,
            },
        ]
    )
    manager = content.authorizationManager
    [role] = (each for each in manager.roleList if each.name == "Operator")
    assert "VirtualMachine.Interact.PowerOn" in role.privilege
    [grant] = (each for each in manager.RetrieveAllPermissions() if each.roleId == role.roleId)
    assert (grant.principal, grant.group, grant.propagate) == (r"CORP\operators", True, False)
    assert grant.entity.name == "vm"
    assert [each.principal for each in grant.entity.permission] == [r"CORP\operators"]
    revoke = {"op": "revoke", "entity": {"path": "/DC0/vm"}, "principal": r"CORP\operators"}
    vcsim.apply(ops=[{**revoke, "group": True}, {"op": "remove_role", "name": "Operator"}])
    assert role.roleId not in [each.roleId for each in manager.RetrieveAllPermissions()]


def test_the_second_account_reads_and_does_not_write(vcsim: Vcsim, connect: Connect) -> None:
    content = connect(username=vcsim.readonly_username, password=vcsim.readonly_password)
    [answer] = content.authorizationManager.FetchUserPrivilegeOnEntities(
        [content.rootFolder], vcsim.readonly_username
    )
    assert set(answer.privileges) == {"System.Anonymous", "System.View", "System.Read"}
    vm = vm_named(content, "DC0_H0_VM0")
    with pytest.raises(vim.fault.NoPermission):
        vm.PowerOff()
    with pytest.raises(vim.fault.NoPermission):
        _ = content.sessionManager.sessionList


def test_what_an_account_may_not_see_is_not_there(vcsim: Vcsim, connect: Connect) -> None:
    vcsim.apply(
        ops=[
            {"op": "create_role", "name": "ReadsAll", "privileges": []},
            {
                "op": "account",
                "username": "blind@vsphere.local",
                "password": "x",
                "role": "ReadsAll",
            },
            {
                "op": "grant",
                "entity": "DC0_C0",
                "principal": "blind@vsphere.local",
                "role": "NoAccess",
            },
        ]
    )
    content = connect(username="blind@vsphere.local", password="x")
    assert set(every(content, vim.HostSystem)) == {"DC0_H0"}
    hidden = vim.HostSystem(_id(vcsim, "DC0_C0_H0"), content.rootFolder._stub)
    assert read(content, hidden, "name") == ({}, {})


def test_an_account_may_see_an_object_without_reading_it(vcsim: Vcsim, connect: Connect) -> None:
    user = "dim@vsphere.local"
    vcsim.apply(
        ops=[
            {"op": "account", "username": user, "password": "x", "role": "ReadOnly"},
            {"op": "grant", "entity": "DC0_C0_H1", "principal": user, "role": "View"},
        ]
    )
    content = connect(username=user, password="x")
    view = content.viewManager.CreateContainerView(content.rootFolder, [vim.HostSystem], True)
    [host] = (each for each in view.view if each._moId == _id(vcsim, "DC0_C0_H1"))
    found, missing = read(content, host, "name", "config.lockdownMode", "config.dateTimeInfo")
    assert found == {}
    assert set(missing) == {"name", "config.lockdownMode", "config.dateTimeInfo"}
    assert missing["name"].privilegeId == "System.Read"
    [answer] = content.authorizationManager.FetchUserPrivilegeOnEntities([host], user)
    assert "System.Read" not in answer.privileges


def _id(vcsim: Vcsim, name: str) -> str:
    return str(host_named(Login(vcsim).content, name)._moId)


@pytest.mark.parametrize("explained", [True, False])
def test_withheld_properties_are_missing_until_disclosed(
    vcsim: Vcsim, content: Any, explained: bool
) -> None:
    chosen = {"type": "VirtualMachine", "match": {"name": "DC0_C0_RP0_VM0"}}
    vcsim.apply(
        ops=[
            {
                "op": "withhold",
                **chosen,
                "paths": ["config.extraConfig"],
                "explained": explained,
            }
        ]
    )
    vm = vm_named(content, "DC0_C0_RP0_VM0")
    found, missing = read(content, vm, "name", "config.extraConfig")
    assert set(found) == {"name"}
    assert set(missing) == {"config.extraConfig"}
    [answer] = content.authorizationManager.FetchUserPrivilegeOnEntities([vm], vcsim.username)
    assert ("System.Read" not in answer.privileges) is explained
    vcsim.apply(ops=[{"op": "disclose", **chosen}])
    assert read(content, vm, "config.extraConfig")[1] == {}


# The manual


def test_the_manual_describes_every_operation(vcsim: Vcsim) -> None:
    manual = (SOURCE / "README.md").read_text()
    operations = httpx.get(f"{vcsim.control}/operations", trust_env=False).json()
    assert [name for name in operations if f"| `{name}` |" not in manual] == []
