"""Who is in the groups that hold grants, as far as vCenter's user directory answers.

Asking takes the privilege Authorization.ModifyPermissions on some object, which a Read-only account
lacks: then every group is one whose members are not known. So is a group that the directory does
not know or that has more members than an answer holds. It is never an empty one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from inventory.access.principals import PrincipalKey, key_of, principal, split
from inventory.connectors.base import BlindSpot, Count, Item
from inventory.connectors.vsphere import xml
from inventory.connectors.vsphere.client import OpenSession
from inventory.connectors.vsphere.mapping import access
from inventory.connectors.vsphere.mapping.facts import dicts
from inventory.connectors.vsphere.xml import Ref, SoapFault
from inventory.records import Grant, Kind, Member, Platform

DEEPEST: Final = 8  # groups within groups
MOST_GROUPS: Final = 1_000
MOST_MEMBERS: Final = 5_000  # where vCenter cuts an answer off unless it is set otherwise
# What a directory says about a group it has nothing to tell of. Other faults are no answer.
_ANSWERS: Final = frozenset({"InvalidArgument", "NoPermission", "NotFound", "NotSupported"})
_NO_RIGHTS: Final = "The account lacks the privilege Authorization.ModifyPermissions on any object."


class _Unknown(Exception):
    """The members of one group are not known; the message says why."""


class Directory:
    """Asks one vCenter about groups, each once, from those that hold grants inwards."""

    def __init__(self, session: OpenSession) -> None:
        self._session = session
        self._names: dict[PrincipalKey, str] = {}
        self._full_names: dict[PrincipalKey, str] = {}
        self._members: dict[PrincipalKey, tuple[Member, ...]] = {}
        self._unknown: dict[PrincipalKey, str] = {}  # group → why its members are not known
        self._closed = ""  # why no further group needs to be asked about

    def principals(self, grants: Iterable[Grant]) -> Iterator[Item]:
        """Everybody who holds a grant or is in a group that does; or raise CollectionFailed."""
        for grant in grants:
            self._know(grant.principal, is_group=grant.is_group)
        level = [who for who in sorted(self._names) if who.is_group]
        for depth in range(DEEPEST + 1):
            if depth == DEEPEST:
                self._closed = self._closed or f"Groups are followed {DEEPEST} deep."
            level = [inner for group in level for inner in self._enter(group)]
        for who, name in sorted(self._names.items()):
            yield principal(
                who,
                name,
                platform=Platform.VSPHERE,
                full_name=self._full_names.get(who),
                members=self._members.get(who),
            )
        yield Count(kind=Kind.PRINCIPAL, expected=len(self._names))
        yield from self._blind_spots()

    def _enter(self, group: PrincipalKey) -> list[PrincipalKey]:
        """Learn who is in a group; returns the groups among them that were not known before."""
        name = self._names[group]
        try:
            found = self._ask(name)
        except _Unknown as why:
            self._unknown[group] = str(why)
            return []
        self._members[group] = tuple(
            sorted((member for member, _ in found), key=lambda one: (one.name, one.is_group))
        )
        fresh: list[PrincipalKey] = []
        for member, full_name in found:
            is_new, who = self._know(member.name, is_group=member.is_group)
            if full_name:
                self._full_names.setdefault(who, full_name)
            if is_new and who.is_group:
                fresh.append(who)
        return fresh

    def _know(self, name: str, *, is_group: bool) -> tuple[bool, PrincipalKey]:
        """Remember a principal, by the first of its spellings; says whether it is a new one."""
        who = key_of(name, is_group=is_group)
        known = self._names.get(who)
        self._names[who] = name if known is None else min(name, known)
        return known is None, who

    def _ask(self, group: str) -> list[tuple[Member, str | None]]:
        """The direct members of a group, or raise _Unknown or CollectionFailed."""
        directory = self._session.content.user_directory
        if directory is None:
            raise _Unknown("This vCenter has no user directory.")
        if len(self._members) + len(self._unknown) >= MOST_GROUPS:
            self._closed = self._closed or f"The first {MOST_GROUPS:,} groups were asked about."
        if self._closed:
            raise _Unknown(self._closed)
        found = self._answer(directory, group)
        if len(found) >= MOST_MEMBERS:
            raise _Unknown(f"The list has {MOST_MEMBERS:,} members or more: it may be cut off.")
        try:
            return [access.member(one, group=group) for one in found]
        except ValueError as error:
            raise _Unknown(str(error)) from None

    def _answer(self, directory: Ref, group: str) -> list[dict[str, object]]:
        """What the directory says of a group: by its name within its domain, else by its whole."""
        domain, login = split(group)
        try:
            return self._call(directory, domain, login)
        except SoapFault as fault:
            if fault.type != "NotFound" or login == group:
                raise self._refusal(fault) from None
        try:
            return self._call(directory, domain, group)
        except SoapFault as fault:
            raise self._refusal(fault) from None

    def _call(self, directory: Ref, domain: str, group: str) -> list[dict[str, object]]:
        where = f"<domain>{xml.escape(domain)}</domain>" if domain else ""
        return dicts(
            self._session.bulk.call(
                "RetrieveUserGroups",
                directory,
                f"{where}<searchStr></searchStr>"
                f"<belongsToGroup>{xml.escape(group)}</belongsToGroup>"
                "<exactMatch>false</exactMatch><findUsers>true</findUsers>"
                "<findGroups>true</findGroups>",
            )
        )

    def _refusal(self, fault: SoapFault) -> Exception:
        """What a refusal means: unknown members, or with any other fault a list in doubt."""
        if fault.type not in _ANSWERS:
            return fault
        if fault.type == "NoPermission":  # of the account, so of every group
            self._closed = _NO_RIGHTS
            return _Unknown(_NO_RIGHTS)
        return _Unknown(f"The user directory did not answer about it ({fault.type}).")

    def _blind_spots(self) -> Iterator[Item]:
        if not self._unknown:
            return
        first = min(self._unknown)
        others = set(self._unknown.values()) - {self._unknown[first]}
        more = " Others are unknown for other reasons." if others else ""
        yield BlindSpot(
            kind=Kind.PRINCIPAL,
            property="members",
            count=len(self._unknown),
            example=self._names[first],
            explanation=f"{self._unknown[first]}{more}",
        )
