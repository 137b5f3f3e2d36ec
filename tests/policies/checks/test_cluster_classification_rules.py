from typing import Any

import pytest

from inventory.records import Cluster, Kind, PlacementRule, PowerState, VirtualMachine
from tests.policies.builders import a_cluster, a_rule, a_vm, excused, missing, passes, violations

CHECK = "cluster-classification-rules"

WEB = a_vm("web", classification="public", host_ref="host-1")
DATABASE = a_vm("db", classification="secret", host_ref="host-2")


def cluster(*rules: PlacementRule) -> Cluster:
    return a_cluster(rules=rules, host_refs=("host-1", "host-2"))


def tie(vm: VirtualMachine, *hosts: str, **facts: Any) -> PlacementRule:
    return a_rule(f"{vm.name} stays", vm_refs=(vm.ref,), host_refs=hosts, **facts)


def test_machines_of_one_classification_need_no_rules():
    assert passes(CHECK, cluster(), WEB, a_vm("b", classification="Public", host_ref="host-2"))


def test_two_classifications_that_may_meet_fail():
    [violation] = violations(CHECK, cluster(), WEB, DATABASE)

    assert violation.message == (
        "Nothing keeps the machines of cluster app apart by classification "
        "(public and secret); for example db and web."
    )


def test_mandatory_rules_that_keep_them_apart_pass():
    assert passes(CHECK, cluster(tie(WEB, "host-1"), tie(DATABASE, "host-2")), WEB, DATABASE)


def test_rules_that_meet_on_a_host_fail():
    rules = (tie(WEB, "host-1"), tie(DATABASE, "host-1", "host-2"))

    assert violations(CHECK, cluster(*rules), WEB, DATABASE)


@pytest.mark.parametrize("fact", ["enabled", "mandatory"])
def test_a_rule_that_does_not_bind_keeps_nothing_apart(fact):
    rules = (tie(WEB, "host-1", **{fact: False}), tie(DATABASE, "host-2"))

    assert violations(CHECK, cluster(*rules), WEB, DATABASE)


def test_rules_that_forbid_a_host_keep_them_apart_too():
    rules = (
        tie(WEB, "host-2", type="vm-host-anti"),
        tie(DATABASE, "host-1", type="vm-host-anti"),
    )

    assert passes(CHECK, cluster(*rules), WEB, DATABASE)
    assert violations(CHECK, cluster(*rules[:1]), WEB, DATABASE)


def test_a_rule_between_machines_ties_nobody_to_a_host():
    rules = (tie(WEB, "host-1", type="anti-affinity"), tie(DATABASE, "host-2"))

    assert violations(CHECK, cluster(*rules), WEB, DATABASE)


def test_one_host_leaves_nothing_to_rule():
    assert excused(CHECK, a_cluster(host_refs=("host-1",)), WEB)


def test_machines_that_are_off_and_agents_do_not_count():
    off = a_vm("old", classification="secret", host_ref="host-2", power_state=PowerState.OFF)
    agent = a_vm("vCLS-1", classification="", host_ref="host-2")

    assert passes(CHECK, cluster(), WEB, off, agent)


def test_a_machine_that_may_run_is_unknown_when_it_would_decide():
    doubtful = a_vm("x", classification="secret", host_ref="host-2", power_state=None)

    assert missing(CHECK, cluster(), WEB, doubtful) == "the power state of x"
    assert passes(CHECK, cluster(tie(WEB, "host-1"), tie(doubtful, "host-2")), WEB, doubtful)


def test_a_machine_alone_in_its_cluster_needs_no_classification():
    assert passes(CHECK, cluster(), a_vm("x", classification="", host_ref="host-1"))


def test_what_could_not_be_read_is_unknown():
    half_read = (tie(WEB, "host-1", mandatory=None), tie(DATABASE, "host-2"))
    unlabelled = a_vm("x", classification="", host_ref="host-2")
    unplaced = a_vm("x", classification="public", host_ref=None)

    assert missing(CHECK, a_cluster(host_refs=None)) == "host_refs"
    assert missing(CHECK, a_cluster(rules=None)) == "rules"
    assert missing(CHECK, cluster(*half_read), WEB, DATABASE)
    assert missing(CHECK, cluster(), WEB, unlabelled)
    assert missing(CHECK, cluster(), WEB, unplaced)
    assert missing(CHECK, cluster(), WEB, complete=frozenset(Kind) - {Kind.VM})
