import pytest

from tests.policies.builders import (
    a_host,
    missing,
    passes,
    violations,
)

CHECK = "host-session-timeout"

KEY = "UserVars.DcuiTimeOut"
LIMIT = {KEY: 600}


def test_a_timeout_exactly_at_the_limit_passes():
    assert passes(CHECK, a_host(options={KEY: "600"}), max_seconds=LIMIT)


@pytest.mark.parametrize(("value", "ends"), [("601", "after 601 seconds"), ("0", "never")])
def test_a_late_timeout_or_none_fails(value, ends):
    [violation] = violations(CHECK, a_host(options={KEY: value}), max_seconds=LIMIT)

    assert violation.key == KEY
    assert violation.seen == ends


def test_a_setting_that_was_not_given_is_unknown():
    assert missing(CHECK, a_host(options=None)) == "options"
    assert missing(CHECK, a_host(options={}), max_seconds=LIMIT) == f"options: {KEY}"
