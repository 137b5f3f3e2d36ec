import pytest

from inventory.connectors.vsphere.mapping import machines
from inventory.connectors.vsphere.mapping.estate import Estate
from inventory.records import Device, Disk, VirtualMachine
from tests.inventory.connectors.vsphere.pages import (
    a_property,
    a_text,
    an_estate,
    facts_of,
    recorded,
    withheld,
)

IDENTITY = a_text("config.instanceUuid", "50-aa")


def a_machine(*properties: str, estate: Estate | None = None) -> VirtualMachine:
    found = machines.machine(
        facts_of(IDENTITY, a_text("name", "web"), *properties), estate or an_estate()
    )
    assert isinstance(found, VirtualMachine)
    return found


def device(type_: str, content: str) -> str:
    return f'<VirtualDevice xsi:type="{type_}">{content}</VirtualDevice>'


def hardware(*devices: str) -> str:
    return a_property("config.hardware.device", "".join(devices), "ArrayOfVirtualDevice")


def test_a_card_on_a_standard_network_names_it() -> None:
    estate = an_estate()
    estate.add(facts_of(a_text("name", "VM Network"), ref="network-7", type_="Network"))
    vm = a_machine(
        hardware(
            device(
                "VirtualE1000",
                "<key>4000</key><deviceInfo><label>Network adapter 1</label></deviceInfo>"
                '<backing xsi:type="VirtualEthernetCardNetworkBackingInfo">'
                '<deviceName>old name</deviceName><network type="Network">network-7</network>'
                "</backing><connectable><startConnected>true</startConnected>"
                "<connected>false</connected></connectable>"
                "<addressType>Manual</addressType><macAddress>00:50:56:AB:CD:EF</macAddress>",
            )
        ),
        estate=estate,
    )

    [nic] = vm.nics or ()
    assert nic.network_ref == "network-7"
    assert nic.network_name == "VM Network"
    assert nic.mac == "00:50:56:ab:cd:ef"
    assert (nic.connected, nic.start_connected) == (False, True)


def test_a_card_on_a_network_nobody_can_see_keeps_its_unknown_network() -> None:
    vm = a_machine(
        hardware(
            device(
                "VirtualVmxnet3",
                "<key>4000</key><backing><port><portgroupKey>dvportgroup-9</portgroupKey></port>"
                "</backing><macAddress>00:50:56:00:00:01</macAddress>",
            )
        )
    )

    assert (vm.nics or ())[0].network_ref is None


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("VirtualFloppy", "floppy"),
        ("VirtualSerialPort", "serial"),
        ("VirtualParallelPort", "parallel"),
        ("VirtualUSB", "usb"),
        ("VirtualPCIPassthrough", "pci"),
    ],
)
def test_removable_and_pass_through_devices_are_kept(type_: str, expected: str) -> None:
    vm = a_machine(hardware(device(type_, "<key>9000</key>"), device("VirtualKeyboard", "")))

    assert [(one.key, one.type) for one in vm.devices or ()] == [("9000", expected)]


def test_an_old_disk_tells_its_size_in_kib_only() -> None:
    vm = a_machine(hardware(device("VirtualDisk", "<key>1</key><capacityInKB>4</capacityInKB>")))

    assert (vm.disks or ())[0].capacity_bytes == 4096


def test_a_card_tells_its_kind_and_its_port() -> None:
    cards = [
        device(
            type_,
            f"<key>{number}</key><addressType>assigned</addressType>"
            f"<backing><port><portgroupKey>dvportgroup-9</portgroupKey><portKey>1{number}</portKey>"
            "</port></backing>",
        )
        for number, type_ in enumerate(
            ("VirtualE1000e", "VirtualSriovEthernetCard", "VirtualVmxnet9")
        )
    ]

    found = a_machine(hardware(*cards)).nics or ()

    assert [(nic.adapter, nic.port_key) for nic in found] == [
        ("e1000e", "10"),
        ("sriov", "11"),
        ("VirtualVmxnet9", "12"),
    ]


def test_a_disk_tells_where_it_is_and_how_it_is_shared() -> None:
    controller = device(
        "ParaVirtualSCSIController",
        "<key>1000</key><deviceInfo><label>SCSI controller 0</label></deviceInfo>"
        "<busNumber>0</busNumber><sharedBus>physicalSharing</sharedBus>",
    )
    disk = device(
        "VirtualDisk",
        "<key>2000</key><deviceInfo><label>Hard disk 1</label></deviceInfo>"
        '<backing xsi:type="VirtualDiskFlatVer2BackingInfo"><fileName>[gold] a/a.vmdk</fileName>'
        '<datastore type="Datastore">datastore-5</datastore><diskMode>persistent</diskMode>'
        "<sharing>sharingMultiWriter</sharing><keyId><keyId>k</keyId></keyId></backing>"
        "<controllerKey>1000</controllerKey><capacityInBytes>1024</capacityInBytes>",
    )

    assert a_machine(hardware(controller, disk)).disks == (
        Disk(
            key="2000",
            label="Hard disk 1",
            capacity_bytes=1024,
            file="[gold] a/a.vmdk",
            datastore_ref="datastore-5",
            mode="persistent",
            sharing="sharingMultiWriter",
            controller="SCSI controller 0",
            bus_sharing="physicalSharing",
            encrypted=True,
        ),
    )


def test_a_disk_behind_an_ide_controller_names_it() -> None:
    disk = device("VirtualDisk", "<key>3000</key><controllerKey>201</controllerKey>")
    [found] = a_machine(hardware(disk)).disks or ()

    assert (found.controller, found.bus_sharing) == ("IDE 1", None)


def test_whether_a_disk_is_encrypted_is_unknown_without_what_is_behind_it() -> None:
    plain = "<key>1</key><backing><fileName>[gold] a.vmdk</fileName></backing>"
    disks = a_machine(
        hardware(device("VirtualDisk", plain), device("VirtualDisk", "<key>2</key>"))
    ).disks

    assert [disk.encrypted for disk in disks or ()] == [False, None]


@pytest.mark.parametrize(
    ("backing", "expected"),
    [
        ("<fileName>[iso] debian.iso</fileName>", "[iso] debian.iso"),
        ("<deviceName></deviceName><id>0000:3b:00.0</id>", "0000:3b:00.0"),
        ("<vgpu>grid_p40-2q</vgpu>", "grid_p40-2q"),
        ("<serviceURI>telnet://ann:secret@10.0.0.9:23</serviceURI>", "telnet://10.0.0.9:23"),
        ("<useAutoDetect>false</useAutoDetect>", ""),
    ],
)
def test_a_device_tells_what_is_behind_it(backing: str, expected: str) -> None:
    content = f"<key>1</key><backing>{backing}</backing>"

    assert a_machine(hardware(device("VirtualPCIPassthrough", content))).devices == (
        Device(key="1", type="pci", backing=expected),
    )


def test_a_trusted_platform_module_is_told_apart() -> None:
    vm = a_machine(hardware(device("VirtualTPM", "<key>11000</key>")))

    assert (vm.tpm, vm.devices) == (True, ())
    assert a_machine().tpm is False
    assert a_machine(withheld("config.hardware.device")).tpm is None


def test_the_simulators_disk_has_a_controller_and_a_datastore() -> None:
    vm = machines.machine(recorded("VirtualMachine")[0], an_estate())

    assert isinstance(vm, VirtualMachine)
    [disk] = vm.disks or ()
    assert disk.controller
    assert (disk.bus_sharing, disk.datastore_ref, disk.encrypted) == (
        "noSharing",
        (vm.datastore_refs or ())[0],
        False,
    )
    assert [nic.adapter for nic in vm.nics or ()] == ["vmxnet3"]
