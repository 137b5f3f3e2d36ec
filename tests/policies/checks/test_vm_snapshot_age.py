from tests.policies.builders import a_snapshot, a_vm, missing, passes, violations

CHECK = "vm-snapshot-age"


def test_a_machine_without_snapshots_passes():
    assert passes(CHECK, a_vm(snapshots=()))


def test_a_snapshot_exactly_at_the_limit_passes():
    assert passes(CHECK, a_vm(snapshots=(a_snapshot(age_days=7),)), max_age_days=7)


def test_only_the_snapshot_past_the_limit_is_reported():
    vm = a_vm(snapshots=(a_snapshot("new", age_days=1), a_snapshot("old", age_days=63)))

    [violation] = violations(CHECK, vm)

    assert violation.key == "old"
    assert violation.message == "Snapshot “before patch” of app-01 is 63 days old."


def test_unread_snapshots_are_unknown():
    assert missing(CHECK, a_vm(snapshots=None)) == "snapshots"


def test_a_machine_that_the_platform_cannot_reach_is_unknown():
    assert "disconnected" in missing(CHECK, a_vm(connection_state="disconnected"))
