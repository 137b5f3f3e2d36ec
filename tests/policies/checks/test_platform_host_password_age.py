import pytest

from inventory.records import PlatformSettings
from tests.policies.builders import (
    a_platform,
    missing,
    passes,
    violations,
)

CHECK = "platform-host-password-age"

KEY = "VirtualCenter.VimPasswordExpirationInDays"


def every(days: str) -> PlatformSettings:
    return a_platform(settings={KEY: days})


def test_exactly_the_allowed_time_passes():
    assert passes(CHECK, every("30"))


@pytest.mark.parametrize("days", ["31", "0", "-1"])
def test_a_longer_time_and_never_fail(days):
    assert violations(CHECK, every(days))


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_platform(settings=None)) == "settings"
    assert missing(CHECK, a_platform(settings={})) == f"settings: {KEY}"
    assert missing(CHECK, every("monthly"))
