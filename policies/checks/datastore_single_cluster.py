"""Files of one purpose should not be reachable from the hosts of another."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    listed,
    matches,
)
from policies.spec import (
    Datastore,
    Estate,
    FactMissing,
    Parameters,
    Platform,
    Severity,
    Violation,
    check,
    known,
    not_applicable,
)


class Params(Parameters, frozen=True):
    shared: Annotated[
        tuple[str, ...], Meta(description="Name patterns of datastores meant for all, such as ISOs")
    ] = ()


@check(
    id="datastore-single-cluster",
    title="A datastore is mounted by the hosts of one cluster only",
    severity=Severity.MEDIUM,
    statements=("CHG-4",),
    params=Params,
    facts=("host_refs",),
    reads=("host.cluster_ref",),
    why=(
        "Every host that mounts a datastore can read and delete all files on it. A compromised "
        "host of a test cluster then holds the production disks."
    ),
    fix={
        Platform.VSPHERE: (
            "Select the datastore > **Hosts**; for each host of another cluster: right-click > "
            "**Unmount Datastore**, then remove the mapping or export on the storage side. Name "
            "datastores that are meant for all in this check's settings."
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
