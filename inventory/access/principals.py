"""How principals are told apart: one user may be written in several ways."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from inventory.records import Member, Platform, Principal


class PrincipalKey(NamedTuple):
    """A user or group, however it is written; a user and a group may have one name."""

    text: str
    is_group: bool


def key_of(name: str, *, is_group: bool) -> PrincipalKey:
    r"""DOMAIN\name and name@domain are one, whatever the case."""
    domain, login = split(name)
    return PrincipalKey(f"{login}@{domain}".casefold(), is_group)


def split(name: str) -> tuple[str, str]:
    """The domain of a principal, "" without one, and its name there."""
    domain, backslash, login = name.partition("\\")
    if backslash:
        return domain, login
    login, at, domain = name.rpartition("@")
    return (domain, login) if at else ("", name)


def spellings(name: str) -> tuple[str, ...]:
    """The ways in which a platform may write the same principal, but for the case."""
    domain, login = split(name)
    return (f"{domain}\\{login}", f"{login}@{domain}") if domain else (login,)


def qualified(login: str, *, like: str) -> str:
    """A name that came without a domain, in the domain and the form of another."""
    if "\\" in login or "@" in login:
        return login
    domain, _ = split(like)
    if not domain:
        return login
    return f"{domain}\\{login}" if "\\" in like else f"{login}@{domain}"


def uid_of(who: PrincipalKey) -> str:
    text = f"{who.text}\0{who.is_group}".encode("utf-8", "replace")
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def principal(
    who: PrincipalKey,
    name: str,
    *,
    platform: Platform,
    full_name: str | None = None,
    members: tuple[Member, ...] | None = None,
) -> Principal:
    """The record of a user or group; of a group without `members` nobody knows who is in it."""
    uid = uid_of(who)
    return Principal(
        platform=platform,
        uid=uid,
        ref=uid,
        name=name,
        is_group=who.is_group,
        full_name=full_name,
        members=members if who.is_group else (),
    )
