"""Traffic that never leaves a host must still be seen by somebody."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    listed,
    matches,
)
from policies.spec import (
    Blank,
    FactMissing,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Switch,
    Violation,
    check,
    known,
    not_applicable,
)


class Params(Parameters, frozen=True):
    approved_collectors: Annotated[
        tuple[str, ...], Meta(description="Addresses of approved flow collectors; empty allows any")
    ] = ()


@check(
    id="switch-traffic-visible",
    title="A sensor sees the traffic of every distributed switch",
    severity=Severity.HIGH,
    statements=("IR-2",),
    params=Params,
    facts=("host_refs", "mirror_sessions", "netflow_collector"),
    controls=("VCSA-80-000271", "VCSA-80-000300"),
    why=(
        "Packets between two machines of one host pass no cable, so no physical sensor. Unless the "
        "switch mirrors or reports them, an attacker moves there unseen."
    ),
    fix={
        Platform.VSPHERE: (
            "Mirror the machines' ports to a sensor, or report flows to a collector and switch "
            "that on in each port group."
        ),
    },
    remedy={
        Platform.VSPHERE: (
            Remedy(
                when="the flow collector is not approved",
                fits=lambda found: found.key == "collector",
                steps=(
                    "Ask who receives the flows of «name» at «collector».",
                    "Select «name» > Configure > Settings > NetFlow > Edit, and enter an approved "
                    "collector: «approved».",
                ),
                script="""
$vds = Get-VDSwitch -Server $server -Id $id
$view = Get-View -Server $server -Id $id
$spec = New-Object VMware.Vim.VMwareDVSConfigSpec
$spec.ConfigVersion = $view.Config.ConfigVersion
$spec.IpfixConfig = $view.Config.IpfixConfig
$spec.IpfixConfig.CollectorIpAddress = $address_of_collector
if (Confirm-Change "report flows of $($vds.Name) to $address_of_collector, not to $collector") {
    $view.ReconfigureDvs($spec)
}
""",
                verify="NetFlow of «name» shows an approved collector.",
                needs="DVSwitch.Modify on the switch.",
                effect="The present collector gets no more flows.",
                blanks={
                    "collector": Blank("present collector", evidence="netflow_collector"),
                    "approved": Blank("approved collectors", param="approved_collectors"),
                    "address_of_collector": Blank("address of the approved collector"),
                },
            ),
            Remedy(
                when="nothing sees the traffic",
                steps=(
                    "Decide between mirroring, which shows packets, and NetFlow, which shows who "
                    "talked to whom.",
                    "Mirroring: «name» > Configure > Settings > Port mirroring > New, with the "
                    "machines' ports as sources and the sensor as destination.",
                    "NetFlow: «name» > Configure > Settings > NetFlow > Edit, enter the collector; "
                    "then switch NetFlow on in each port group: Configure > Policies > Edit > "
                    "Monitoring.",
                ),
                because="which sensor sees which machines is a decision, and needs the sensor.",
                verify="The sensor or collector shows traffic between two machines of one host.",
                needs="DVSwitch.Modify and DVSwitch.Vspan on the switch, DVPortgroup.Modify.",
                effect="Mirroring costs the hosts processor time and bandwidth; nothing stops.",
            ),
        ),
    },
)
def traffic_visible(switch: Switch, params: Params) -> Iterator[Violation]:
    if not known(switch.host_refs, "host_refs"):
        not_applicable("No host uses this switch.")
    sessions = known(switch.mirror_sessions, "mirror_sessions")
    collector = known(switch.netflow_collector, "netflow_collector")
    approved = params.approved_collectors
    if collector and approved and not matches(collector, approved):
        yield Violation(
            key="collector",
            message=f"Switch {switch.name} reports its traffic to {collector}, not approved.",
            seen=collector,
            expected=listed(list(approved)),
            evidence={"netflow_collector": collector},
        )
    if collector or any(session.enabled for session in sessions):
        return
    unread = [session.name for session in sessions if session.enabled is None]
    if unread:
        raise FactMissing(f"mirror_sessions: whether {unread[0]} is enabled")
    yield Violation(
        message=f"No sensor sees the traffic between machines on switch {switch.name}.",
        seen="no mirror session, no flow collector",
        expected="an enabled mirror session or a flow collector",
        evidence={"mirror_sessions": [session.name for session in sessions]},
    )
