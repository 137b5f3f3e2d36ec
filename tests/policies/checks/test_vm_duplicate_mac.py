from typing import Any

from inventory.records import Kind, PowerState, VirtualMachine
from policies.spec import OTHERS
from tests.policies.builders import a_nic, a_vm, an_image, keys, missing, passes, violations

CHECK = "vm-duplicate-mac"

MAC = "00:50:56:aa:aa:aa"


def with_mac(name: str, mac: str = MAC, **facts: Any) -> VirtualMachine:
    return a_vm(name, nics=(a_nic(mac=mac),), **facts)


def test_addresses_of_their_own_pass():
    assert passes(CHECK, with_mac("a"), with_mac("b", "00:50:56:aa:aa:ab"))


def test_two_machines_with_one_address_fail_both():
    original, copy = with_mac("db-01"), with_mac("db-01-restored")

    [violation] = violations(CHECK, original, copy)

    assert violation.key == MAC
    assert (
        violation.message == "db-01 shares the MAC address 00:50:56:aa:aa:aa with 1 other adapter."
    )
    assert violation.evidence[OTHERS] == ["db-01-restored"]
    assert keys(CHECK, copy, original) == {MAC}


def test_a_copy_that_is_off_is_a_duplicate_too():
    assert violations(CHECK, with_mac("a"), with_mac("b", power_state=PowerState.OFF))


def test_a_template_that_has_the_address_of_a_machine_fails_the_machine():
    [violation] = violations(CHECK, with_mac("web"), an_image("gold", nics=(a_nic(mac=MAC),)))

    assert violation.evidence[OTHERS] == ["gold"]


def test_two_adapters_of_one_machine_with_one_address_fail():
    assert keys(CHECK, a_vm(nics=(a_nic("4000", mac=MAC), a_nic("4001", mac=MAC)))) == {MAC}


def test_a_machine_without_adapters_passes():
    assert passes(CHECK, a_vm(nics=()))


def test_an_unreadable_neighbour_is_unknown_itself_and_blinds_nobody():
    assert passes(CHECK, with_mac("a"), a_vm("b", nics=None))
    assert missing(CHECK, a_vm("b", nics=None), with_mac("a")) == "nics"


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_vm(nics=(a_nic(mac=None),)))
    assert missing(CHECK, with_mac("a"), complete=frozenset(Kind) - {Kind.VM})
