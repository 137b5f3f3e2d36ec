"""What may share a host tomorrow must be ruled out, not hoped."""

from collections.abc import Iterator

from inventory.records import (
    PlacementRule,
)
from policies.facts import SYSTEM_MACHINES, has_unplaced_machines, listed, matches
from policies.spec import (
    Blank,
    Cluster,
    Estate,
    FactMissing,
    Kind,
    Platform,
    PowerState,
    Remedy,
    Severity,
    Violation,
    VirtualMachine,
    check,
    known,
    not_applicable,
)


@check(
    id="cluster-classification-rules",
    title="Placement rules keep classifications apart",
    severity=Severity.MEDIUM,
    statements=("SEC-6",),
    facts=("host_refs", "rules"),
    reads=("vm.host_ref", "vm.power_state", "vm.classification"),
    why=(
        "Load balancing and restarts after a failure put machines wherever there is room. Only "
        "mandatory rules keep a patient database off the host of a public web server."
    ),
    fix={
        Platform.VSPHERE: (
            "Tie the machines of each classification to hosts of their own with mandatory rules, "
            "or give each classification a cluster."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Decide which hosts of «name» each classification may use; these meet today: "
                "«classifications».",
                "Select «name» > Configure > VM/Host Groups > Add: for each classification a group "
                "of its machines and a group of its hosts.",
                "Select «name» > Configure > VM/Host Rules > Add > Virtual Machines to Hosts > "
                "“Must run on hosts in group”, once for each classification.",
                "Put every new machine into its group when it is made; or give each "
                "classification a cluster of its own, which needs no rules.",
            ),
            because=(
                "which hosts belong to which classification is a decision, and a mandatory rule "
                "that is wrong keeps machines from starting after a failure."
            ),
            verify="VM/Host Rules of «name» lists a “must run” rule for each classification.",
            needs="Host.Inventory.EditCluster on the cluster.",
            effect=(
                "Machines on the wrong host are moved while they run; with fewer hosts to choose "
                "from, a failure may leave some of them off."
            ),
            blanks={"classifications": Blank("classifications", evidence="classifications")},
        ),
    },
)
def classification_rules(cluster: Cluster, estate: Estate) -> Iterator[Violation]:
    hosts = frozenset(known(cluster.host_refs, "host_refs"))
    rules = known(cluster.rules, "rules")
    if len(hosts) < 2:
        not_applicable("There is no second host to move to.")
    machines = _machines(hosts, estate)
    running = [vm for vm in machines if vm.power_state is PowerState.ON]
    sure = _overlapping(running, hosts, [rule for rule in rules if _binding(rule) is not False])
    if sure:
        labels = {vm.classification.casefold() for vm in running if vm.classification}
        names = listed(sorted(labels))
        yield Violation(
            message=(
                f"Nothing keeps the machines of cluster {cluster.name} apart by classification "
                f"({names}); for example {listed(sure, 3)}."
            ),
            seen=f"{len(labels)} classifications may meet on one host",
            expected="mandatory rules that keep them on different hosts",
            evidence={"classifications": sorted(labels), "machines": sure[:20]},
        )
        return
    binding = [rule for rule in rules if _binding(rule)]
    if _overlapping(running, hosts, binding):
        raise FactMissing("rules: whether they are enabled and mandatory")
    if _overlapping(machines, hosts, binding):
        unread = [vm.name for vm in machines if vm.power_state is None]
        raise FactMissing(f"the power state of {listed(unread)}")
    unlabelled = [vm.name for vm in machines if not vm.classification]
    if unlabelled and len(machines) > 1:
        raise FactMissing(f"the classification of {listed(unlabelled)}")
    if estate.derived(has_unplaced_machines):
        raise FactMissing("host_ref of a machine that may run here")
    estate.whole(Kind.VM)


def _machines(hosts: frozenset[str], estate: Estate) -> list[VirtualMachine]:
    """The machines on these hosts that run or may run."""
    return [
        vm
        for ref in sorted(hosts)
        for vm in estate.vms_by_host.get(ref, ())
        if vm.power_state in (PowerState.ON, None) and not matches(vm.name, SYSTEM_MACHINES)
    ]


def _binding(rule: PlacementRule) -> bool | None:
    """Whether the rule ties machines to hosts for certain; None when that was not read."""
    if (
        rule.type not in ("vm-host", "vm-host-anti")
        or rule.enabled is False
        or rule.mandatory is False
    ):
        return False
    return True if rule.enabled and rule.mandatory else None


def _overlapping(
    machines: list[VirtualMachine], hosts: frozenset[str], rules: list[PlacementRule]
) -> list[str]:
    """Machines that may run on a host where a machine of another classification may run."""
    allowed: dict[str, frozenset[str]] = {}
    for rule in rules:
        named = frozenset(rule.host_refs)
        open_to = hosts - named if rule.type == "vm-host-anti" else named
        for ref in rule.vm_refs:
            allowed[ref] = allowed.get(ref, hosts) & open_to
    labels_at: dict[str, set[str]] = {}
    labelled = [(vm, vm.classification.casefold()) for vm in machines if vm.classification]
    for vm, label in labelled:
        for host in allowed.get(vm.ref, hosts):
            labels_at.setdefault(host, set()).add(label)
    return sorted(
        vm.name
        for vm, _ in labelled
        if any(len(labels_at[host]) > 1 for host in allowed.get(vm.ref, hosts))
    )
