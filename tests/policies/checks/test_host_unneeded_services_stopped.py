import pytest

from tests.policies.builders import (
    a_host,
    a_service,
    keys,
    missing,
    passes,
)

CHECK = "host-unneeded-services-stopped"


def test_stopped_services_pass():
    assert passes(CHECK, a_host())


def test_a_service_that_does_not_exist_is_no_danger():
    assert passes(CHECK, a_host(services=(a_service("TSM"),)))


def test_a_service_that_is_needed_is_not_judged():
    assert passes(CHECK, a_host(services=(a_service("ntpd", running=True, policy="on"),)))


@pytest.mark.parametrize(("running", "policy"), [(True, "off"), (False, "on")])
def test_a_service_that_runs_or_starts_with_the_host_fails(running, policy):
    host = a_host(services=(a_service("slpd", running=running, policy=policy),))

    assert keys(CHECK, host) == {"slpd"}


def test_a_stopped_service_that_waits_for_its_firewall_rule_passes():
    assert passes(CHECK, a_host(services=(a_service("snmpd", policy="automatic"),)))


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_host(services=None)) == "services"
    assert missing(CHECK, a_host(services=()))
    assert missing(CHECK, a_host(services=(a_service("slpd", running=None),)))
