from inventory.records import Kind, PowerState
from tests.policies.builders import a_host, a_vm, missing, passes, violations

CHECK = "host-single-classification"
WEB = a_vm("web-01", classification="public")
DATABASE = a_vm("db-pay-02", classification="confidential")


def test_machines_of_one_classification_may_share_a_host():
    assert passes(CHECK, a_host(), a_vm("a"), a_vm("b", classification="Internal"))


def test_a_host_without_machines_passes():
    assert passes(CHECK, a_host())


def test_machines_of_two_classifications_on_one_host_fail():
    [violation] = violations(CHECK, a_host("esx-07", ref="host-esx-01"), WEB, DATABASE)

    assert violation.key == ""
    assert violation.message == (
        "esx-07 runs machines of 2 classifications side by side: "
        "confidential (db-pay-02); public (web-01)."
    )
    assert violation.evidence == {"confidential": ["db-pay-02"], "public": ["web-01"]}


def test_a_machine_on_another_host_does_not_count():
    assert passes(CHECK, a_host(), WEB, a_vm("db", host_ref="host-2", classification="secret"))


def test_a_machine_that_is_off_does_not_count():
    assert passes(
        CHECK, a_host(), WEB, a_vm("db", power_state=PowerState.OFF, classification="secret")
    )


def test_agents_of_the_platform_do_not_count():
    assert passes(CHECK, a_host(), WEB, a_vm("vCLS-1", classification=""))


def test_a_mixture_is_proven_whatever_else_is_unknown():
    assert violations(CHECK, a_host(), WEB, DATABASE, a_vm("x", classification=None))


def test_a_neighbour_without_classification_is_unknown():
    assert "x" in missing(CHECK, a_host(), WEB, a_vm("x", classification=""))
    assert "x" in missing(CHECK, a_host(), WEB, a_vm("x", classification=None))


def test_a_machine_alone_on_its_host_needs_no_classification():
    assert passes(CHECK, a_host(), a_vm("x", classification=""))


def test_a_neighbour_that_may_run_is_unknown_when_it_would_decide():
    doubtful = a_vm("x", power_state=None, classification="secret")

    assert missing(CHECK, a_host(), WEB, doubtful) == "the power state of x"
    assert passes(CHECK, a_host(), WEB, a_vm("x", power_state=None, classification="public"))


def test_a_machine_whose_host_is_not_known_may_run_anywhere():
    assert "host_ref" in missing(CHECK, a_host(), WEB, a_vm("lost", host_ref=None))


def test_a_list_of_machines_with_holes_proves_nothing():
    assert missing(CHECK, a_host(), WEB, complete=frozenset(Kind) - {Kind.VM})
