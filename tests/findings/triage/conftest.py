"""The cast: Alice and Bob of team Web, Charlie of Finance, Ingrid and Kari of the whole estate.

Models are imported late: pytest may read this file before Django is configured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from accounts.models import Team, User
    from findings.models import Finding


@pytest.fixture
def web(db: None) -> Team:
    from tests.factories import TeamFactory

    return TeamFactory(name="Web")


@pytest.fixture
def finance(db: None) -> Team:
    from tests.factories import TeamFactory

    return TeamFactory(name="Finance")


def _of_team(username: str, team: Team, role: str) -> User:
    from accounts.models import User
    from tests.factories import UserFactory

    person: User = UserFactory(
        username=username, roles=[role], scope=User.Scope.TEAMS, teams=[team]
    )
    return person


@pytest.fixture
def alice(web: Team) -> User:
    """Sorts what is her team's."""
    return _of_team("alice", web, "analyst")


@pytest.fixture
def bob(web: Team) -> User:
    """Works off what is his team's."""
    return _of_team("bob", web, "remediator")


@pytest.fixture
def charlie(finance: Team) -> User:
    """Must see nothing of Web."""
    return _of_team("charlie", finance, "analyst")


@pytest.fixture
def ingrid(db: None) -> User:
    from tests.factories import UserFactory

    return UserFactory(username="ingrid", full_name="Ingrid Dahl", roles=["analyst"])


@pytest.fixture
def kari(db: None) -> User:
    from tests.factories import UserFactory

    return UserFactory(username="kari", full_name="Kari Amundsen", roles=["remediator"])


@pytest.fixture
def finding(web: Team) -> Finding:
    from tests.factories import AssetFactory, FindingFactory

    return FindingFactory(asset=AssetFactory(team=web))
