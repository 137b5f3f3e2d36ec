from tests.policies.builders import a_vm, missing, passes, violations

CHECK = "vm-secure-boot"


def test_secure_boot_passes():
    assert passes(CHECK, a_vm())


def test_no_secure_boot_fails_and_names_the_firmware():
    [violation] = violations(CHECK, a_vm(secure_boot=False, firmware="bios"))

    assert violation.message == "app-01 starts without secure boot, with bios firmware."


def test_the_firmware_does_not_decide():
    assert violations(CHECK, a_vm(secure_boot=False, firmware=None))
    assert passes(CHECK, a_vm(firmware=None))


def test_unread_is_unknown():
    assert missing(CHECK, a_vm(secure_boot=None)) == "secure_boot"
