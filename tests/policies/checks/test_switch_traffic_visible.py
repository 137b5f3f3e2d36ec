import pytest

from inventory.records import MirrorSession
from tests.policies.builders import a_switch, excused, keys, missing, passes, violations, without

CHECK = "switch-traffic-visible"


def session(*, enabled: bool | None) -> tuple[MirrorSession, ...]:
    return (MirrorSession(key="1", name="to sensor", enabled=enabled),)


def test_an_enabled_mirror_passes():
    assert passes(CHECK, a_switch(mirror_sessions=session(enabled=True)))


def test_a_flow_collector_passes():
    assert passes(CHECK, a_switch(mirror_sessions=(), netflow_collector="10.0.10.9"))


def test_a_switch_that_nobody_watches_fails():
    [violation] = violations(CHECK, a_switch(mirror_sessions=session(enabled=False)))

    assert violation.message == "No sensor sees the traffic between machines on switch dvs-1."


def test_a_collector_that_is_not_approved_fails():
    switch = a_switch(netflow_collector="203.0.113.9")

    assert keys(CHECK, switch, approved_collectors=("10.0.10.*",)) == {"collector"}


def test_a_switch_without_hosts_is_not_concerned():
    assert excused(CHECK, a_switch(host_refs=(), mirror_sessions=()))


@pytest.mark.parametrize("fact", ["host_refs", "mirror_sessions", "netflow_collector"])
def test_what_could_not_be_read_is_unknown(fact):
    assert missing(CHECK, a_switch(**without(fact))) == fact


def test_a_session_whose_state_was_not_read_is_unknown():
    assert missing(CHECK, a_switch(mirror_sessions=session(enabled=None)))
