from tests.policies.builders import a_platform, missing, passes, violations

CHECK = "platform-event-forwarding"

KEY = "vpxd.event.syslog.enabled"


def test_forwarding_passes():
    assert passes(CHECK, a_platform(settings={KEY: "true"}))


def test_no_forwarding_fails():
    assert violations(CHECK, a_platform(settings={KEY: "false"}))


def test_a_setting_that_was_not_given_is_unknown():
    assert missing(CHECK, a_platform(settings=None)) == "settings"
    assert missing(CHECK, a_platform(settings={})) == f"settings: {KEY}"
