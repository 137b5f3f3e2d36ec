from tests.policies.builders import a_vm, missing, passes, violations

CHECK = "vm-consolidation"


def test_a_consolidated_machine_passes():
    assert passes(CHECK, a_vm(consolidation_needed=False))


def test_leftover_disks_fail():
    assert violations(CHECK, a_vm(consolidation_needed=True))


def test_unread_is_unknown():
    assert missing(CHECK, a_vm(consolidation_needed=None)) == "consolidation_needed"
