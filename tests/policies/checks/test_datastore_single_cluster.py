from typing import Any

from inventory.records import Datastore
from tests.policies.builders import (
    a_cluster,
    a_datastore,
    a_host,
    excused,
    missing,
    passes,
    violations,
)

CHECK = "datastore-single-cluster"


def mounted(*hosts: str, **facts: Any) -> Datastore:
    return a_datastore(host_refs=tuple(f"host-{name}" for name in hosts), **facts)


ESX1, ESX2 = a_host("esx-01"), a_host("esx-02")
LAB = a_host("lab-01", cluster_ref="cluster-lab")


def test_hosts_of_one_cluster_pass():
    assert passes(CHECK, mounted("esx-01", "esx-02"), ESX1, ESX2)


def test_a_datastore_that_nobody_mounts_passes():
    assert passes(CHECK, mounted())


def test_hosts_of_two_clusters_fail():
    around = (ESX1, LAB, a_cluster("app"), a_cluster("lab"))

    [violation] = violations(CHECK, mounted("esx-01", "lab-01"), *around)

    assert violation.message == "Datastore gold is mounted in app and lab."


def test_two_standalone_hosts_are_two():
    around = (a_host("a", cluster_ref=""), a_host("b", cluster_ref=""))

    assert violations(CHECK, mounted("a", "b"), *around)
    assert passes(CHECK, mounted("a"), *around)


def test_a_datastore_meant_for_all_is_not_concerned():
    assert excused(CHECK, mounted("esx-01", "lab-01"), ESX1, LAB, shared=("GOLD*",))


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_datastore(host_refs=None)) == "host_refs"
    assert missing(CHECK, mounted("esx-01", "lost"), ESX1) == "the cluster of host host-lost"
    assert missing(CHECK, mounted("x"), a_host("x", cluster_ref=None))


def test_a_spread_is_proven_whatever_else_is_unknown():
    assert violations(CHECK, mounted("esx-01", "lab-01", "lost"), ESX1, LAB)
