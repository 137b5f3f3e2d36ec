"""A service nobody needs is an entrance nobody watches."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
)
from policies.recipes import STOP_SERVICE
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
    services: Annotated[
        tuple[str, ...], Meta(description="Services that must be stopped where they exist")
    ] = ("slpd", "sfcbd-watchdog", "snmpd")


@check(
    id="host-unneeded-services-stopped",
    title="Hosts run no management service that is not needed",
    severity=Severity.MEDIUM,
    statements=("PHY-6",),
    params=Params,
    facts=("connection_state", "services"),
    controls=("ESXI-80-000228", "ESXI-80-000231"),
    why=(
        "Service location, CIM and SNMP answer on the management network, have had remotely "
        "exploitable flaws, and are seldom used."
    ),
    fix={
        Platform.VSPHERE: (
            "Stop the service and let it start by hand only; take a service that you do need out "
            "of this check's list."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Ask who monitors the hardware of «name», and whether it goes through «service».",
                "Select «name» > Configure > System > Services > «service» > Stop.",
                "Edit Startup Policy > “Start and stop manually”.",
                "When the service is needed, take it out of the settings of this check instead.",
            ),
            script=STOP_SERVICE,
            verify="Services of «name» shows «service» as stopped, started manually.",
            needs="Host.Config.NetService on the host.",
            effect="Hardware monitoring through the service ends; machines are not touched.",
            blanks={"service": Blank("service", evidence="service")},
        ),
    },
)
def unneeded_services_stopped(host: Host, params: Params) -> Iterator[Violation]:
    connected(host)
    services = known(host.services, "services")
    if not services:
        raise FactMissing("services: a host without any does not exist")
    doubts: list[str] = []
    for service in services:
        if service.key not in params.services:
            continue
        if service.running or service.policy == "on":
            state = "is running" if service.running else "starts with the host"
            yield Violation(
                key=service.key,
                message=f"{service.key} of {host.name} {state}.",
                seen=f"{'running' if service.running else 'stopped'}, policy {service.policy}",
                expected="stopped, policy off",
                evidence={"service": service.key, "policy": service.policy},
            )
        elif service.running is None or service.policy is None:
            doubts.append(f"services: the state of {service.key}")
    if doubts:
        raise FactMissing(doubts[0])
