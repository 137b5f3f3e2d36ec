from inventory.connectors.vsphere.mapping import clusters
from inventory.records import PlacementGroup, PlacementOverride, PlacementRule
from tests.inventory.connectors.vsphere.metadata import type_of
from tests.inventory.connectors.vsphere.pages import (
    a_property,
    a_text,
    an_estate,
    facts_of,
    recorded,
    withheld,
)


def test_every_property_read_exists_in_the_vsphere_api() -> None:
    for path in clusters.PATHS:
        assert type_of("ClusterComputeResource", path)


def test_the_simulators_cluster_is_read() -> None:
    [facts] = recorded("ClusterComputeResource")
    cluster = clusters.cluster(facts, an_estate())

    assert cluster.drs_enabled is True
    assert len(cluster.host_refs or ()) == 1
    assert (cluster.rules, cluster.groups, cluster.overrides) == ((), (), ())


def test_placement_rules_name_machines_and_hosts() -> None:
    def refs(tag: str, type_: str, *found: str) -> str:
        return "".join(f'<{tag} type="{type_}">{ref}</{tag}>' for ref in found)

    config = (
        "<drsConfig><enabled>true</enabled><defaultVmBehavior>fullyAutomated</defaultVmBehavior>"
        "</drsConfig><dasConfig><enabled>false</enabled>"
        "<admissionControlEnabled>true</admissionControlEnabled></dasConfig>"
        '<rule xsi:type="ClusterAntiAffinityRuleSpec"><name>apart</name><enabled>true</enabled>'
        f"{refs('vm', 'VirtualMachine', 'vm-2', 'vm-1')}</rule>"
        '<rule xsi:type="ClusterVmHostRuleInfo"><name>licensed</name><enabled>true</enabled>'
        "<mandatory>true</mandatory><inCompliance>false</inCompliance><vmGroupName>vms</vmGroupName>"
        "<affineHostGroupName>hosts</affineHostGroupName></rule>"
        '<rule xsi:type="ClusterVmHostRuleInfo"><name>keep off</name><enabled>false</enabled>'
        "<vmGroupName>vms</vmGroupName><antiAffineHostGroupName>hosts</antiAffineHostGroupName>"
        "</rule>"
        f'<group xsi:type="ClusterVmGroup"><name>vms</name>{refs("vm", "VirtualMachine", "vm-3")}'
        '</group><group xsi:type="ClusterHostGroup"><name>hosts</name>'
        f"{refs('host', 'HostSystem', 'host-1')}</group>"
    )
    cluster = clusters.cluster(
        facts_of(
            a_text("name", "c"),
            a_property("configurationEx", config, "ClusterConfigInfoEx"),
            ref="domain-c1",
            type_="ClusterComputeResource",
        ),
        an_estate(),
    )

    assert (cluster.drs_automation, cluster.ha_enabled) == ("fullyAutomated", False)
    assert cluster.ha_admission_control is True
    assert cluster.rules == (
        PlacementRule(name="apart", type="anti-affinity", enabled=True, vm_refs=("vm-1", "vm-2")),
        PlacementRule(
            name="licensed",
            type="vm-host",
            enabled=True,
            mandatory=True,
            in_compliance=False,
            vm_group="vms",
            host_group="hosts",
            vm_refs=("vm-3",),
            host_refs=("host-1",),
        ),
        PlacementRule(
            name="keep off",
            type="vm-host-anti",
            enabled=False,
            vm_group="vms",
            host_group="hosts",
            vm_refs=("vm-3",),
            host_refs=("host-1",),
        ),
    )


def test_a_cluster_that_does_not_tell_its_rules_has_unknown_rules() -> None:
    facts = facts_of(withheld("configurationEx"), ref="domain-c1", type_="ClusterComputeResource")

    found = clusters.cluster(facts, an_estate())

    assert (found.rules, found.groups, found.overrides) == (None, None, None)


def test_groups_and_machines_with_rules_of_their_own_are_read() -> None:
    config = (
        '<group xsi:type="ClusterVmGroup"><name>b</name>'
        '<vm type="VirtualMachine">vm-2</vm><vm type="VirtualMachine">vm-1</vm></group>'
        '<group xsi:type="ClusterHostGroup"><name>a</name>'
        '<host type="HostSystem">host-1</host></group>'
        '<drsVmConfig><key type="VirtualMachine">vm-2</key><enabled>false</enabled></drsVmConfig>'
        '<drsVmConfig><key type="VirtualMachine">vm-1</key><enabled>true</enabled>'
        "<behavior>manual</behavior></drsVmConfig>"
    )
    cluster = clusters.cluster(
        facts_of(
            a_property("configurationEx", config, "ClusterConfigInfoEx"),
            ref="domain-c1",
            type_="ClusterComputeResource",
        ),
        an_estate(),
    )

    assert cluster.groups == (
        PlacementGroup(name="a", type="host", host_refs=("host-1",)),
        PlacementGroup(name="b", type="vm", vm_refs=("vm-1", "vm-2")),
    )
    assert cluster.overrides == (
        PlacementOverride(vm_ref="vm-1", enabled=True, automation="manual"),
        PlacementOverride(vm_ref="vm-2", enabled=False),
    )
    assert cluster.ha_admission_control is None
