"""Only administrators' networks may reach a host's management ports."""

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
    listed,
)
from policies.spec import (
    Blank,
    FactMissing,
    Host,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Violation,
    check,
    known,
)


class Params(Parameters, frozen=True):
    rules: Annotated[
        tuple[str, ...], Meta(description="Firewall rule sets that open management to the network")
    ] = ("sshServer", "webAccess", "vSphereClient", "CIMHttpServer", "CIMHttpsServer", "snmp")
    approved_networks: Annotated[
        tuple[str, ...],
        Meta(description="Networks (CIDR) administrators work from; empty allows any but “all”"),
    ] = ()


@check(
    id="host-firewall-management",
    title="The host firewall admits only administrators' networks",
    severity=Severity.HIGH,
    statements=("PHY-5",),
    params=Params,
    facts=("connection_state", "firewall_incoming_blocked", "firewall_rules"),
    controls=("ESXI-80-000214", "ESXI-80-000239"),
    why=(
        "The login of a host should answer only to those who maintain it. A rule that admits every "
        "address leaves the physical network as the only wall."
    ),
    fix={
        Platform.VSPHERE: (
            "Let each rule that opens management admit only the networks your administrators work "
            "from, and refuse what no rule mentions."
        ),
    },
    remedy={
        Platform.VSPHERE: (
            Remedy(
                when="the firewall admits by default",
                fits=lambda found: found.key == "default",
                steps=(
                    "List what «name» offers: Configure > System > Firewall. What is needed must "
                    "have an enabled rule before the default is changed.",
                    "Refuse the rest, with the script below or on the host itself.",
                ),
                script="""
$esx = Get-VMHost -Server $server -Id $id
$policy = Get-VMHostFirewallDefaultPolicy -VMHost $esx -Server $server
if (Confirm-Change "refuse incoming connections to $($esx.Name) that no rule admits") {
    Set-VMHostFirewallDefaultPolicy -Policy $policy -AllowIncoming $false
}
""",
                verify="Get-VMHostFirewallDefaultPolicy shows IncomingEnabled as False.",
                needs="Host.Config.NetService on the host.",
                effect="Whatever reached «name» without a rule is cut off at once.",
            ),
            Remedy(
                when="a rule admits too many",
                steps=(
                    "Make sure that your own address is in «networks», or you lock yourself out.",
                    "Select «name» > Configure > System > Firewall > Edit > the rule «rule».",
                    "Untick “Allow connections from any IP address” and enter «networks».",
                ),
                script="""
$esx = Get-VMHost -Server $server -Id $id
$firewall = Get-View -Server $server -Id $esx.ExtensionData.ConfigManager.FirewallSystem
$allowed = New-Object VMware.Vim.HostFirewallRulesetIpList
$allowed.AllIp = $false
$allowed.IpNetwork = @(
    foreach ($one in ($networks -split '[ ,]+')) {
        $part = New-Object VMware.Vim.HostFirewallRulesetIpNetwork
        $part.Network, $part.PrefixLength = $one -split '/'
        $part
    }
)
$spec = New-Object VMware.Vim.HostFirewallRulesetRulesetSpec
$spec.AllowedHosts = $allowed
if (Confirm-Change "let only $networks reach rule $rule of $($esx.Name)") {
    $firewall.UpdateRuleset($rule, $spec)
}
""",
                verify="Configure > System > Firewall of «name» shows «networks» at «rule».",
                needs="Host.Config.NetService on the host.",
                effect="Whoever uses the rule from another network is cut off at once.",
                blanks={
                    "rule": Blank("firewall rule", evidence="rule"),
                    "networks": Blank("networks of your administrators", param="approved_networks"),
                },
            ),
        ),
    },
)
def firewall_restricted(host: Host, params: Params) -> Iterator[Violation]:
    connected(host)
    if host.firewall_incoming_blocked is False:
        yield Violation(
            key="default",
            message=f"The firewall of {host.name} lets in what no rule mentions.",
            seen="incoming connections are admitted by default",
            expected="refused by default",
        )
    approved = [ip_network(network, strict=False) for network in params.approved_networks]
    doubts: list[str] = []
    for rule in known(host.firewall_rules, "firewall_rules"):
        if rule.key not in params.rules or rule.enabled is False:
            continue
        foreign = [one for one in rule.allowed if approved and not _within(one, approved)]
        if rule.enabled is None or rule.all_ips is None:
            doubts.append(f"firewall_rules: {rule.key}")
        elif rule.all_ips or foreign:
            admitted = "every address" if rule.all_ips else listed(foreign)
            yield Violation(
                key=rule.key,
                message=f"Rule {rule.key} of {host.name} admits {admitted}.",
                seen=admitted,
                expected=listed(list(params.approved_networks)) or "administrators' networks only",
                evidence={"rule": rule.key, "allowed": list(rule.allowed)},
            )
    if doubts:
        raise FactMissing(doubts[0])
    known(host.firewall_incoming_blocked, "firewall_incoming_blocked")


def _within(address: str, approved: list[IPv4Network | IPv6Network]) -> bool:
    network = ip_network(address, strict=False)
    return any(
        network.version == one.version and one.supernet_of(network)  # type: ignore[arg-type]
        for one in approved
    )
