import pytest

from tests.policies.builders import (
    a_host,
    keys,
    missing,
    passes,
    violations,
)

CHECK = "host-account-lockout"


def options(failures: str = "5", unlock: str = "900") -> dict[str, str]:
    return {"Security.AccountLockFailures": failures, "Security.AccountUnlockTime": unlock}


def test_a_lockout_exactly_at_the_limits_passes():
    assert passes(CHECK, a_host(options=options("5", "900")))


@pytest.mark.parametrize("failures", ["0", "6"])
def test_no_lockout_or_a_late_one_fails(failures):
    assert keys(CHECK, a_host(options=options(failures=failures))) == {"failures"}


def test_a_lockout_after_the_first_wrong_password_passes():
    assert passes(CHECK, a_host(options=options(failures="1")))


def test_the_message_tells_a_late_lockout_from_none():
    [never] = violations(CHECK, a_host(options=options(failures="0")))
    [late] = violations(CHECK, a_host(options=options(failures="9")))

    assert never.message == "esx-01 never locks an account."
    assert late.message == "esx-01 locks an account only after 9 wrong passwords."


def test_a_short_lockout_fails_and_an_endless_one_passes():
    assert keys(CHECK, a_host(options=options(unlock="899"))) == {"unlock"}
    assert passes(CHECK, a_host(options=options(unlock="0")))


def test_a_setting_that_was_not_given_is_unknown():
    assert missing(CHECK, a_host(options=None)) == "options"
    assert missing(CHECK, a_host(options={"Security.AccountLockFailures": "3"}))
