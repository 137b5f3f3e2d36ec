from inventory.records import PowerState
from tests.policies.builders import a_vm, excused, judge, keys, missing, passes

CHECK = "vm-classified"


def test_a_labelled_machine_passes():
    assert passes(CHECK, a_vm())


def test_a_machine_that_is_off_needs_labels_too():
    assert keys(CHECK, a_vm(power_state=PowerState.OFF, classification="")) == {"classification"}


def test_each_missing_label_is_its_own_finding():
    assert keys(CHECK, a_vm(classification="", criticality="")) == {
        "classification",
        "criticality",
    }


def test_only_what_is_required_is_asked_for():
    assert passes(CHECK, a_vm(criticality=""), required=("classification",))


def test_a_label_that_could_not_be_read_is_unknown():
    assert missing(CHECK, a_vm(classification=None)) == "classification"
    assert missing(CHECK, a_vm(criticality=None)) == "criticality"


def test_a_proven_gap_is_reported_beside_one_that_could_not_be_read():
    evaluation = judge(CHECK, a_vm(classification=None, criticality=""))

    assert [violation.key for violation in evaluation.violations] == ["criticality"]
    assert evaluation.incomplete == "classification"


def test_agents_of_the_platform_are_excused():
    assert "agent" in excused(CHECK, a_vm("vCLS-4c2f", classification=""))
