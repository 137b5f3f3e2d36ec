"""Roles, grants, and the platform itself."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from inventory.access.principals import qualified
from inventory.connectors.vsphere.mapping.estate import Estate
from inventory.connectors.vsphere.mapping.facts import (
    as_flag,
    as_number,
    as_text,
    dicts,
    inside,
    option_values,
    texts,
)
from inventory.connectors.vsphere.mapping.licences import licence
from inventory.connectors.vsphere.xml import Ref, many
from inventory.parts import Library, LoginSession
from inventory.records import Alarm, Grant, Member, Platform, PlatformSettings, Role


def role(found: dict[str, Any]) -> Role:
    """A role, or raise ValueError without an id."""
    number = as_number(found.get("roleId"))
    if number is None:
        raise ValueError("This role has no id.")
    return Role(
        platform=Platform.VSPHERE,
        uid=str(number),
        ref=str(number),
        name=as_text(found.get("name")) or str(number),
        label=as_text(inside(found, "info", "label")) or "",
        system=as_flag(found.get("system")),
        privileges=tuple(sorted(texts(found.get("privilege")))),
    )


def grant(found: dict[str, Any], estate: Estate, role_names: dict[int, str]) -> Grant:
    """A permission, or raise ValueError when it does not say who may do what where."""
    entity, number = found.get("entity"), as_number(found.get("roleId"))
    principal, is_group = as_text(found.get("principal")), as_flag(found.get("group"))
    propagate = as_flag(found.get("propagate"))
    if not isinstance(entity, Ref) or number is None or principal is None:
        raise ValueError("This permission does not say who holds which role on what.")
    if is_group is None or propagate is None:
        raise ValueError("This permission does not say whether it is for a group or propagates.")
    ref = str(entity)
    role_name, entity_name = role_names.get(number), estate.name(ref)
    uid = hashlib.blake2b(
        "\0".join((ref, principal, str(is_group))).encode("utf-8", "replace"), digest_size=16
    ).hexdigest()
    return Grant(
        platform=Platform.VSPHERE,
        uid=uid,
        ref=uid,
        name=f"{principal}: {role_name or number} on {entity_name or ref}",
        principal=principal,
        is_group=is_group,
        role_id=number,
        role_name=role_name,
        entity_ref=ref,
        entity_name=entity_name,
        entity_path=estate.path(ref),
        entity_type=entity.type,
        at_root=ref == estate.root,
        propagate=propagate,
    )


def member(found: dict[str, Any], *, group: str) -> tuple[Member, str | None]:
    """A member as the directory tells it, with the full name; or raise ValueError."""
    login, is_group = as_text(found.get("principal")), as_flag(found.get("group"))
    if not login or is_group is None:
        raise ValueError("This member has no name, or is neither a user nor a group.")
    name = qualified(login, like=group)
    return Member(name=name, is_group=is_group), as_text(found.get("fullName")) or None


def platform_settings(
    *,
    instance_uuid: str,
    product: str,
    version: str,
    build: str,
    api_version: str,
    skew: timedelta | None = None,
    settings: Any,
    extensions: Any,
    alarms: tuple[Alarm, ...] | None = None,
    licences: Any = None,
    sessions: tuple[LoginSession, ...] | None = None,
    libraries: tuple[Library, ...] | None = None,
) -> PlatformSettings:
    """The vCenter itself; what it does not tell of the last seven is None."""
    return PlatformSettings(
        platform=Platform.VSPHERE,
        uid=instance_uuid,
        ref=instance_uuid,
        name=product,
        product=product,
        version=version,
        build=build,
        api_version=api_version,
        clock_ahead_minutes=None if skew is None else int(skew / timedelta(minutes=1)),
        settings=None if settings is None else option_values(many(settings)),
        extensions=None
        if extensions is None
        else tuple(sorted(as_text(item.get("key")) or "" for item in dicts(extensions))),
        alarms=alarms,
        licences=None
        if licences is None
        else tuple(sorted(map(licence, dicts(licences)), key=lambda one: (one.name, one.key))),
        sessions=sessions,
        libraries=libraries,
    )
