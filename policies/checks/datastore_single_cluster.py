"""Files of one purpose should not be reachable from the hosts of another."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    listed,
    matches,
)
from policies.spec import (
    Blank,
    Datastore,
    Deviation,
    Estate,
    FactMissing,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Value,
    Violation,
    check,
    known,
    not_applicable,
)


class Params(Parameters, frozen=True):
    shared: Annotated[
        tuple[str, ...], Meta(description="Name patterns of datastores meant for all, such as ISOs")
    ] = ()


def _hosts(found: Deviation) -> Value:
    groups = [names for names in found.evidence.values() if isinstance(names, list | tuple)]
    return ", ".join(sorted(str(name) for names in groups for name in names)) or None


@check(
    id="datastore-single-cluster",
    title="A datastore is mounted by the hosts of one cluster only",
    severity=Severity.MEDIUM,
    statements=("CHG-4",),
    params=Params,
    facts=("host_refs",),
    reads=("host.cluster_ref", "cluster.name"),
    why=(
        "Every host that mounts a datastore can read and delete all files on it. A compromised "
        "host of a test cluster then holds the production disks."
    ),
    fix={
        Platform.VSPHERE: (
            "Unmount the datastore from the hosts of the other clusters and take the mapping away "
            "on the storage side; name datastores that are meant for all in this check's settings."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Decide which cluster «name» belongs to; these hosts mount it: «hosts».",
                "For each host of another cluster: no machine and no template that it runs may "
                "have files there; move their files with Migrate > Change storage only.",
                "Select «name» > Hosts, and for each of these hosts: right-click > Unmount "
                "Datastore.",
                "Remove the mapping or the export to these hosts on the storage system, or they "
                "can mount it again.",
                "When «name» is meant for all, name it in the settings of this check instead.",
            ),
            because=(
                "which cluster keeps the datastore is a decision, and the mapping that matters is "
                "on the storage system."
            ),
            verify="Hosts of «name» lists hosts of one cluster.",
            needs="Host.Config.Storage on the hosts, and rights on the storage system.",
            effect="A machine whose files are on a datastore that its host loses stops at once.",
            blanks={"hosts": Blank("hosts that mount it", fact=_hosts)},
        ),
    },
)
def datastore_single_cluster(
    datastore: Datastore, estate: Estate, params: Params
) -> Iterator[Violation]:
    if matches(datastore.name, params.shared):
        not_applicable(f"{datastore.name} is meant to be shared.")
    clusters: dict[str, list[str]] = {}
    doubts: list[str] = []
    for ref in known(datastore.host_refs, "host_refs"):
        host = estate.hosts.get(ref)
        if host is None or host.cluster_ref is None:
            doubts.append(f"the cluster of host {host.name if host else ref}")
        else:
            clusters.setdefault(host.cluster_ref or ref, []).append(host.name)
    if len(clusters) > 1:
        names = sorted(
            estate.clusters[ref].name if ref in estate.clusters else listed(hosts)
            for ref, hosts in clusters.items()
        )
        yield Violation(
            message=f"Datastore {datastore.name} is mounted in {listed(names)}.",
            seen=listed(names),
            expected="one cluster",
            evidence={ref: sorted(hosts) for ref, hosts in sorted(clusters.items())},
        )
    elif doubts:
        raise FactMissing(doubts[0])
