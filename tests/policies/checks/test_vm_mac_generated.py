import pytest

from tests.policies.builders import (
    a_nic,
    a_vm,
    keys,
    missing,
    passes,
)

CHECK = "vm-mac-generated"


@pytest.mark.parametrize("how", ["generated", "assigned", "Assigned"])
def test_an_address_from_the_platform_passes(how):
    assert passes(CHECK, a_vm(nics=(a_nic(mac_type=how),)))


def test_an_address_set_by_hand_fails():
    assert keys(CHECK, a_vm(nics=(a_nic("4000"), a_nic("4001", mac_type="manual")))) == {"4001"}


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_vm(nics=None)) == "nics"
    assert missing(CHECK, a_vm(nics=(a_nic(mac_type=None),)))
