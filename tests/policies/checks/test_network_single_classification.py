from typing import Any

from inventory.records import Network
from tests.policies.builders import a_network, a_vm, an_image, excused, missing, passes, violations

CHECK = "network-single-classification"

WEB = a_vm("web-01", classification="public")
DATABASE = a_vm("db-pay-02", classification="confidential")


def joining(*names: str, **facts: Any) -> Network:
    return a_network(vm_refs=tuple(f"vm-{name}" for name in names), **facts)


def test_machines_of_one_classification_pass():
    assert passes(CHECK, joining("a", "b"), a_vm("a"), a_vm("b", classification="Internal"))


def test_an_empty_port_group_passes():
    assert passes(CHECK, joining())


def test_machines_of_two_classifications_fail():
    [violation] = violations(CHECK, joining("web-01", "db-pay-02"), WEB, DATABASE)

    assert violation.message == (
        "app joins machines of 2 classifications: confidential (db-pay-02); public (web-01)."
    )


def test_a_standard_network_is_judged_too():
    network = joining("web-01", "db-pay-02", type="standard", uplink=None)

    assert violations(CHECK, network, WEB, DATABASE)


def test_stored_images_and_agents_of_the_platform_do_not_count():
    image = an_image("gold", classification="secret")
    around = (WEB, image, a_vm("vCLS-1", classification=""))

    assert passes(CHECK, joining("web-01", "gold", "vCLS-1"), *around)


def test_an_uplink_port_group_is_not_concerned():
    assert excused(CHECK, joining(uplink=True))


def test_a_mixture_is_proven_whatever_else_is_unknown():
    assert violations(CHECK, joining("web-01", "db-pay-02", "lost"), WEB, DATABASE)


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, joining("web-01", "lost"), WEB) == "the machine vm-lost"
    assert missing(CHECK, joining("web-01", "x"), WEB, a_vm("x", classification=""))
    assert missing(CHECK, joining("web-01", "x"), WEB, a_vm("x", classification=None))
    assert missing(CHECK, a_network(vm_refs=None)) == "vm_refs"
    assert missing(CHECK, joining(uplink=None)) == "uplink"
