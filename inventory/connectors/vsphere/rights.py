"""Who may do what: roles, grants, and whom they are given to."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from inventory.connectors.base import Count, Doubt, Item
from inventory.connectors.vsphere.directory import Directory
from inventory.connectors.vsphere.making import Making
from inventory.connectors.vsphere.mapping import access
from inventory.connectors.vsphere.mapping.facts import as_number, as_text, dicts
from inventory.connectors.vsphere.xml import SoapFault
from inventory.records import Grant, Kind


class Rights:
    """Read as whole kinds, each needing the one before."""

    def __init__(self, making: Making) -> None:
        self._making = making
        self._role_names: dict[int, str] = {}
        self._holders: list[Grant] | None = None  # once all grants are known

    def roles(self) -> Iterator[Item]:
        notes: list[Item] = []
        manager = self._making.content.authorization_manager
        found = self._making.manager_list(manager, "roleList", Kind.ROLE, notes)
        if found is None:
            yield _whole_kind_withheld(Kind.ROLE)
        for item in dicts(found):
            number = as_number(item.get("roleId"))
            if number is not None:
                self._role_names[number] = as_text(item.get("name")) or str(number)
            label = f"role {item.get('roleId')}"
            yield self._making.record(Kind.ROLE, label, label, partial(access.role, item))
        yield Count(kind=Kind.ROLE, expected=len(dicts(found)))
        yield from notes

    def grants(self) -> Iterator[Item]:
        making, manager = self._making, self._making.content.authorization_manager
        try:
            found = dicts(making.session.bulk.call("RetrieveAllPermissions", manager))
        except SoapFault as fault:
            if fault.type != "NoPermission":
                raise
            yield _whole_kind_withheld(Kind.GRANT)
            return
        holders: list[Grant] = []
        for item in found:
            label = f"{item.get('principal')} on {item.get('entity')}"
            built = partial(access.grant, item, making.estate, self._role_names)
            made = making.record(Kind.GRANT, label, label, built)
            if isinstance(made, Grant):
                holders.append(made)
            yield made
        yield Count(kind=Kind.GRANT, expected=len(found))
        self._holders = holders

    def principals(self) -> Iterator[Item]:
        if self._holders is None:  # whoever holds a grant is told by the grants
            yield _whole_kind_withheld(Kind.PRINCIPAL)
        else:
            yield from Directory(self._making.session).principals(self._holders)


def _whole_kind_withheld(kind: Kind) -> Doubt:
    return Doubt(
        kind=kind,
        code="withheld",
        message=f"vCenter told nothing about {kind} objects: the account may not read them.",
    )
