from typing import Any

import pytest

from inventory.records import SecurityPolicy
from tests.policies.builders import (
    a_host,
    a_port_group,
    keys,
    missing,
    passes,
    violations,
)

CHECK = "host-port-group-security"


def loose(**facts: Any) -> SecurityPolicy:
    return SecurityPolicy(
        **{"promiscuous": False, "mac_changes": False, "forged_transmits": False, **facts}
    )


def test_strict_port_groups_pass():
    assert passes(CHECK, a_host())


def test_a_host_without_standard_port_groups_passes():
    assert passes(CHECK, a_host(port_groups=()))


@pytest.mark.parametrize("setting", ["promiscuous", "mac_changes", "forged_transmits"])
def test_each_loose_setting_fails(setting):
    host = a_host(port_groups=(a_port_group("Lab", security=loose(**{setting: True})),))

    [violation] = violations(CHECK, host)

    assert violation.key == "Lab"
    assert violation.evidence["accepted"] == [setting]


def test_one_port_group_is_one_finding():
    both = loose(promiscuous=True, forged_transmits=True)
    host = a_host(port_groups=(a_port_group("Lab", security=both), a_port_group("App")))

    assert keys(CHECK, host) == {"Lab"}


def test_a_policy_that_was_not_read_is_unknown():
    assert missing(CHECK, a_host(port_groups=None)) == "port_groups"
    assert missing(CHECK, a_host(port_groups=(a_port_group("Lab", security=None),)))
    assert missing(
        CHECK, a_host(port_groups=(a_port_group("Lab", security=loose(promiscuous=None)),))
    )
