"""Who is logged in: told without what opens a session, or a blind spot that says why not."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from inventory.connectors.base import BlindSpot, Item
from inventory.connectors.vsphere.mapping.sessions import IDLE_AFTER, sessions
from inventory.parts import LoginSession
from inventory.records import Kind, PlatformSettings
from tests.inventory.connectors.vsphere.conftest import Build
from tests.peers.vcsim import READONLY_PASSWORD, Vcsim

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
OWN = "52aa-own"


def session(user: str = "HALDEN\\anna", *, idle: timedelta = timedelta(), **facts: Any) -> Any:
    return {
        "key": f"52aa-{user}",
        "userName": user,
        "loginTime": NOW - timedelta(days=1),
        "lastActiveTime": NOW - idle,
        "ipAddress": "192.0.2.7",
        "userAgent": "PowerCLI/13",
        "callCount": 7,
        **facts,
    }


def mapped(*found: Any) -> tuple[LoginSession, ...]:
    own = session("HALDEN\\reader", key=OWN)
    return sessions([own, *found], own_key=OWN)


def platform_of(items: list[Item]) -> PlatformSettings:
    assert isinstance(items[0], PlatformSettings)
    return items[0]


def test_a_session_is_told_by_user_address_and_client() -> None:
    [told] = mapped(session())

    assert (told.user, told.ip, told.agent) == ("HALDEN\\anna", "192.0.2.7", "PowerCLI/13")
    assert told.login_at == NOW - timedelta(days=1)


def test_neither_our_own_session_nor_any_key_is_told() -> None:
    assert mapped() == ()
    assert "52aa" not in repr(mapped(session(), session("HALDEN\\bo")))


def test_what_a_killed_run_of_ours_left_behind_is_not_told() -> None:
    left = session("HALDEN\\reader", key="52aa-left", idle=timedelta(hours=5))
    elsewhere = session("HALDEN\\reader", key="52aa-x", ipAddress="198.51.100.1")

    assert [one.ip for one in mapped(left, elsewhere)] == ["198.51.100.1"]


def test_one_that_is_used_reads_the_same_at_every_collection() -> None:
    later = mapped(session(idle=timedelta(minutes=59), callCount=4711))

    assert later == mapped(session())
    assert (later[0].idle, later[0].idle_since) == (False, None)


def test_one_that_is_idle_says_since_when_and_goes_on_to_say_so() -> None:
    [told] = mapped(session(idle=IDLE_AFTER))

    assert told.idle_since == NOW - IDLE_AFTER
    later = [session(lastActiveTime=NOW - IDLE_AFTER), session("x", key=OWN, idle=-IDLE_AFTER)]
    assert sessions(later, own_key=OWN) == (told,)


def test_what_the_platform_does_not_say_is_unknown() -> None:
    [told] = sessions([{"key": "k", "userName": "anna"}], own_key=OWN)

    assert (told.login_at, told.ip, told.agent, told.idle) == (None, None, None, None)


@pytest.mark.integration
def test_sessions_of_others_are_read(vcenter: Vcsim, connector_to: Build) -> None:
    other = connector_to(user_agent="PowerCLI/13")
    with other._open() as opened:
        platform = platform_of(list(connector_to().collect()))

        assert opened.key not in repr(platform)
    assert [one.user for one in platform.sessions or ()].count(vcenter.username) == 1


@pytest.mark.integration
def test_without_the_privilege_they_are_unknown_and_a_blind_spot(
    vcenter: Vcsim, connector_to: Build
) -> None:
    reader = connector_to(username=vcenter.readonly_username, password=READONLY_PASSWORD)

    items = list(reader.collect())

    assert platform_of(items).sessions is None
    [note] = [one for one in items if isinstance(one, BlindSpot) and "session" in one.property]
    assert (note.kind, note.property) == (Kind.PLATFORM, "SessionManager.sessionList")
    assert note.explanation == "The account lacks the privilege Sessions.TerminateSession."
