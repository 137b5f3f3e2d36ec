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
    FactMissing,
    Host,
    Parameters,
    Platform,
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
            "Select the host > **Configure** > **System** > **Firewall** > **Edit**; for each rule "
            "named in the finding untick “Allow connections from any IP address” and enter the "
            "networks your administrators use.\n\nOn the host: `esxcli network firewall ruleset "
            "set -r RULE -a false`, `esxcli network firewall ruleset allowedip add -r RULE -i "
            "NETWORK`, and `esxcli network firewall set -d false` to refuse the rest"
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
