import pytest

from tests.policies.builders import (
    a_host,
    missing,
    passes,
    violations,
)

CHECK = "host-mob-disabled"

KEY = "Config.HostAgent.plugins.solo.enableMob"


def test_a_browser_that_is_off_passes():
    assert passes(CHECK, a_host(options={KEY: "false"}))


@pytest.mark.parametrize("value", ["true", "True", "1"])
def test_a_browser_that_is_on_fails(value):
    assert violations(CHECK, a_host(options={KEY: value}))


def test_a_setting_that_was_not_given_is_unknown():
    assert missing(CHECK, a_host(options=None)) == "options"
    assert missing(CHECK, a_host(options={})) == f"options: {KEY}"
