from inventory.records import PlatformSettings
from tests.policies.builders import a_platform, missing, passes, violations

CHECK = "platform-event-retention"


def kept(days: str, *, limited: str = "true") -> PlatformSettings:
    return a_platform(settings={"event.maxAge": days, "event.maxAgeEnabled": limited})


def test_exactly_the_required_time_passes():
    assert passes(CHECK, kept("30"))


def test_a_shorter_time_fails():
    [violation] = violations(CHECK, kept("29"))

    assert violation.message == "vc-oslo keeps its events for 29 days."


def test_events_that_are_never_deleted_pass():
    assert passes(CHECK, kept("7", limited="false"))


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_platform(settings=None)) == "settings"
    assert missing(CHECK, a_platform(settings={"event.maxAge": "30"}))
    assert missing(CHECK, kept("a while"))
