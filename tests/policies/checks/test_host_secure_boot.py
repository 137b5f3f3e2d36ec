from tests.policies.builders import a_host, missing, passes, violations

CHECK = "host-secure-boot"


def test_secure_boot_passes():
    assert passes(CHECK, a_host(uefi_secure_boot=True))


def test_no_secure_boot_fails():
    assert violations(CHECK, a_host(uefi_secure_boot=False))


def test_unread_is_unknown():
    assert missing(CHECK, a_host(uefi_secure_boot=None)) == "uefi_secure_boot"
