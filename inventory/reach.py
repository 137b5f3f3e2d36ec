"""Who can reach a machine: the grants on it and on what it stands in, as far as paths tell."""

from __future__ import annotations

import msgspec

from accounts.models import User
from inventory.history import typed
from inventory.models import Asset
from inventory.records import Grant, Host, Kind, Role, VirtualMachine

_ENTERS = ("VirtualMachine.Interact.ConsoleInteract", "VirtualMachine.GuestOperations.")


class Reach(msgspec.Struct, frozen=True):
    """A grant that reaches a machine, by which way, and whether it lets somebody in."""

    asset: Asset
    grant: Grant
    way: str
    enters: bool | None  # None: the role's privileges are not known


def grants_on(
    asset: Asset, vm: VirtualMachine, *, host: Asset | None, by: User
) -> list[Reach] | None:
    """Every grant that reaches the machine on its host; None when the person may not see grants.

    Grants belong to the whole platform, so they are for people who see the whole estate.
    """
    if not by.sees_everything:
        return None
    everyone = list(
        Asset.objects.visible_to(by)
        .present()
        .filter(source_id=asset.source_id, kind__in=[Kind.GRANT, Kind.ROLE])
        .select_related("source")
        .order_by("sort_name", "pk")
    )
    roles = {role.uid: role for role in (typed(a.record) for a in everyone) if _is_role(role)}
    cluster = _cluster_of(host)
    found = []
    for row in everyone:
        grant = typed(row.record)
        if not isinstance(grant, Grant):
            continue
        way = _way(grant, vm, cluster)
        if way:
            found.append(Reach(row, grant, way, _enters(roles.get(str(grant.role_id)))))
    return sorted(found, key=lambda each: (each.enters is False, each.grant.principal))


def _is_role(record: object) -> bool:
    return isinstance(record, Role)


def _cluster_of(host: Asset | None) -> str | None:
    record = typed(host.record) if host else None
    return record.cluster_ref if isinstance(record, Host) else None


def _way(grant: Grant, vm: VirtualMachine, cluster: str | None) -> str:
    """How a grant reaches a machine; "" when it does not."""
    if grant.entity_ref == vm.ref:
        return "on the machine itself"
    if not grant.propagate:
        return ""
    if grant.at_root:
        return "inherited from the root"
    if grant.entity_ref in (vm.resource_pool_ref, vm.host_ref, cluster):
        return f"inherited from {grant.entity_name or grant.entity_ref}"
    path = grant.entity_path
    if path and vm.folder and f"{vm.folder}/".startswith(f"{path.rstrip('/')}/"):
        return f"inherited from {grant.entity_name or path}"
    return ""


def _enters(role: object) -> bool | None:
    """Whether a role opens the console or acts inside the guest."""
    if not isinstance(role, Role) or role.privileges is None:
        return None
    return any(privilege.startswith(_ENTERS) for privilege in role.privileges)
