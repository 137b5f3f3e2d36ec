from tests.policies.builders import a_snapshot, a_vm, excused, missing, passes, violations

CHECK = "vm-recovery-point"


def test_a_recovery_point_exactly_at_the_limit_passes():
    assert passes(CHECK, a_vm(criticality="High", snapshots=(a_snapshot(age_hours=24),)))


def test_the_newest_recovery_point_decides():
    vm = a_vm(snapshots=(a_snapshot("old", age_days=60), a_snapshot("new", age_hours=1)))

    assert passes(CHECK, vm)


def test_a_recovery_point_past_the_limit_fails():
    [violation] = violations(CHECK, a_vm(snapshots=(a_snapshot(age_hours=25),)))

    assert violation.message == "The newest recovery point of app-01 is 25 hours old."


def test_a_critical_machine_without_a_recovery_point_fails():
    [violation] = violations(CHECK, a_vm(criticality="critical", snapshots=()))

    assert violation.message == "app-01 has no recovery point; its criticality is critical."


def test_a_machine_of_low_criticality_is_not_concerned():
    assert excused(CHECK, a_vm(criticality="low", snapshots=()))


def test_the_limits_can_be_set():
    vm = a_vm(criticality="low", snapshots=(a_snapshot(age_hours=100),))

    assert passes(CHECK, vm, max_age_hours={"Low": 168})
    assert violations(CHECK, vm, max_age_hours={"low": 72})


def test_a_machine_whose_criticality_is_not_set_is_unknown():
    assert missing(CHECK, a_vm(criticality="")) == "criticality"
    assert missing(CHECK, a_vm(criticality=None)) == "criticality"


def test_unread_snapshots_are_unknown():
    assert missing(CHECK, a_vm(snapshots=None)) == "snapshots"
