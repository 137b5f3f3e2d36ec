"""Posture and trends for scripts: the numbers of the pages, to whoever may read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts.models import Team, User
from findings.models import Finding
from tests.factories import UserFactory
from tests.findings.pages.visitors import signed_in
from tests.findings.trends import weeks

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SEVERITIES = ("critical", "high", "medium", "low", "info")


@pytest.fixture
def now(db: None) -> datetime:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    weeks.build(now=now, days=(20, 9, 0))
    return now


@pytest.fixture
def analyst(db: None) -> Client:
    return signed_in(UserFactory(roles=["analyst"]))


def is_open(counts: dict[str, int]) -> int:
    return sum(counts[severity] for severity in SEVERITIES)


def test_posture_now_has_what_is_open(now: datetime, analyst: Client) -> None:
    [everything] = analyst.get("/api/v1/posture/").json()["results"]

    assert is_open(everything["counts"]) == Finding.objects.filter(state="open").count()


@pytest.mark.parametrize(
    "by", ["area", "statement", "framework", "source", "team", "classification", "check"]
)
def test_posture_is_told_by_each_dimension(now: datetime, analyst: Client, by: str) -> None:
    told = analyst.get(f"/api/v1/posture/?by={by}").json()

    assert told["results"]
    assert all(part["value"] and part["name"] for part in told["results"])


def test_posture_of_a_past_moment_is_that_of_the_overview_then(
    now: datetime, analyst: Client
) -> None:
    moment = f"{(now - 5 * DAY):%Y-%m-%dT%H:%MZ}"

    told = analyst.get("/api/v1/posture/", {"as_of": moment}).json()

    page = analyst.get("/", {"as_of": moment}).context
    counts = told["results"][0]["counts"]
    assert is_open(counts) == page["counts"].open
    assert (counts["passed"], counts["failed"]) == (page["answers"].passed, page["answers"].failed)


def test_trends_are_those_of_the_page(now: datetime, analyst: Client) -> None:
    told = analyst.get("/api/v1/trends/?period=30d&by=area&value=change").json()

    points = analyst.get("/trends/?period=30d&by=area&value=change").context["points"]
    assert [each["seen"] for each in told["results"]] == [p.is_seen for p, _, _ in points]
    assert [is_open(each["counts"]) for each in told["results"]] == [
        p.cell.open for p, _, _ in points
    ]


def test_a_member_of_a_team_is_told_of_that_team(now: datetime) -> None:
    team = Team.objects.get(name="Alices")
    alice: User = UserFactory(roles=["viewer"], scope=User.Scope.TEAMS, teams=[team])
    client = signed_in(alice)

    [everything] = client.get("/api/v1/posture/").json()["results"]
    teams = client.get("/api/v1/posture/?by=team").json()["results"]

    assert is_open(everything["counts"]) == Finding.objects.visible_to(alice).open().count()
    assert [part["name"] for part in teams] == ["Alices"]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/api/v1/posture/?as_of=never", 400),
        ("/api/v1/posture/?by=weather", 404),
        ("/api/v1/trends/?period=2y", 404),
        ("/api/v1/trends/?by=team&value=0", 404),
    ],
)
def test_what_there_is_not_is_refused(analyst: Client, address: str, status: int) -> None:
    assert analyst.get(address).status_code == status


def test_who_may_not_read_findings_is_told_nothing(db: None) -> None:
    client = signed_in(UserFactory(roles=["user-admin"], second_factor=True))

    assert client.get("/api/v1/posture/").status_code == 403
    assert client.get("/api/v1/trends/").status_code == 403
