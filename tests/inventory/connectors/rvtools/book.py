"""Workbooks for tests, written as RVTools does: a tab for each subject, a row for each object."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import xlsxwriter

INSTANCE = "0e6b9f3a-0000-4000-8000-00000000000a"
SERVER = {"VI SDK Server": "vc-far.example.org", "VI SDK UUID": INSTANCE}
MADE = "2026-03-02 08:15:00"
Rows = list[dict[str, Any]]


def uuid(number: int) -> str:
    return f"5031a7c0-0000-4000-8000-{number:012d}"


def machine(number: int = 1, **cells: Any) -> dict[str, Any]:
    """A row of vInfo; custom attributes stand between Annotation and Datacenter."""
    return {
        "VM": f"far-{number}",
        "Powerstate": "poweredOn",
        "Template": "False",
        "SRM Placeholder": "False",
        "Connection state": "connected",
        "DNS Name": f"far-{number}.example.org",
        "Consolidation Needed": "False",
        "PowerOn": "2026/02/27 06:30:00",
        "Creation date": "2025/11/02 09:00:00",
        "CPUs": 4,
        "Memory": "16,384",
        "NICs": 1,
        "Resource pool": "/DC/Far/Resources",
        "Folder": "/DC/vm/Web",
        "EFI Secure boot": "True",
        "Firmware": "efi",
        "HW version": "19",
        "Annotation": "",
        "Owner": "Ann",
        "Datacenter": "DC",
        "Cluster": "Far",
        "Host": "esx-far-1.example.org",
        "OS according to the configuration file": "Debian GNU/Linux 12 (64-bit)",
        "VM ID": f"vm-{number}",
        "SMBIOS UUID": f"4231a7c0-0000-4000-8000-{number:012d}",
        "VM UUID": uuid(number),
        "VI SDK Server type": "VMware vCenter Server 8.0.3 build-24022515",
        "VI SDK API Version": "8.0.3.0",
        **SERVER,
        **cells,
    }


def of(number: int, **cells: Any) -> dict[str, Any]:
    """A row of another tab about this machine."""
    ids = {"VM": f"far-{number}", "VM ID": f"vm-{number}", "VM UUID": uuid(number)}
    return {**ids, **cells, **SERVER}


def host(number: int = 1, **cells: Any) -> dict[str, Any]:
    return {
        "Host": f"esx-far-{number}.example.org",
        "Datacenter": "DC",
        "Cluster": "Far",
        "in Maintenance Mode": "False",
        "# Cores": 32,
        "# Memory": 262_144,
        "ESX Version": "VMware ESXi 8.0.3 build-24022510",
        "NTP Server(s)": "ntp1.example.org, ntp2.example.org",
        "Vendor": "Dell Inc.",
        "Model": "PowerEdge R650",
        "Object ID": f"host-{number}",
        "UUID": f"4c4c4544-0000-4000-8000-{number:012d}",
        **SERVER,
        **cells,
    }


def estate() -> dict[str, Rows]:
    """Two machines and a template on one host, with something in every tab that is read."""
    on = {"Host": "esx-far-1.example.org", "Datacenter": "DC", "Cluster": "Far"}
    strict = {"Promiscuous Mode": "False", "Mac Changes": "False", "Forged Transmits": "True"}
    return {
        "vInfo": [machine(1), machine(2, Owner=""), machine(3, Template="True")],
        "vCPU": [of(1, CPUs=4), of(2, CPUs=4)],
        "vMemory": [of(1, **{"Size MiB": 16_384})],
        "vDisk": [
            of(
                1,
                **{
                    "Disk": "Hard disk 1",
                    "Disk Key": 2000,
                    "Capacity MiB": 40_960,
                    "Disk Mode": "persistent",
                    "Sharing mode": "sharingNone",
                    "Thin": "True",
                    "Path": "[LUN1] far-1/far-1.vmdk",
                },
            )
        ],
        "vNetwork": [
            of(
                1,
                **{
                    "NIC label": "Network adapter 1",
                    "Network": "prod",
                    "Switch": "dvs-far",
                    "Connected": "True",
                    "Starts Connected": "True",
                    "Mac Address": "00:50:56:AA:BB:01",
                    "Type": "assigned",
                    "IPv4 Address": "10.1.2.3",
                    "IPv6 Address": "",
                },
            )
        ],
        "vSnapshot": [
            of(
                1,
                **{
                    "Name": "before the upgrade",
                    "Description": "",
                    "Date / time": "2026/01/05 10:00:00",
                    "Filename": "[LUN1] far-1/far-1-Snapshot1.vmsn",
                    "Quiesced": "False",
                },
            )
        ],
        "vTools": [of(1, Tools="toolsOld", **{"Sync time": "True"}), of(2, Tools="toolsOk")],
        "vRP": [{"Resource Pool path": "/DC/Far/Resources", "Object ID": "resgroup-8", **SERVER}],
        "vCluster": [
            {
                "Name": "Far",
                "HA enabled": "True",
                "DRS enabled": "True",
                "DRS default VM behavior": "fullyAutomated",
                "Object ID": "domain-c8",
                **SERVER,
            }
        ],
        "vHost": [host(1)],
        "vNIC": [
            {**on, "Network Device": "vmnic0", "Driver": "ixgben", "Speed": 10_000, **SERVER}
            | {"MAC": "AA:00:00:00:00:01", "Switch": "vSwitch0"},
            {**on, "Network Device": "vmnic1", "Driver": "ixgben", "Speed": 0, **SERVER},
        ],
        "vSwitch": [{**on, "Switch": "vSwitch0", **strict, **SERVER}],
        "vPort": [
            {**on, "Port Group": "Management", "Switch": "vSwitch0", "VLAN": 10, **strict, **SERVER}
        ],
        "vSC_VMK": [
            {
                **on,
                "Port Group": "Management",
                "Device": "vmk0",
                "Mac Address": "AA:00:00:00:00:01",
                "IP Address": "10.1.0.11",
                **SERVER,
            }
        ],
        "dvSwitch": [
            {
                "Switch": "dvs-far",
                "Version": "8.0.0",
                "Host members": "",
                "CDP Type": "lldp",
                "CDP Operation": "listen",
                "Object ID": "dvs-20",
                **SERVER,
            }
        ],
        "dvPort": [
            {
                "Port": "prod",
                "Switch": "dvs-far",
                "VLAN": "20",
                "Allow Promiscuous": "False",
                "Mac Changes": "False",
                "Forged Transmits": "False",
                "Active Uplink": "Uplink 1",
                "Standby Uplink": "Uplink 2",
                "Object ID": "dvportgroup-21",
                **SERVER,
            }
        ],
        "vDatastore": [
            {
                "Name": "LUN1",
                "Accessible": "True",
                "Type": "VMFS",
                "Capacity MiB": 1_048_576,
                "Hosts": "esx-far-1.example.org",
                "URL": "ds:///vmfs/volumes/1/",
                "Object ID": "datastore-30",
                **SERVER,
            }
        ],
        "vLicense": [{"Name": "vSphere 8", "Key": "AAAAA-SECRET-KEY", **SERVER}],
        "vMetaData": [
            {"RVTools version": "4.6.1.0", "xlsx creation datetime": MADE, "Server": "vc-far"}
        ],
    }


def written(tabs: dict[str, Rows], touch: Callable[[Any], None] | None = None) -> bytes:
    """The workbook; `touch` may do more to it."""
    file = BytesIO()
    book = xlsxwriter.Workbook(file, {"strings_to_urls": False, "strings_to_formulas": False})
    for name, rows in tabs.items():
        sheet = book.add_worksheet(name)
        head = list(dict.fromkeys(column for row in rows for column in row))
        sheet.write_row(0, 0, head)
        for at, row in enumerate(rows, 1):
            for column, key in enumerate(head):
                if row.get(key) not in (None, ""):
                    sheet.write(at, column, row[key])
    if touch is not None:
        touch(book)
    book.close()
    return file.getvalue()
