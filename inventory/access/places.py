"""Where an object stands: the containers its record names, as chains that grants come down by."""

from __future__ import annotations

from inventory.access.effective import Access, Standing
from inventory.records import (
    AnyRecord,
    Cluster,
    Datastore,
    Host,
    Image,
    Network,
    Switch,
    VirtualMachine,
)


def standing_of(record: AnyRecord, access: Access, *, cluster: str | None = None) -> Standing:
    """The chains above an object; `cluster` is that of a machine's host.

    A machine inherits from its folder, from its resource pool and from its host; everything else
    from the one thing it stands in, a port group not from its switch. Records of older collections,
    and of accounts that see a part of the inventory, do not name all that is above: then the
    objects of grants are found by their paths, and the answer is not whole.
    """
    match record:
        case VirtualMachine():
            return _of_machine(record, access, cluster)
        case Image(ancestors=None, folder=folder):
            return _guessed(record.ref, (access.above(folder),), access)
        case Host(ancestors=None, cluster_ref=own):
            return _guessed(record.ref, (_known(own),), access)
        case (
            Cluster(ancestors=above)
            | Datastore(ancestors=above)
            | Host(ancestors=above)
            | Image(ancestors=above)
            | Network(ancestors=above)
            | Switch(ancestors=above)
        ) if above:
            return Standing(ref=record.ref, chains=(above,))
        case _:
            return _guessed(record.ref, (), access)


def _of_machine(vm: VirtualMachine, access: Access, cluster: str | None) -> Standing:
    host = _known(vm.host_ref)
    if vm.ancestors is not None and vm.pool_ancestors is not None:
        return Standing(ref=vm.ref, chains=(vm.ancestors, vm.pool_ancestors, host))
    folders = access.above(vm.folder) if vm.ancestors is None else vm.ancestors
    pools = vm.pool_ancestors or (*_known(vm.resource_pool_ref), *_known(cluster))
    return _guessed(vm.ref, (folders, pools, host), access)


def _guessed(ref: str, chains: tuple[tuple[str, ...], ...], access: Access) -> Standing:
    """Everything stands below the root, whatever else is not known."""
    root = _known(access.root)
    rooted = tuple((*(one for one in chain if one not in root), *root) for chain in chains)
    return Standing(ref=ref, chains=(*rooted, root), whole=False)


def _known(ref: str | None) -> tuple[str, ...]:
    return (ref,) if ref else ()
