"""Content libraries and their items, as the REST interface words them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit, urlunsplit

from inventory.connectors.vsphere.mapping.estate import Estate
from inventory.connectors.vsphere.mapping.facts import as_flag, as_number, as_text, as_time, dicts
from inventory.parts import Library, LibraryFile
from inventory.records import Image, Platform

_KNOWS_POLICIES = (7, 0, 3)  # older ones say nothing where newer ones say that there is none


def library(found: dict[str, Any], *, key: str, version: str) -> Library:
    """A library. Passwords that an answer may hold are not looked at."""
    published, taken = _inner(found, "publish_info"), _inner(found, "subscription_info")
    policy = as_text(found.get("security_policy_id"))
    is_published = as_flag(published.get("published")) if published else False
    return Library(
        key=key,
        name=as_text(found.get("name")) or key,
        type=_small(found.get("type")),
        published=is_published,
        publish_login=_small(published.get("authentication_method")) if is_published else None,
        subscribed_from=_without_login(as_text(taken.get("subscription_url")) or ""),
        security_policy=policy or ("" if _numbers(version) >= _KNOWS_POLICIES else None),
        datastore_refs=_datastores(found.get("storage_backings")),
    )


def image(
    found: dict[str, Any], of: Library, files: list[dict[str, Any]] | None, estate: Estate
) -> Image:
    """An item of a library, or raise ValueError without an id or a type."""
    key, type_ = as_text(found.get("id")), _small(found.get("type"))
    if not key or not type_:
        raise ValueError("This item of a content library has no id or no type.")
    tags = None if estate.tags is None else estate.tags.get(key, {})
    return Image(
        platform=Platform.VSPHERE,
        uid=key,
        ref=key,
        name=as_text(found.get("name")) or key,
        type=type_,
        created_at=as_time(found.get("creation_time")),
        modified_at=as_time(found.get("last_modified_time")),
        library_ref=of.key,
        library_name=of.name,
        item_version=as_text(found.get("content_version")),
        item_files=None if files is None else tuple(sorted(map(_file, files), key=_name)),
        taken_from=as_text(found.get("source_id")) or "",
        cached=as_flag(found.get("cached")),
        datastore_refs=of.datastore_refs,
        tags=tags,
        # An item has no custom attributes: what is said of it is said by tags.
        **estate.assigned({}, tags),
    )


def _file(found: dict[str, Any]) -> LibraryFile:
    told = _inner(found, "checksum_info")
    parts = (as_text(told.get("algorithm")), as_text(told.get("checksum")))
    return LibraryFile(
        name=as_text(found.get("name")) or "",
        size_bytes=as_number(found.get("size")),
        checksum=" ".join(part for part in parts if part) if parts[1] else "",
    )


def _name(file: LibraryFile) -> str:
    return file.name


def _inner(found: dict[str, Any], name: str) -> dict[str, Any]:
    inner = found.get(name)
    return inner if isinstance(inner, dict) else {}


def _small(found: Any) -> str | None:
    text = as_text(found)
    return text.lower() if text else None


def _datastores(found: Any) -> tuple[str, ...] | None:
    """None where a backing is none, or where nothing is said."""
    refs = [as_text(each.get("datastore_id")) for each in dicts(found)]
    return tuple(sorted(ref for ref in refs if ref)) if refs and all(refs) else None


def _without_login(url: str) -> str:
    """An address without the name and password that may stand in it, or what follows a “?”."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
