from inventory.records import SecurityPolicy
from tests.policies.builders import a_switch, keys, missing, passes

CHECK = "switch-security-policy"


def test_a_strict_switch_passes():
    assert passes(CHECK, a_switch())


def test_each_loose_default_is_its_own_finding():
    policy = SecurityPolicy(promiscuous=True, mac_changes=False, forged_transmits=True)

    assert keys(CHECK, a_switch(security=policy)) == {"promiscuous", "forged_transmits"}


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_switch(security=None)) == "security: promiscuous mode"
    unread = SecurityPolicy(promiscuous=False, mac_changes=False)
    assert missing(CHECK, a_switch(security=unread)) == "security: forged transmits"
