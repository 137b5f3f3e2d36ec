import pytest

from tests.policies.builders import (
    a_host,
    a_service,
    judge,
    keys,
    missing,
    passes,
    violations,
)

CHECK = "host-ssh-shell-stopped"

STOPPED = (a_service("TSM-SSH"), a_service("TSM"))


def test_stopped_shells_pass():
    assert passes(CHECK, a_host(services=STOPPED))


@pytest.mark.parametrize(
    "ssh",
    [
        a_service("TSM-SSH", running=True, policy="off"),
        a_service("TSM-SSH", running=False, policy="on"),
        a_service("TSM-SSH", running=False, policy="automatic"),
        a_service("TSM-SSH", running=True, policy=None),
    ],
)
def test_a_shell_that_runs_or_will_run_fails(ssh):
    assert keys(CHECK, a_host(services=(ssh, a_service("TSM")))) == {"TSM-SSH"}


def test_the_message_names_service_and_host():
    host = a_host(services=(*STOPPED[:1], a_service("TSM", running=True)))

    [violation] = violations(CHECK, host)

    assert violation.message == "TSM of esx-01 is running."


def test_a_shell_that_is_not_listed_is_unknown():
    assert missing(CHECK, a_host(services=None)) == "services"
    assert missing(CHECK, a_host(services=STOPPED[:1])) == "services: the state of TSM"
    assert missing(CHECK, a_host(services=(a_service("TSM-SSH", running=None), a_service("TSM"))))


def test_one_open_shell_is_reported_when_the_other_is_unknown():
    evaluation = judge(CHECK, a_host(services=(a_service("TSM", running=True),)))

    assert [violation.key for violation in evaluation.violations] == ["TSM"]
    assert evaluation.incomplete == "services: the state of TSM-SSH"
