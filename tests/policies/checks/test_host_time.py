import pytest

from tests.policies.builders import a_host, a_service, keys, missing, passes, violations, without

CHECK = "host-time"
NTPD = (a_service("ntpd", running=True, policy="on"),)


def test_two_servers_and_a_running_daemon_pass():
    assert passes(CHECK, a_host())


def test_a_host_without_a_time_server_fails():
    [violation] = violations(CHECK, a_host(time_servers=()))

    assert violation.key == "servers"
    assert violation.message == "esx-01 has no time server; the policy asks for 2."


def test_one_server_named_twice_is_one_server():
    assert keys(CHECK, a_host(time_servers=("ntp1", "NTP1"))) == {"servers"}


def test_a_server_that_is_not_approved_fails():
    host = a_host(time_servers=("ntp1", "pool.ntp.org"))

    assert keys(CHECK, host, approved_servers=("NTP1", "ntp2")) == {"unapproved"}


@pytest.mark.parametrize(
    "daemon",
    [
        a_service("ntpd", running=False, policy="on"),
        a_service("ntpd", running=True, policy="off"),
        a_service("ntpd", running=False, policy=None),
    ],
)
def test_a_daemon_that_is_stopped_or_will_be_after_a_reboot_fails(daemon):
    assert keys(CHECK, a_host(services=(daemon,))) == {"daemon"}


def test_a_daemon_that_starts_with_its_firewall_port_passes():
    assert passes(CHECK, a_host(services=(a_service("ntpd", running=True, policy="automatic"),)))


def test_precision_time_needs_its_own_daemon_and_no_servers():
    ptpd = a_service("ptpd", running=True, policy="on")

    assert passes(CHECK, a_host(time_protocol="ptp", time_servers=(), services=(ptpd,)))
    assert missing(CHECK, a_host(time_protocol="ptp", services=NTPD))


@pytest.mark.parametrize("fact", ["time_protocol", "time_servers", "services"])
def test_what_could_not_be_read_is_unknown(fact):
    assert missing(CHECK, a_host(**without(fact))) == fact


def test_a_missing_server_is_proven_when_the_protocol_is_not_named():
    assert keys(CHECK, a_host(time_protocol=None, time_servers=())) == {"servers"}


def test_a_daemon_that_is_not_listed_is_unknown():
    assert missing(CHECK, a_host(services=())) == "services: the state of ntpd"
    assert missing(CHECK, a_host(services=(a_service("ntpd", running=None, policy="on"),)))
