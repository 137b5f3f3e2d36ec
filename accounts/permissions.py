"""Everything a person or token may be allowed to do, as `app:noun:verb`."""

from enum import StrEnum


class Permission(StrEnum):
    TEAM_MANAGE = "accounts:team:manage"
    TOKEN_MANAGE = "accounts:token:manage"  # one's own
    USER_MANAGE = "accounts:user:manage"
    USER_READ = "accounts:user:read"
    AUDIT_READ = "audit:entry:read"
    FINDING_EXPORT = "findings:finding:export"
    FINDING_READ = "findings:finding:read"
    FINDING_TRIAGE = "findings:finding:triage"
    FINDING_WORK = "findings:finding:work"
    PLAN_MANAGE = "findings:plan:manage"
    PLAN_READ = "findings:plan:read"
    RULES_CHANGE = "findings:rules:change"
    WAIVER_APPROVE = "findings:waiver:approve"
    WAIVER_READ = "findings:waiver:read"
    WAIVER_REQUEST = "findings:waiver:request"
    ASSET_EXPORT = "inventory:asset:export"
    ASSET_READ = "inventory:asset:read"
    RUN_RELEASE = "inventory:run:release"
    RUN_START = "inventory:run:start"
    SOURCE_MANAGE = "inventory:source:manage"
    SOURCE_READ = "inventory:source:read"
    CHECK_CONFIGURE = "policies:check:configure"
    POLICY_READ = "policies:policy:read"


WORDS: dict[Permission, str] = {
    Permission.TEAM_MANAGE: "Add, rename and remove teams",
    Permission.TOKEN_MANAGE: "Make and revoke one's own API tokens",
    Permission.USER_MANAGE: "Add, change and disable people",
    Permission.USER_READ: "Read who may do what",
    Permission.AUDIT_READ: "Read the audit log",
    Permission.FINDING_EXPORT: "Export findings",
    Permission.FINDING_READ: "Read findings",
    Permission.FINDING_TRIAGE: "Sort and assign findings",
    Permission.FINDING_WORK: "Take findings, say that they are being fixed or are fixed, comment",
    Permission.PLAN_MANAGE: "Make and change remediation plans",
    Permission.PLAN_READ: "Read remediation plans",
    Permission.RULES_CHANGE: "Lay down due dates, risk tiers and limits of exceptions",
    Permission.WAIVER_APPROVE: "Decide about exceptions",
    Permission.WAIVER_READ: "Read exceptions",
    Permission.WAIVER_REQUEST: "Ask for exceptions",
    Permission.ASSET_EXPORT: "Export the inventory",
    Permission.ASSET_READ: "Read the inventory",
    Permission.RUN_RELEASE: "Release or discard held collections",
    Permission.RUN_START: "Start and cancel collections",
    Permission.SOURCE_MANAGE: "Add and change sources",
    Permission.SOURCE_READ: "Read sources and collections",
    Permission.CHECK_CONFIGURE: "Set how checks judge",
    Permission.POLICY_READ: "Read policies and checks",
}
