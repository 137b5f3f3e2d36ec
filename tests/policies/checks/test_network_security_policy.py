from typing import Any

import pytest

from inventory.records import SecurityPolicy
from tests.policies.builders import a_network, excused, judge, keys, missing, passes

CHECK = "network-security-policy"


def loose(**facts: Any) -> SecurityPolicy:
    return SecurityPolicy(
        **{"promiscuous": False, "mac_changes": False, "forged_transmits": False, **facts}
    )


def test_a_strict_port_group_passes():
    assert passes(CHECK, a_network())


@pytest.mark.parametrize("setting", ["promiscuous", "mac_changes", "forged_transmits"])
def test_each_loose_setting_is_its_own_finding(setting):
    assert keys(CHECK, a_network(security=loose(**{setting: True}))) == {setting}


def test_a_loose_setting_is_reported_beside_an_unread_one():
    network = a_network(security=loose(promiscuous=True, mac_changes=None))

    evaluation = judge(CHECK, network)

    assert [violation.key for violation in evaluation.violations] == ["promiscuous"]
    assert evaluation.incomplete == "security: MAC address changes"


def test_uplinks_and_standard_networks_are_not_concerned():
    assert excused(CHECK, a_network(uplink=True, security=loose(promiscuous=True)))
    assert excused(CHECK, a_network(type="standard", security=None))


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_network(security=None)) == "security: promiscuous mode"
    assert missing(CHECK, a_network(uplink=None)) == "uplink"
