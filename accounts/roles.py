"""Which role may do what. No role implies another, and some may not meet in one person."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from accounts.permissions import Permission as P


class Role(StrEnum):
    VIEWER = "viewer"
    AUDITOR = "auditor"
    ANALYST = "analyst"
    REMEDIATOR = "remediator"
    APPROVER = "approver"
    OPERATOR = "operator"
    USER_ADMIN = "user-admin"


MEANINGS: dict[Role, str] = {
    Role.VIEWER: "Reads the estate and its findings.",
    Role.AUDITOR: "Reads and exports everything, the audit log included; changes nothing.",
    Role.ANALYST: "Sorts findings and asks for exceptions.",
    Role.REMEDIATOR: "Takes findings, works them off and asks for exceptions.",
    Role.APPROVER: "Decides about exceptions and how checks are set.",
    Role.OPERATOR: "Connects sources and runs collections.",
    Role.USER_ADMIN: "Manages people, teams and roles; sees no machines.",
}

ROLES: dict[Role, frozenset[P]] = {
    Role.VIEWER: frozenset(
        {
            P.ASSET_READ,
            P.FINDING_READ,
            P.POLICY_READ,
            P.SOURCE_READ,
            P.TOKEN_MANAGE,
            P.PLAN_READ,
            P.WAIVER_READ,
        }
    ),
    Role.AUDITOR: frozenset(
        {
            P.ASSET_EXPORT,
            P.ASSET_READ,
            P.AUDIT_READ,
            P.FINDING_EXPORT,
            P.FINDING_READ,
            P.POLICY_READ,
            P.SOURCE_READ,
            P.TOKEN_MANAGE,
            P.USER_READ,
            P.PLAN_READ,
            P.WAIVER_READ,
        }
    ),
    Role.ANALYST: frozenset(
        {
            P.ASSET_EXPORT,
            P.ASSET_READ,
            P.FINDING_EXPORT,
            P.FINDING_READ,
            P.FINDING_TRIAGE,
            P.POLICY_READ,
            P.SOURCE_READ,
            P.TOKEN_MANAGE,
            P.FINDING_WORK,
            P.PLAN_MANAGE,
            P.PLAN_READ,
            P.WAIVER_READ,
            P.WAIVER_REQUEST,
        }
    ),
    Role.REMEDIATOR: frozenset(
        {
            P.ASSET_READ,
            P.FINDING_EXPORT,
            P.FINDING_READ,
            P.POLICY_READ,
            P.SOURCE_READ,
            P.TOKEN_MANAGE,
            P.FINDING_WORK,
            P.PLAN_MANAGE,
            P.PLAN_READ,
            P.WAIVER_READ,
            P.WAIVER_REQUEST,
        }
    ),
    Role.APPROVER: frozenset(
        {
            P.ASSET_READ,
            P.CHECK_CONFIGURE,
            P.FINDING_EXPORT,
            P.FINDING_READ,
            P.POLICY_READ,
            P.SOURCE_READ,
            P.TOKEN_MANAGE,
            P.WAIVER_APPROVE,
            P.PLAN_READ,
            P.RULES_CHANGE,
            P.WAIVER_READ,
        }
    ),
    Role.OPERATOR: frozenset(
        {
            P.ASSET_READ,
            P.FINDING_READ,
            P.POLICY_READ,
            P.RUN_RELEASE,
            P.RUN_START,
            P.SOURCE_MANAGE,
            P.SOURCE_READ,
            P.PLAN_READ,
            P.TOKEN_MANAGE,
        }
    ),
    Role.USER_ADMIN: frozenset({P.AUDIT_READ, P.TEAM_MANAGE, P.USER_MANAGE, P.USER_READ}),
}


# What these may do is worth more than a password protects.
NEED_A_SECOND_FACTOR: frozenset[Role] = frozenset({Role.APPROVER, Role.OPERATOR, Role.USER_ADMIN})


class Separation(NamedTuple):
    """Two roles that one person may not hold together, and why."""

    one: Role
    other: Role
    because: str


_AUDITS = "An auditor judges what others did and therefore does none of it."

# The database refuses the same pairs (trigger `accounts_separate_duties`); a test compares the two.
SEPARATED: tuple[Separation, ...] = (
    Separation(
        Role.OPERATOR,
        Role.APPROVER,
        "Whoever runs the sources may not also accept the risks that they show.",
    ),
    Separation(
        Role.USER_ADMIN,
        Role.APPROVER,
        "Whoever hands out roles may not also accept risks.",
    ),
    Separation(
        Role.USER_ADMIN,
        Role.OPERATOR,
        "Whoever hands out roles may not also run the sources.",
    ),
    Separation(Role.AUDITOR, Role.ANALYST, _AUDITS),
    Separation(Role.AUDITOR, Role.REMEDIATOR, _AUDITS),
    Separation(Role.AUDITOR, Role.APPROVER, _AUDITS),
    Separation(Role.AUDITOR, Role.OPERATOR, _AUDITS),
    Separation(Role.AUDITOR, Role.USER_ADMIN, _AUDITS),
)


def conflict(roles: Iterable[Role]) -> Separation | None:
    """The first separation that holding all these roles would break, or None."""
    held = frozenset(roles)
    return next((s for s in SEPARATED if s.one in held and s.other in held), None)
