"""The SOAP methods this product may send; any other is refused before it leaves the process."""

from __future__ import annotations

from typing import Final

ALLOWED: Final = frozenset(
    {
        "CancelRetrievePropertiesEx",
        "ContinueRetrievePropertiesEx",
        "CreateCollectorForEvents",
        "CreateContainerView",
        "CurrentTime",
        "DestroyCollector",
        "DestroyView",
        "FetchDVPorts",
        "FetchUserPrivilegeOnEntities",
        "GetAlarm",
        "HostImageConfigGetAcceptance",
        "Login",
        "Logout",
        "ReadNextEvents",
        "QueryLockdownExceptions",
        "RetrieveAllPermissions",
        "RetrievePropertiesEx",
        "RetrieveServiceContent",
    }
)


class MethodRefused(Exception):
    """A SOAP method outside the list was about to be called: a defect of ours, never sent."""


def require_allowed(method: str) -> None:
    """Raise MethodRefused unless the method only reads or belongs to the session."""
    if method not in ALLOWED:
        raise MethodRefused(f"The vSphere method {method} is not on the list of allowed methods.")
