from tests.policies.builders import a_host, missing, passes, violations

CHECK = "host-bmc-network-disabled"

KEY = "Net.BMCNetworkEnable"


def test_a_closed_path_passes():
    assert passes(CHECK, a_host(options={KEY: "0"}))


def test_an_open_path_fails():
    assert violations(CHECK, a_host(options={KEY: "1"}))


def test_a_setting_that_was_not_given_or_makes_no_sense_is_unknown():
    assert missing(CHECK, a_host(options=None)) == "options"
    assert missing(CHECK, a_host(options={})) == f"options: {KEY}"
    assert missing(CHECK, a_host(options={KEY: "maybe"})) == f"{KEY} as a number"
