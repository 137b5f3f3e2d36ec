import pytest

from inventory.records import Host
from tests.policies.builders import (
    a_host,
    keys,
    missing,
    passes,
    violations,
)

CHECK = "host-log-host"

KEY = "Syslog.global.logHost"


def to(target: str) -> Host:
    return a_host(options={KEY: target})


def test_a_protected_log_host_passes():
    assert passes(CHECK, to("ssl://siem.halden.example:6514"))


@pytest.mark.parametrize("nothing", ["", "  ", ","])
def test_a_host_that_logs_nowhere_fails(nothing):
    [violation] = violations(CHECK, to(nothing))

    assert violation.key == ""
    assert violation.message == "esx-01 sends its logs nowhere."


@pytest.mark.parametrize("target", ["udp://siem:514", "tcp://siem", "siem"])
def test_an_unprotected_target_fails_unless_that_is_accepted(target):
    assert keys(CHECK, to(target)) == {"tls:siem"}
    assert passes(CHECK, to(target), require_tls=False)


def test_case_does_not_matter():
    assert passes(CHECK, to("SSL://SIEM.halden.example:6514"), approved_hosts=("siem.*",))


def test_each_target_is_judged():
    host = to("ssl://siem.halden.example:6514, ssl://elsewhere.example:6514")

    assert keys(CHECK, host, approved_hosts=("SIEM.halden.example",)) == {
        "unapproved:elsewhere.example"
    }


def test_an_address_in_brackets_is_one_name():
    assert passes(CHECK, to("ssl://[fd00::5]:6514"), approved_hosts=("fd00::5",))


def test_a_setting_that_was_not_given_is_unknown():
    assert missing(CHECK, a_host(options=None)) == "options"
    assert missing(CHECK, a_host(options={})) == f"options: {KEY}"
