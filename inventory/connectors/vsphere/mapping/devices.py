"""What is built into a virtual machine: network cards, disks and other devices."""

from __future__ import annotations

import re
from typing import Any, Final

from inventory.connectors.vsphere.mapping.estate import Estate
from inventory.connectors.vsphere.mapping.facts import (
    as_flag,
    as_mac,
    as_number,
    as_text,
    dicts,
    inside,
)
from inventory.connectors.vsphere.xml import Ref
from inventory.parts import Device, Disk, Nic

_ADAPTERS: Final = {
    "VirtualE1000": "e1000",
    "VirtualE1000e": "e1000e",
    "VirtualPCNet32": "pcnet32",
    "VirtualSriovEthernetCard": "sriov",
    "VirtualVmxnet": "vmxnet",
    "VirtualVmxnet2": "vmxnet2",
    "VirtualVmxnet3": "vmxnet3",
    "VirtualVmxnet3Vrdma": "vmxnet3vrdma",
}
_DEVICES: Final = {
    "VirtualFloppy": "floppy",
    "VirtualCdrom": "cdrom",
    "VirtualSerialPort": "serial",
    "VirtualParallelPort": "parallel",
    "VirtualUSB": "usb",
    "VirtualUSBController": "usb-controller",
    "VirtualUSBXHCIController": "usb-controller",
    "VirtualPCIPassthrough": "pci",
    "VirtualSCSIPassthrough": "scsi",
    "VirtualEnsoniq1371": "sound",
    "VirtualHdAudioCard": "sound",
    "VirtualSoundBlaster16": "sound",
}
# The keys every machine's IDE controllers have; they are passed over when an answer is decoded.
_IDE: Final = {"200": "IDE 0", "201": "IDE 1"}
_BACKINGS: Final = (
    "fileName",
    "vgpu",
    "serviceURI",
    "pipeName",
    "deviceName",
    "assignedId",
    "id",
)
_USER_IN_URI: Final = re.compile(r"//[^/@]*@")


def nics(found: list[Any] | None, estate: Estate) -> tuple[Nic, ...] | None:
    if found is None:
        return None
    return tuple(_nic(card, estate) for card in dicts(found) if _is_network_card(card))


def _is_network_card(device: dict[str, Any]) -> bool:
    return "macAddress" in device or "addressType" in device


def _nic(card: dict[str, Any], estate: Estate) -> Nic:
    network_ref = _network_of(card, estate)
    return Nic(
        key=_key(card),
        label=_label(card),
        adapter=_ADAPTERS.get(card.get("_type", ""), card.get("_type")),
        mac=as_mac(card.get("macAddress")),
        mac_type=as_text(card.get("addressType")),
        network_ref=network_ref,
        network_name=estate.name(network_ref) or as_text(inside(card, "backing", "deviceName")),
        port_key=as_text(inside(card, "backing", "port", "portKey")) or None,
        connected=as_flag(inside(card, "connectable", "connected")),
        start_connected=as_flag(inside(card, "connectable", "startConnected")),
    )


def _network_of(card: dict[str, Any], estate: Estate) -> str | None:
    backing = card.get("backing")
    direct = inside(backing, "network")
    if direct:
        return str(direct)
    key = inside(backing, "port", "portgroupKey") or inside(backing, "opaqueNetworkId")
    return estate.network_by_key.get(key) if isinstance(key, str) else None


def disks(found: list[Any] | None) -> tuple[Disk, ...] | None:
    if found is None:
        return None
    controllers = {_key(each): each for each in dicts(found) if "busNumber" in each}
    return tuple(
        _disk(disk, controllers) for disk in dicts(found) if disk.get("_type") == "VirtualDisk"
    )


def _disk(disk: dict[str, Any], controllers: dict[str, dict[str, Any]]) -> Disk:
    capacity = as_number(disk.get("capacityInBytes"))
    if capacity is None:
        in_kib = as_number(disk.get("capacityInKB"))
        capacity = None if in_kib is None else in_kib * 1024
    backing, controller_key = disk.get("backing"), as_text(disk.get("controllerKey")) or ""
    controller, datastore = controllers.get(controller_key, {}), inside(backing, "datastore")
    return Disk(
        key=_key(disk),
        label=_label(disk),
        capacity_bytes=capacity,
        file=as_text(inside(backing, "fileName")),
        datastore_ref=str(datastore) if isinstance(datastore, Ref) else None,
        mode=as_text(inside(backing, "diskMode")),
        sharing=as_text(inside(backing, "sharing")),
        controller=_label(controller) or _IDE.get(controller_key),
        bus_sharing=as_text(controller.get("sharedBus")),
        encrypted="keyId" in backing if isinstance(backing, dict) else None,
        thin=as_flag(inside(backing, "thinProvisioned")),
    )


def others(found: list[Any] | None) -> tuple[Device, ...] | None:
    """Devices that let something in or out, or are a part of the host."""
    if found is None:
        return None
    return tuple(
        Device(
            key=_key(device),
            type=_DEVICES[device["_type"]],
            label=_label(device),
            backing=_behind(device.get("backing")),
            connected=as_flag(inside(device, "connectable", "connected")),
        )
        for device in dicts(found)
        if device.get("_type") in _DEVICES
    )


def _behind(backing: Any) -> str | None:
    """What a device stands for; who may use it is left out of an address."""
    if not isinstance(backing, dict):
        return None
    named = (as_text(backing.get(name)) for name in _BACKINGS)
    return _USER_IN_URI.sub("//", next(filter(None, named), ""))


def has_tpm(found: list[Any] | None) -> bool | None:
    return (
        None if found is None else any(each.get("_type") == "VirtualTPM" for each in dicts(found))
    )


def _key(device: dict[str, Any]) -> str:
    return as_text(device.get("key")) or ""


def _label(device: dict[str, Any]) -> str:
    return as_text(inside(device, "deviceInfo", "label")) or ""
