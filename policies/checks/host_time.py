"""Clocks must agree, or no timeline of an incident can be trusted."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import connected, counted, listed
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

DAEMONS = {"ntp": "ntpd", "ptp": "ptpd"}


class Params(Parameters, frozen=True):
    minimum_servers: Annotated[int, Meta(ge=1, description="Time servers a host must know")] = 2
    approved_servers: Annotated[
        tuple[str, ...], Meta(description="Time servers that may be used; empty allows any")
    ] = ()


@check(
    id="host-time",
    title="Hosts keep time with the organisation's time servers",
    severity=Severity.HIGH,
    statements=("IR-7",),
    params=Params,
    facts=("connection_state", "time_protocol", "time_servers", "services"),
    controls=("ESXI-80-000124",),
    why=(
        "Events of different hosts can only be put in order when their clocks agree. One server is "
        "not enough: when it fails or lies, nobody notices."
    ),
    fix={
        Platform.VSPHERE: (
            "Give the host at least two of the organisation's time servers, and let the time "
            "service start with it."
        ),
    },
    remedy={
        Platform.VSPHERE: (
            Remedy(
                when="the time service does not run",
                fits=lambda found: found.key == "daemon",
                steps=(
                    "Select «name» > Configure > System > Services > «service» (ntpd is “NTP "
                    "Daemon”) > Edit Startup Policy > “Start and stop with host”.",
                    "Start it.",
                ),
                script="""
$esx = Get-VMHost -Server $server -Id $id
$daemon = Get-VMHostService -VMHost $esx -Server $server | Where-Object Key -eq $service
if (-not $daemon) { throw "$($esx.Name) has no service $service" }
if (Confirm-Change "start $service of $($esx.Name), now and with the host") {
    $null = Set-VMHostService -HostService $daemon -Policy On
    Start-VMHostService -HostService $daemon
}
""",
                verify="Services of «name» shows «service» as running.",
                needs="Host.Config.NetService on the host.",
                effect="The clock of the host is corrected; a clock far off may take a while.",
                blanks={"service": Blank("service", evidence="service")},
            ),
            Remedy(
                when="a time server is not approved",
                fits=lambda found: found.key == "unapproved",
                steps=(
                    "Select «name» > Configure > System > Time Configuration > Edit the Network "
                    "Time Protocol.",
                    "Replace «foreign» by «approved».",
                ),
                script="""
$esx = Get-VMHost -Server $server -Id $id
$present = Get-VMHostNtpServer -VMHost $esx -Server $server
foreach ($one in ($approved -split ', ')) {
    if ($one -notin $present -and (Confirm-Change "add time server $one to $($esx.Name)")) {
        Add-VMHostNtpServer -VMHost $esx -NtpServer $one
    }
}
foreach ($one in ($present | Where-Object { $_ -in ($foreign -split ', ') })) {
    if (Confirm-Change "remove time server $one from $($esx.Name)") {
        Remove-VMHostNtpServer -VMHost $esx -NtpServer $one
    }
}
""",
                verify="Time Configuration of «name» lists only «approved».",
                needs="Host.Config.DateTime on the host.",
                effect="The clock of the host may be corrected by what the servers differ.",
                blanks={
                    "foreign": Blank("time servers that are not approved", evidence="unapproved"),
                    "approved": Blank("approved time servers", param="approved_servers"),
                },
            ),
            Remedy(
                when="there are too few time servers",
                steps=(
                    "Select «name» > Configure > System > Time Configuration > Add Service (or "
                    "Edit) > Network Time Protocol.",
                    "Enter «approved».",
                    "Services > NTP Daemon > Edit Startup Policy > “Start and stop with host”, and "
                    "Start.",
                ),
                script="""
$esx = Get-VMHost -Server $server -Id $id
$present = Get-VMHostNtpServer -VMHost $esx -Server $server
foreach ($one in ($approved -split ', ')) {
    if ($one -notin $present -and (Confirm-Change "add time server $one to $($esx.Name)")) {
        Add-VMHostNtpServer -VMHost $esx -NtpServer $one
    }
}
""",
                verify="Time Configuration of «name» lists «approved».",
                needs="Host.Config.DateTime on the host.",
                effect="The clock of the host is corrected; a clock far off may take a while.",
                blanks={"approved": Blank("time servers of yours", param="approved_servers")},
            ),
        ),
    },
)
def keeps_time(host: Host, params: Params) -> Iterator[Violation]:
    connected(host)
    # A platform that does not name the protocol knows only NTP, so a fault of it is proven; that
    # nothing else is wrong is not.
    protocol = host.time_protocol or "ntp"
    if protocol != "ptp":
        yield from _servers(host, params)
    yield from _daemon(host, DAEMONS.get(protocol, "ntpd"))
    known(host.time_protocol, "time_protocol")


def _servers(host: Host, params: Params) -> Iterator[Violation]:
    servers = {server.casefold() for server in known(host.time_servers, "time_servers")}
    if len(servers) < params.minimum_servers:
        how_many = counted(len(servers), "time server") if servers else "no time server"
        yield Violation(
            key="servers",
            message=f"{host.name} has {how_many}; the policy asks for {params.minimum_servers}.",
            seen=how_many,
            expected=f"at least {params.minimum_servers}",
            evidence={"servers": sorted(servers)},
        )
    approved = {server.casefold() for server in params.approved_servers}
    foreign = sorted(servers - approved) if approved else []
    if foreign:
        yield Violation(
            key="unapproved",
            message=f"{host.name} takes its time from {listed(foreign)}, which is not approved.",
            seen=listed(foreign),
            expected=listed(sorted(approved)),
            evidence={"unapproved": foreign},
        )


def _daemon(host: Host, key: str) -> Iterator[Violation]:
    service = next((one for one in known(host.services, "services") if one.key == key), None)
    if service is None:
        raise FactMissing(f"services: the state of {key}")
    if service.running is False or service.policy == "off":
        running = "is stopped" if service.running is False else "does not start with the host"
        yield Violation(
            key="daemon",
            message=f"The time service {key} of {host.name} {running}.",
            seen="stopped" if service.running is False else f"start policy {service.policy}",
            expected="running, started with the host",
            evidence={"service": key, "running": service.running, "policy": service.policy},
        )
        return
    known(service.running, f"services: whether {key} runs")
    known(service.policy, f"services: the start policy of {key}")
