from typing import Any

from inventory.records import (
    Kind,
    Network,
    PowerState,
)
from tests.policies.builders import a_host, a_network, a_vm, missing, passes, violations

CHECK = "host-traffic-visible"

HOST = a_host(network_refs=("network-lab",))
ONE, TWO = a_vm("one"), a_vm("two")


def lab(*names: str, **facts: Any) -> Network:
    refs = tuple(f"vm-{name}" for name in names)
    return a_network("lab", **{"type": "standard", "uplink": None, "vm_refs": refs, **facts})


def test_machines_on_a_distributed_switch_pass():
    assert passes(CHECK, HOST, lab("one", "two", type="distributed"), ONE, TWO)


def test_one_machine_has_nobody_to_talk_to():
    assert passes(CHECK, HOST, lab("one"), ONE)


def test_two_machines_on_one_standard_switch_fail():
    [violation] = violations(CHECK, HOST, lab("one", "two"), ONE, TWO)

    assert violation.key == "network-lab"
    assert violation.message == "2 machines on lab of esx-01 talk unseen: one and two."


def test_a_machine_that_is_off_or_elsewhere_does_not_count():
    assert passes(CHECK, HOST, lab("one", "two"), ONE, a_vm("two", power_state=PowerState.OFF))
    assert passes(CHECK, HOST, lab("one", "two"), ONE, a_vm("two", host_ref="host-esx-02"))


def test_a_sensor_on_the_host_sees_them():
    around = (lab("one", "two"), ONE, TWO)

    assert passes(CHECK, HOST, *around, a_vm("sensor-01"), sensors=("sensor-*",))
    assert violations(
        CHECK, HOST, *around, a_vm("sensor-01", power_state=PowerState.OFF), sensors=("sensor-*",)
    )


def test_what_could_not_be_read_is_unknown():
    around = (lab("one", "two"), ONE)

    assert missing(CHECK, a_host(network_refs=None)) == "network_refs"
    assert missing(CHECK, HOST) == "the network network-lab"
    assert missing(CHECK, HOST, lab(vm_refs=None)) == "the machines on lab"
    assert missing(CHECK, HOST, *around, a_vm("two", power_state=None))
    assert missing(CHECK, HOST, *around, a_vm("two", host_ref=None))
    assert missing(CHECK, HOST, *around, complete=frozenset(Kind) - {Kind.VM})
