"""The objects of the inventory, type by type: what exists and has properties of its own."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.connectors.base import Item
from inventory.connectors.vsphere import questions
from inventory.connectors.vsphere.bulk import Wanted
from inventory.connectors.vsphere.making import Making
from inventory.connectors.vsphere.mapping import clusters, fabric, hosts, machines, switches
from inventory.connectors.vsphere.mapping.facts import Facts
from inventory.connectors.vsphere.reading import Reading
from inventory.connectors.vsphere.xml import Ref
from inventory.records import Kind


class Objects:
    """Each step needs what those above it told."""

    def __init__(self, making: Making) -> None:
        self._making = making
        self._estate = making.estate

    def networks(self) -> Iterator[Item]:
        details: dict[Ref, Facts] = {}
        for type_, paths in (
            ("DistributedVirtualPortgroup", fabric.PORT_GROUP_PATHS),
            ("OpaqueNetwork", fabric.OPAQUE_PATHS),
        ):
            beyond = Reading(self._making.session, Kind.NETWORK, Wanted(type=type_, paths=paths))
            for facts in beyond.facts(type_):
                details[facts.ref] = facts
                key = fabric.network_key(facts)
                if key:
                    self._estate.network_by_key[key] = str(facts.ref)
            yield from beyond.notes
        yield from questions.ask_ports(self._making.session, self._estate, details.values())
        yield from self._making.kind(
            (Kind.NETWORK,),
            "Network",
            fabric.NETWORK_PATHS,
            lambda facts: fabric.network(facts, details.get(facts.ref), self._estate),
        )

    def answers_of_hosts(self) -> Iterator[Item]:
        return questions.ask_hosts(self._making.session, self._estate)

    def hosts(self) -> Iterator[Item]:
        return self._making.kind(
            (Kind.HOST,), "HostSystem", hosts.PATHS, lambda facts: hosts.host(facts, self._estate)
        )

    def clusters(self) -> Iterator[Item]:
        return self._making.kind(
            (Kind.CLUSTER,),
            "ClusterComputeResource",
            clusters.PATHS,
            lambda facts: clusters.cluster(facts, self._estate),
        )

    def switches(self) -> Iterator[Item]:
        return self._making.kind(
            (Kind.SWITCH,),
            "DistributedVirtualSwitch",
            switches.PATHS,
            lambda facts: switches.switch(facts, self._estate),
        )

    def datastores(self) -> Iterator[Item]:
        return self._making.kind(
            (Kind.DATASTORE,),
            "Datastore",
            fabric.DATASTORE_PATHS,
            lambda facts: fabric.datastore(facts, self._estate),
        )

    def machines(self) -> Iterator[Item]:
        """Machines, and templates, which are images."""
        return self._making.kind(
            (Kind.VM, Kind.IMAGE),
            "VirtualMachine",
            machines.PATHS,
            lambda facts: machines.machine(facts, self._estate),
        )
