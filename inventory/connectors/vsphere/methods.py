"""What this product may ask of a vCenter; anything else is refused before it leaves the process."""

from __future__ import annotations

from typing import Final

ALLOWED: Final = frozenset(
    {
        "CancelRetrievePropertiesEx",
        "ContinueRetrievePropertiesEx",
        "CreateCollectorForEvents",
        "CreateContainerView",
        "CreateFilter",
        "CreatePropertyCollector",
        "CurrentTime",
        "DestroyCollector",
        "DestroyPropertyCollector",
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
        "RetrieveUserGroups",
        "WaitForUpdatesEx",
    }
)


REST_SESSION: Final = "/rest/com/vmware/cis/session"
REST_CATEGORIES: Final = "/rest/com/vmware/cis/tagging/category"
REST_TAGS: Final = "/rest/com/vmware/cis/tagging/tag"
REST_ATTACHED: Final = (
    "/rest/com/vmware/cis/tagging/tag-association?~action=list-attached-objects-on-tags"
)
REST_LIBRARIES: Final = "/rest/com/vmware/content/library"
REST_ITEMS: Final = "/rest/com/vmware/content/library/item"
REST_FILES: Final = "/rest/com/vmware/content/library/item/file"
_READ_BY_ID: Final = (REST_CATEGORIES, REST_TAGS, REST_LIBRARIES, REST_ITEMS)
_LISTED_BY: Final = {REST_ITEMS: "library_id", REST_FILES: "library_item_id"}
REST_ALLOWED: Final = frozenset(
    {
        ("POST", REST_SESSION),
        ("DELETE", REST_SESSION),
        ("GET", REST_CATEGORIES),
        ("GET", REST_TAGS),
        ("POST", REST_ATTACHED),
        ("GET", REST_LIBRARIES),
    }
)


class MethodRefused(Exception):
    """A SOAP method outside the list was about to be called: a defect of ours, never sent."""


def require_allowed(method: str) -> None:
    """Raise MethodRefused unless the method only reads or belongs to the session."""
    if method not in ALLOWED:
        raise MethodRefused(f"The vSphere method {method} is not on the list of allowed methods.")


def require_allowed_rest(verb: str, path: str) -> None:
    """Raise MethodRefused unless the request only reads or belongs to the session."""
    collection, _, _ = path.partition("/id:")
    reads_one = collection in _READ_BY_ID and ".." not in path and "?" not in path
    listed, _, query = path.partition("?")
    name, _, value = query.partition("=")
    lists = _LISTED_BY.get(listed) == name and not set(value) & set("&=?#/")
    if not (verb == "GET" and (reads_one or lists)) and (verb, path) not in REST_ALLOWED:
        raise MethodRefused(f"{verb} {path} is not on the list of allowed REST requests.")
