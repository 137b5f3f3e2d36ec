"""A vCenter of the demo: operations that build it, whatever is in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from demo import hosts as wired
from demo.hosts import Server
from demo.machines import ATTRIBUTES, Op, at_path

ACCOUNT = "svc-vmgov@vsphere.local"  # the one that collects
COLLECTOR = "10.10.0.40"
TEAMING = "config.defaultPortConfig.uplinkTeamingPolicy"


class Wires(NamedTuple):
    """A distributed switch: its port groups with their VLANs."""

    name: str
    port_groups: dict[str, int]
    watched: bool = True  # whether its traffic is reported to the flow collector


class Store(NamedTuple):
    name: str
    hosts: tuple[str, ...]
    type: str = "VMFS"
    capacity_tib: int = 20


def platform(*, datacenter: str, version: str, build: str, forwards_events: bool) -> list[Op]:
    """The vCenter itself, without what gives a simulator away."""
    return [
        {"op": "create_datacenter", "name": datacenter},
        *({"op": "custom_field", "name": name, "type": "VirtualMachine"} for name in ATTRIBUTES),
        {
            "op": "set",
            "type": "ServiceInstance",
            "values": {
                "content.about.version": version,
                "content.about.build": build,
                "content.about.fullName": f"VMware vCenter Server {version} build-{build}",
            },
        },
        {
            "op": "vcenter_options",
            "options": {
                **dict.fromkeys(SIMULATED),
                "VirtualCenter.InstanceName": f"vc-{datacenter.lower()}.halden.example",
                "VirtualCenter.VimPasswordExpirationInDays": 30,
                "config.vpxd.hostPasswordLength": 32,
                "event.maxAge": 90,
                "event.maxAgeEnabled": True,
                "vpxd.event.syslog.enabled": forwards_events,
            },
        },
        {
            "op": "set",
            "type": "ExtensionManager",
            "values": {"extensionList": [_extension(key) for key in EXTENSIONS]},
        },
        {
            "op": "set",
            "type": "Alarm",
            "match": {"ref": "alarm-384"},  # the simulator's own, made into one people would have
            "values": {
                "info.name": "Permissions changed",
                "info.description": "Somebody was given or lost a role.",
                "info.expression": {
                    "_typeName": "OrAlarmExpression",
                    "expression": [_event(name) for name in PERMISSION_EVENTS],
                },
            },
        },
    ]


SIMULATED = (
    "config.vpxd.sso.admin.uri",
    "config.vpxd.sso.default.admin",
    "config.vpxd.sso.default.isGroup",
    "config.vpxd.sso.enabled",
    "config.vpxd.sso.groupcheck.uri",
    "config.vpxd.sso.solutionUser.certificate",
    "config.vpxd.sso.solutionUser.name",
    "config.vpxd.sso.sts.uri",
    "event.batchsize",
    "vcsim.home",
    "vcsim.server.url",
)
EXTENSIONS = ("com.vmware.vcIntegrity", "com.vmware.vim.eam", "com.halden.backup")


PERMISSION_EVENTS = ("PermissionAddedEvent", "PermissionUpdatedEvent", "PermissionRemovedEvent")


def _event(name: str) -> dict[str, Any]:
    return {
        "_typeName": "EventAlarmExpression",
        "eventType": name,
        "eventTypeId": f"vim.event.{name}",
        "status": "yellow",
    }


def _extension(key: str) -> dict[str, Any]:
    return {
        "key": key,
        "version": "1.0",
        "description": {"_typeName": "Description", "label": key, "summary": key},
        "lastHeartbeatTime": "2026-01-01T00:00:00Z",
    }


def folders(datacenter: str, names: Iterable[str]) -> list[Op]:
    """Folders of machines; "Labs/Research" is one in another."""
    made = []
    for name in names:
        above, _, leaf = name.rpartition("/")
        parent = f"/{datacenter}/vm" + (f"/{above}" if above else "")
        made.append({"op": "create_folder", "name": leaf, "parent": at_path(parent)})
    return made


def hosts(servers: Sequence[Server]) -> list[Op]:
    clusters = dict.fromkeys(server.cluster for server in servers)
    return [
        *({"op": "create_cluster", "name": name} for name in clusters),
        *(
            {
                "op": "set",
                "type": "ClusterComputeResource",
                "match": {"exact": name},
                "values": {
                    "configurationEx.dasConfig.enabled": True,
                    "configurationEx.dasConfig.admissionControlEnabled": True,
                    "configurationEx.drsConfig.enabled": True,
                    "configurationEx.drsConfig.defaultVmBehavior": "fullyAutomated",
                },
            }
            for name in clusters
        ),
        *({"op": "add_host", "name": one.name, "cluster": one.cluster} for one in servers),
    ]


def wiring(switches: Sequence[Wires], servers: Sequence[Server]) -> list[Op]:
    """Distributed switches with their port groups; then each host's own side of it."""
    made: list[Op] = []
    for switch in switches:
        members = [one.name for one in servers if one.switch == switch.name]
        made.append(
            {
                "op": "create_dvs",
                "name": switch.name,
                "hosts": {"name": "|".join(members)},
                "values": {"config.productInfo.version": "8.0.3"} | _flows(switch),
            }
        )
        made += [port_group(switch, name, vlan) for name, vlan in switch.port_groups.items()]
        made.append(switch_members(switch.name, members))
    return [*made, *(wired.configure(server) for server in servers)]


def _flows(switch: Wires) -> dict[str, Any]:
    if not switch.watched:
        return {}
    return {
        "config.ipfixConfig": {
            "collectorIpAddress": COLLECTOR,
            "collectorPort": 2055,
            "activeFlowTimeout": 60,
            "idleFlowTimeout": 15,
            "samplingRate": 0,
            "internalFlowsOnly": False,
        }
    }


def port_group(switch: Wires, name: str, vlan: int) -> Op:
    return {
        "op": "create_dvportgroup",
        "switch": switch.name,
        "name": name,
        "vlan": vlan,
        "values": {
            f"{TEAMING}.uplinkPortOrder": {
                "activeUplinkPort": ["Uplink 1", "Uplink 2"],
                "standbyUplinkPort": [],
            },
            f"{TEAMING}.policy": {"inherited": False, "value": "loadbalance_srcid"},
            f"{TEAMING}.notifySwitches": {"inherited": False, "value": True},
            f"{TEAMING}.rollingOrder": {"inherited": False, "value": False},
            "config.defaultPortConfig.blocked": {"inherited": False, "value": False},
            "config.defaultPortConfig.ipfixEnabled": {"inherited": False, "value": switch.watched},
        },
    }


def switch_members(switch: str, members: Iterable[str]) -> Op:
    """Say on the switch which hosts it spans."""
    return {
        "op": "set",
        "type": "DistributedVirtualSwitch",
        "match": {"exact": switch},
        "values": {
            "config.host": [
                {
                    "status": "green",
                    "config": {
                        "host": {"type": "HostSystem", "exact": name},
                        "maxProxySwitchPorts": 2560,
                        "backing": {"_typeName": "DistributedVirtualSwitchHostMemberPnicBacking"},
                    },
                }
                for name in members
            ]
        },
    }


def stores(found: Sequence[Store]) -> list[Op]:
    return [
        *({"op": "create_datastore", "name": one.name, "hosts": _any(one.hosts)} for one in found),
        *(mounts(one) for one in found),
    ]


def mounts(store: Store) -> Op:
    """Say on the datastore which hosts mount it, and what it is."""
    mount = {"path": f"/vmfs/volumes/{store.name}", "accessMode": "readWrite", "mounted": True}
    return {
        "op": "set",
        "type": "Datastore",
        "match": {"exact": store.name},
        "values": {
            "summary.type": store.type,
            "summary.capacity": store.capacity_tib * 2**40,
            "summary.multipleHostAccess": len(store.hosts) > 1,
            "summary.accessible": True,
            "host": [
                {
                    "key": {"type": "HostSystem", "exact": name},
                    "mountInfo": {**mount, "accessible": True},
                }
                for name in store.hosts
            ],
        },
    }


def host_sees(host: str, *, networks: Iterable[str], datastores: Iterable[str]) -> Op:
    """Say on the host which networks and datastores it has."""
    return {
        "op": "set",
        "type": "HostSystem",
        "match": {"exact": host},
        "values": {
            "network": [{"type": "Network", "exact": name} for name in networks],
            "datastore": [{"type": "Datastore", "exact": name} for name in datastores],
        },
    }


def only_on(network: str, found: Iterable[str]) -> Op:
    """Say on a network which hosts have it."""
    return {
        "op": "set",
        "type": "Network",
        "match": {"exact": network},
        "values": {"host": [{"type": "HostSystem", "exact": name} for name in found]},
    }


def _any(names: Iterable[str]) -> dict[str, str]:
    return {"name": "|".join(names)}
