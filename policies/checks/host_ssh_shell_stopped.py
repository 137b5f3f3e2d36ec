"""Nobody should log in to a host past the platform that records who did what."""

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
        tuple[str, ...], Meta(description="Services that open a shell; every host must list them")
    ] = ("TSM-SSH", "TSM")


@check(
    id="host-ssh-shell-stopped",
    title="SSH and the local shell of hosts are stopped",
    severity=Severity.MEDIUM,
    statements=("PHY-6",),
    params=Params,
    facts=("connection_state", "services"),
    controls=("ESXI-80-000193", "ESXI-80-000194"),
    why=(
        "A shell on the host goes around roles, approvals and the platform's event log, and gives "
        "access to the files of every machine on it."
    ),
    fix={
        Platform.VSPHERE: (
            "Stop SSH and the ESXi shell and let them start by hand only; open them for the hour "
            "in which they are needed."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Ask who opened it and whether work is going on.",
                "Select «name» > Configure > System > Services > «service» (TSM-SSH is “SSH”, TSM "
                "is “ESXi Shell”) > Stop.",
                "Edit Startup Policy > “Start and stop manually”.",
            ),
            script=STOP_SERVICE,
            verify="Services of «name» shows «service» as stopped, started manually.",
            needs="Host.Config.NetService on the host.",
            effect="Open shells may be cut off; machines are not touched.",
            blanks={"service": Blank("service", evidence="service")},
        ),
    },
)
def shells_stopped(host: Host, params: Params) -> Iterator[Violation]:
    connected(host)
    services = {service.key: service for service in known(host.services, "services")}
    doubts: list[str] = []
    for key in params.services:
        service = services.get(key)
        if service is None:
            doubts.append(f"services: the state of {key}")
        elif service.running or service.policy in ("on", "automatic"):
            state = "is running" if service.running else "starts by itself"
            yield Violation(
                key=key,
                message=f"{key} of {host.name} {state}.",
                seen=f"{'running' if service.running else 'stopped'}, policy {service.policy}",
                expected="stopped, policy off",
                evidence={"service": key, "running": service.running, "policy": service.policy},
            )
        elif service.running is None or service.policy is None:
            doubts.append(f"services: the state of {key}")
    if doubts:
        raise FactMissing(doubts[0])
