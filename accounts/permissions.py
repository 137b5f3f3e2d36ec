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
