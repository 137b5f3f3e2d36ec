"""Which role may do what. No role implies another; duties that must not meet stay in different rows."""

from enum import StrEnum

from accounts.permissions import Permission as P


class Role(StrEnum):
    VIEWER = "viewer"
    AUDITOR = "auditor"
    ANALYST = "analyst"
    REMEDIATOR = "remediator"
    APPROVER = "approver"
    OPERATOR = "operator"
    USER_ADMIN = "user-admin"


ROLES: dict[Role, frozenset[P]] = {
    Role.VIEWER: frozenset(
        {P.ASSET_READ, P.FINDING_READ, P.POLICY_READ, P.SOURCE_READ, P.TOKEN_MANAGE, P.WAIVER_READ}
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
            P.TOKEN_MANAGE,
        }
    ),
    Role.USER_ADMIN: frozenset({P.AUDIT_READ, P.TEAM_MANAGE, P.USER_MANAGE, P.USER_READ}),
}
