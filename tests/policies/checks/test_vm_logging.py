from tests.policies.builders import a_vm, missing, passes, violations

CHECK = "vm-logging"


def test_a_machine_that_logs_passes():
    assert passes(CHECK, a_vm(logging_enabled=True))


def test_a_machine_that_does_not_log_fails():
    assert violations(CHECK, a_vm(logging_enabled=False))


def test_unread_is_unknown():
    assert missing(CHECK, a_vm(logging_enabled=None)) == "logging_enabled"
