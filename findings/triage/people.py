"""Who can be named: people who read findings, as far as the person who names them may know."""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Lower

from accounts.models import RoleAssignment, User
from accounts.permissions import Permission
from accounts.roles import ROLES
from findings.models import Finding

_MENTION = re.compile(r"(?<![\w@])@([\w.+-]*\w)")
_READING = [role.value for role, held in ROLES.items() if Permission.FINDING_READ in held]
MOST_MENTIONS = 20


class Reader(msgspec.Struct, frozen=True):
    """Somebody who reads findings, with the teams that limit what they see."""

    user: User
    teams: frozenset[int] | None  # None: the whole estate

    def sees(self, finding: Finding) -> bool:
        return self.teams is None or finding.team_id in self.teams


def readers() -> QuerySet[User]:
    """Active people who may read findings, of some machines at least."""
    held = RoleAssignment.objects.filter(user=OuterRef("pk"), role__in=_READING)
    return User.objects.filter(Exists(held), is_active=True)


def known_to(user: User) -> QuerySet[User]:
    """The readers this person may know of: those who see something that they see as well."""
    if user.sees_everything:
        return readers()
    mine = User.teams.through.objects.filter(user=OuterRef("pk"), team__members=user)
    return readers().filter(Q(scope=User.Scope.ALL) | Exists(mine))


def who_see(finding: Finding, *, known: QuerySet[User]) -> QuerySet[User]:
    """Those of the known who may see this finding."""
    whole = Q(scope=User.Scope.ALL)
    if finding.team_id is None:
        return known.filter(whole)
    member = User.teams.through.objects.filter(user=OuterRef("pk"), team=finding.team_id)
    return known.filter(whole | Exists(member))


def by_username(usernames: Iterable[str], *, known_by: User) -> dict[str, Reader]:
    """Lower-case username → reader, of those whom the person may know of."""
    wanted = {name.lower() for name in usernames if "\x00" not in name}
    if not wanted:
        return {}
    found = known_to(known_by).alias(lowered=Lower("username")).filter(lowered__in=wanted)
    return {user.username.lower(): as_reader(user) for user in found.prefetch_related("teams")}


def as_reader(user: User) -> Reader:
    teams = None if user.sees_everything else frozenset(team.pk for team in user.teams.all())
    return Reader(user, teams)


def mentioned_in(text: str) -> list[str]:
    """What looks like the name of a person, lower case, each once."""
    return list(dict.fromkeys(name.lower() for name in _MENTION.findall(text)))[:MOST_MENTIONS]
