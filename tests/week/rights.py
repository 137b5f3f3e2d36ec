"""Who may do what with a machine, worked out from the script's own record.

On purpose not how the product does it: from the duty and the person to the grant, object by object.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from tests.week.record import FOLDERS, Grant, GrantKey, Truth

ADMIN = r"VSPHERE.LOCAL\Administrator"
READER = "vmgov@vsphere.local"
PEOPLE = tuple(f"WEEK\\{name}" for name in ("anna", "bert", "cleo", "dora"))
GROUPS = tuple(f"WEEK\\{name}" for name in ("crew", "ops", "staff"))
STORE, CLUSTER = "store", "cluster"
PLACES = {"root": "/", "DC0": "/DC0", **FOLDERS}
PLACES |= {CLUSTER: "/DC0/host/DC0_C0", STORE: "/DC0/datastore/LocalDS_0"}
ABOVE = {"Deep": "Blue", "Blue": "vm", "Green": "vm", "vm": "DC0", CLUSTER: "DC0", STORE: "DC0"}
ABOVE |= {"DC0": "root"}
# What each privilege lets somebody do with a machine, or with the files on a datastore.
ON_MACHINES = {
    "VirtualMachine.Interact.ConsoleInteract": "vm-access",
    "VirtualMachine.Interact.PowerOff": "vm-lifecycle",
    "VirtualMachine.Provisioning.GetVmFiles": "file-admin",
    "Authorization.ModifyPermissions": "access-admin",
}
ON_FILES = {"Datastore.Browse": "file-admin"}


class Way(msgspec.Struct, frozen=True):
    """By which grant, through which groups, and what it lets somebody do."""

    role: str
    on: str
    groups: tuple[str, ...]
    duties: frozenset[str]


def may(truth: Truth, uid: str) -> dict[str, frozenset[Way]]:
    """Who may do something with a machine, by all the ways that lead there."""
    found = {person: frozenset(_ways(truth, uid, person)) for person in (*PEOPLE, ADMIN, READER)}
    return {person: ways for person, ways in found.items() if ways}


def _ways(truth: Truth, uid: str, person: str) -> Iterator[Way]:
    inside = _inside(truth, person)
    of_machine = _deciding(truth, inside, uid, [truth.machines[uid].folder, CLUSTER])
    of_files = _deciding(truth, inside, STORE, ["DC0"])
    for key in {*of_machine, *of_files}:
        privileges = truth.rights.roles[truth.rights.grants[key].role]
        duties = {
            ON_MACHINES[one] for one in privileges if key in of_machine and one in ON_MACHINES
        }
        duties |= {ON_FILES[one] for one in privileges if key in of_files and one in ON_FILES}
        if duties:
            role, on = truth.rights.grants[key].role, path_of(truth, key.on)
            yield Way(role, on, inside[key.principal], frozenset(duties))


def path_of(truth: Truth, on: str) -> str:
    return PLACES[on] if on in PLACES else truth.machines[on].path


def _inside(truth: Truth, person: str) -> dict[str, tuple[str, ...]]:
    """A person and every group they are in, with the shortest way into it."""
    found: dict[str, tuple[str, ...]] = {person: ()}
    for _ in GROUPS:  # the deepest nesting there can be
        for group in GROUPS:
            ways = [
                (*found[member], group) for member in truth.rights.groups[group] if member in found
            ]
            if group not in found and ways:
                found[group] = min(ways, key=lambda way: (len(way), way))
    return found


def _deciding(
    truth: Truth, inside: dict[str, tuple[str, ...]], on: str, parents: list[str]
) -> set[GrantKey]:
    """On the object itself, else along each chain above it, the nearest grants that reach it."""
    here = _given(truth, inside, on, is_below=False)
    if here:
        return here
    found: set[GrantKey] = set()
    for parent in parents:
        at: str | None = parent
        while at is not None and not (reaching := _given(truth, inside, at, is_below=True)):
            at = ABOVE.get(at)
        if at is not None:
            found |= reaching
    return found


def _given(
    truth: Truth, inside: dict[str, tuple[str, ...]], on: str, *, is_below: bool
) -> set[GrantKey]:
    """A person's own grant decides alone; without one those of all their groups add up."""
    grants: dict[GrantKey, Grant] = truth.rights.grants
    there = {
        key
        for key, grant in grants.items()
        if key.on == on and key.principal in inside and (grant.propagate or not is_below)
    }
    own = {key for key in there if not key.is_group}
    return own or there
