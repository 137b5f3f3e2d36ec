"""Hosts as the demo describes them: wiring, services, settings; sound unless told otherwise."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

import msgspec

from demo.machines import Op

ADMINISTRATORS = "10.10.0.0/24"
LOG_HOST = "ssl://log.halden.example:6514"
TIME_SERVERS = ("ntp1.halden.example", "ntp2.halden.example")
MANAGEMENT_VLAN, MOTION_VLAN = 10, 20
PRODUCTS = {"8.0.3": "24674464", "8.0.2": "23305546"}
FIREWALL = {  # rule set → whether it is on
    "CIMHttpServer": False,
    "CIMHttpsServer": False,
    "CIMSLP": False,
    "DHCPv6": True,
    "NFC": True,
    "dhcp": True,
    "dns": True,
    "ntpClient": True,
    "snmp": False,
    "sshServer": False,
    "syslog": True,
    "updateManager": True,
    "vMotion": True,
    "vSphereClient": True,
    "vpxHeartbeats": True,
    "webAccess": True,
}
MANAGED_BY = frozenset(  # rule sets that only administrators' networks may use
    {"CIMHttpServer", "CIMHttpsServer", "CIMSLP", "snmp", "sshServer", "vSphereClient", "webAccess"}
)
SERVICES = {  # service → how it starts when all is well
    "DCUI": "on",
    "TSM": "off",
    "TSM-SSH": "off",
    "lbtd": "on",
    "ntpd": "on",
    "sfcbd-watchdog": "off",
    "slpd": "off",
    "snmpd": "off",
    "vmsyslogd": "on",
    "vpxa": "on",
}
OPTIONS: dict[str, str | int | bool] = {
    "Security.AccountLockFailures": 5,
    "Security.AccountUnlockTime": 900,
    "Net.BMCNetworkEnable": 0,
    "Config.HostAgent.plugins.solo.enableMob": False,
    "Syslog.global.logHost": LOG_HOST,
    "UserVars.DcuiTimeOut": 600,
    "UserVars.ESXiShellInteractiveTimeOut": 900,
    "UserVars.ESXiShellTimeOut": 600,
    "UserVars.HostClientSessionTimeout": 900,
}


class PortGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A standard port group."""

    name: str
    vlan: int
    active: tuple[str, ...]
    standby: tuple[str, ...] = ()
    promiscuous: bool = False


class Server(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    number: int
    cluster: str
    switch: str  # the distributed switch its machines use
    switch_uuid: str
    site: int  # second number of its addresses
    version: str = "8.0.3"
    build: str = ""
    vendor: str = "Dell Inc."
    model: str = "PowerEdge R760"
    cores: int = 64
    memory_gib: int = 1024
    lockdown: str = "lockdownNormal"
    secure_boot: bool = True
    time_servers: tuple[str, ...] = TIME_SERVERS
    port_groups: tuple[PortGroup, ...] = ()  # beside management and vMotion, on vSwitch0
    options: dict[str, str | int | bool] = {}
    services: dict[str, str] = {}  # those that differ: key → policy


def switch_uuid(seed: str, path: str) -> str:
    """The uuid the simulator gives the distributed switch at this path."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, "\0".join((seed, "switch", path))))


def configure(server: Server) -> Op:
    """The operation that sets the host up."""
    build = server.build or PRODUCTS[server.version]
    return {
        "op": "set",
        "type": "HostSystem",
        "match": {"exact": server.name},
        "values": {
            "hardware.systemInfo.vendor": server.vendor,
            "hardware.systemInfo.model": server.model,
            "hardware.cpuInfo.numCpuCores": server.cores,
            "hardware.memorySize": server.memory_gib * 2**30,
            "capability.uefiSecureBoot": server.secure_boot,
            "config.certificate": None,
            "config.product.version": server.version,
            "config.product.build": build,
            "config.product.fullName": f"VMware ESXi {server.version} build-{build}",
            "config.lockdownMode": server.lockdown,
            "config.option": _options(server),
            "config.service": {"service": _services(server)},
            "config.firewall": _firewall(),
            "config.dateTimeInfo": _time(server),
            "config.network.pnic": _physical(server),
            "config.network.vswitch": [_standard_switch(server)],
            "config.network.portgroup": [_port_group(one) for one in _port_groups(server)],
            "config.network.proxySwitch": [_distributed_switch(server)],
            "config.network.vnic": _kernel(server),
            "config.virtualNicManagerInfo.netConfig": [
                _selected("management", "vmk0"),
                _selected("vmotion", "vmk1"),
            ],
        },
    }


def _options(server: Server) -> list[dict[str, Any]]:
    wanted = {**OPTIONS, **server.options}
    return [{"key": key, "value": value} for key, value in sorted(wanted.items())]


def _services(server: Server) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "label": key,
            "required": False,
            "uninstallable": False,
            "running": policy == "on",
            "policy": policy,
        }
        for key, policy in {**SERVICES, **server.services}.items()
    ]


def _firewall() -> dict[str, Any]:
    network, _, bits = ADMINISTRATORS.partition("/")
    closed = {"allIp": False, "ipNetwork": [{"network": network, "prefixLength": int(bits)}]}
    return {
        "defaultPolicy": {"incomingBlocked": True, "outgoingBlocked": True},
        "ruleset": [
            {
                "key": key,
                "label": key,
                "required": False,
                "enabled": on,
                "allowedHosts": closed if key in MANAGED_BY else {"allIp": True},
            }
            for key, on in FIREWALL.items()
        ],
    }


def _time(server: Server) -> dict[str, Any]:
    return {
        "timeZone": {"key": "UTC", "name": "UTC", "description": "UTC", "gmtOffset": 0},
        "systemClockProtocol": "ntp",
        "ntpConfig": {"server": list(server.time_servers)},
        "enabled": bool(server.time_servers),
        "disableFallback": False,
    }


def _physical(server: Server) -> list[dict[str, Any]]:
    return [
        {
            "key": f"key-vim.host.PhysicalNic-vmnic{index}",
            "device": f"vmnic{index}",
            "pci": f"0000:{0x17 + index // 2:02x}:00.{index % 2}",
            "driver": "i40en",
            "mac": _mac(server, f"vmnic{index}", "b4:96:91"),
            "wakeOnLanSupported": False,
            "spec": {},
            "linkSpeed": {"speedMb": 25000 if index >= 2 else 10000, "duplex": True},
        }
        for index in range(4)
    ]


def _mac(server: Server, device: str, vendor: str) -> str:
    one, two, three = hashlib.sha256(f"{server.name} {device}".encode()).digest()[:3]
    return f"{vendor}:{one:02x}:{two:02x}:{three:02x}"


REFUSED = {"allowPromiscuous": False, "macChanges": False, "forgedTransmits": False}


def _port_groups(server: Server) -> tuple[PortGroup, ...]:
    return (
        PortGroup(
            name="Management Network",
            vlan=MANAGEMENT_VLAN,
            active=("vmnic0",),
            standby=("vmnic1",),
        ),
        PortGroup(name="vMotion", vlan=MOTION_VLAN, active=("vmnic1",), standby=("vmnic0",)),
        *server.port_groups,
    )


def _port_group(group: PortGroup) -> dict[str, Any]:
    return {
        "key": f"key-vim.host.PortGroup-{group.name}",
        "vswitch": "key-vim.host.VirtualSwitch-vSwitch0",
        "spec": {
            "name": group.name,
            "vlanId": group.vlan,
            "vswitchName": "vSwitch0",
            "policy": {},
        },
        "computedPolicy": {
            "security": {**REFUSED, "allowPromiscuous": group.promiscuous},
            "nicTeaming": {
                "nicOrder": {"activeNic": list(group.active), "standbyNic": list(group.standby)}
            },
        },
    }


def _standard_switch(server: Server) -> dict[str, Any]:
    return {
        "name": "vSwitch0",
        "key": "key-vim.host.VirtualSwitch-vSwitch0",
        "numPorts": 1536,
        "numPortsAvailable": 1500,
        "mtu": 1500,
        "pnic": ["key-vim.host.PhysicalNic-vmnic0", "key-vim.host.PhysicalNic-vmnic1"],
        "portgroup": [f"key-vim.host.PortGroup-{one.name}" for one in _port_groups(server)],
        "spec": {
            "numPorts": 128,
            "bridge": {
                "_typeName": "HostVirtualSwitchBondBridge",
                "nicDevice": ["vmnic0", "vmnic1"],
            },
            "policy": {"security": REFUSED},
        },
    }


def _distributed_switch(server: Server) -> dict[str, Any]:
    return {
        "dvsUuid": server.switch_uuid,
        "dvsName": server.switch,
        "key": f"DvsPortset-{server.number}",
        "numPorts": 2560,
        "numPortsAvailable": 2500,
        "mtu": 9000,
        "pnic": ["key-vim.host.PhysicalNic-vmnic2", "key-vim.host.PhysicalNic-vmnic3"],
        "uplinkPort": [{"key": "1", "value": "Uplink 1"}, {"key": "2", "value": "Uplink 2"}],
        "spec": {
            "backing": {
                "_typeName": "DistributedVirtualSwitchHostMemberPnicBacking",
                "pnicSpec": [
                    {"pnicDevice": "vmnic2", "uplinkPortKey": "1"},
                    {"pnicDevice": "vmnic3", "uplinkPortKey": "2"},
                ],
            }
        },
    }


def _kernel(server: Server) -> list[dict[str, Any]]:
    def interface(device: str, port_group: str, address: str) -> dict[str, Any]:
        return {
            "device": device,
            "key": f"key-vim.host.VirtualNic-{device}",
            "portgroup": port_group,
            "spec": {
                "ip": {"dhcp": False, "ipAddress": address, "subnetMask": "255.255.255.0"},
                "mac": _mac(server, device, "00:50:56"),
                "portgroup": port_group,
                "mtu": 1500,
            },
        }

    return [
        interface("vmk0", "Management Network", f"10.{server.site}.10.{server.number + 10}"),
        interface("vmk1", "vMotion", f"10.{server.site}.20.{server.number + 10}"),
    ]


def _selected(service: str, device: str) -> dict[str, Any]:
    return {
        "nicType": service,
        "multiSelectAllowed": True,
        "selectedVnic": [f"{service}.key-vim.host.VirtualNic-{device}"],
    }
