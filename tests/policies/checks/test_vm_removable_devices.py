import pytest

from tests.policies.builders import (
    a_device,
    a_vm,
    missing,
    passes,
    violations,
)

CHECK = "vm-removable-devices"


def test_a_machine_without_devices_passes():
    assert passes(CHECK, a_vm(devices=()))


def test_an_empty_disc_drive_passes():
    assert passes(CHECK, a_vm(devices=(a_device("cdrom", connected=False),)))


def test_a_connected_disc_fails():
    [violation] = violations(CHECK, a_vm(devices=(a_device("cdrom", connected=True),)))

    assert violation.key == "3000"
    assert violation.message == "app-01 has cdrom 1 connected."


@pytest.mark.parametrize("kind", ["floppy", "serial", "parallel", "usb", "pci", "scsi"])
def test_the_other_devices_fail_connected_or_not(kind):
    for state in (True, False, None):
        assert violations(CHECK, a_vm(devices=(a_device(kind, connected=state),)))


def test_which_devices_are_forbidden_can_be_set():
    assert passes(CHECK, a_vm(devices=(a_device("pci", connected=True),)), forbidden=("floppy",))


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_vm(devices=None)) == "devices"
    assert "cdrom" in missing(CHECK, a_vm(devices=(a_device("cdrom", connected=None),)))
