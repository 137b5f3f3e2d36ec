from tests.policies.builders import a_host, a_vmk, missing, passes, violations

CHECK = "host-management-vmkernel-dedicated"


def test_management_alone_passes():
    assert passes(CHECK, a_host())


def test_other_services_on_other_nics_pass():
    vmks = (a_vmk("vmk0"), a_vmk("vmk1", services=("vmotion", "vsan")), a_vmk("vmk2", services=()))

    assert passes(CHECK, a_host(vmkernel_nics=vmks))


def test_a_second_service_on_the_management_nic_fails():
    host = a_host(vmkernel_nics=(a_vmk("vmk0", services=("management", "vmotion")),))

    [violation] = violations(CHECK, host)

    assert violation.key == "vmk0"
    assert violation.message == "vmk0 of esx-01 carries management and vmotion."


def test_unread_services_are_unknown():
    assert missing(CHECK, a_host(vmkernel_nics=None)) == "vmkernel_nics"
    assert "vmk1" in missing(
        CHECK, a_host(vmkernel_nics=(a_vmk("vmk0"), a_vmk("vmk1", services=None)))
    )
