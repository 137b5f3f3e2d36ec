from typing import Any

import pytest

from inventory.records import FirewallRule
from tests.policies.builders import (
    a_host,
    keys,
    missing,
    passes,
    violations,
)

CHECK = "host-firewall-management"


def rule(key: str = "sshServer", **facts: Any) -> FirewallRule:
    return FirewallRule(key=key, **{"enabled": True, "all_ips": False, **facts})


def test_rules_limited_to_some_networks_pass():
    assert passes(CHECK, a_host())


def test_a_management_rule_that_admits_everyone_fails():
    [violation] = violations(CHECK, a_host(firewall_rules=(rule(all_ips=True),)))

    assert violation.key == "sshServer"
    assert violation.message == "Rule sshServer of esx-01 admits every address."


def test_a_disabled_rule_admits_nobody():
    assert passes(CHECK, a_host(firewall_rules=(rule(enabled=False, all_ips=True),)))


def test_rules_that_do_not_open_management_are_not_judged():
    assert passes(CHECK, a_host(firewall_rules=(rule("ntpClient", all_ips=True),)))


def test_a_firewall_that_is_open_by_default_fails():
    assert keys(CHECK, a_host(firewall_incoming_blocked=False)) == {"default"}


@pytest.mark.parametrize(
    ("allowed", "within"),
    [("10.0.10.0/24", True), ("10.0.10.7", True), ("10.0.0.0/16", False), ("fd00::/8", False)],
)
def test_only_networks_inside_the_approved_ones_pass(allowed, within):
    host = a_host(firewall_rules=(rule(allowed=(allowed,)),))

    assert passes(CHECK, host, approved_networks=("10.0.10.0/24",)) is within


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_host(firewall_rules=None)) == "firewall_rules"
    assert missing(CHECK, a_host(firewall_incoming_blocked=None))
    assert "sshServer" in missing(CHECK, a_host(firewall_rules=(rule(all_ips=None),)))
    assert "sshServer" in missing(CHECK, a_host(firewall_rules=(rule(enabled=None),)))
