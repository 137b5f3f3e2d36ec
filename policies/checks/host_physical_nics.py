"""A host needs a second physical NIC before management can have one of its own."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import connected, counted
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
    minimum: Annotated[int, Meta(ge=1, description="Physical NICs with a link a host needs")] = 2


@check(
    id="host-physical-nics",
    title="Every host has at least two physical NICs with a link",
    severity=Severity.HIGH,
    statements=("PHY-1",),
    params=Params,
    facts=("connection_state", "pnics"),
    why=(
        "With a single live NIC, management and machine traffic share one wire: whoever listens on "
        "the machines' network also sees, and can reach, the hypervisor."
    ),
    fix={
        Platform.VSPHERE: (
            "Select the host > **Configure** > **Networking** > **Physical adapters** and look for "
            "adapters that are down: check cable, switch port and speed setting. Add an adapter "
            "when there are too few.\n\nOn the host: `esxcli network nic list`"
        ),
    },
)
def physical_nics(host: Host, params: Params) -> Iterator[Violation]:
    connected(host)
    pnics = known(host.pnics, "pnics")
    live = [pnic.name for pnic in pnics if pnic.link_up]
    unread = [pnic.name for pnic in pnics if pnic.link_up is None]
    if len(live) >= params.minimum:
        return
    if len(live) + len(unread) >= params.minimum:
        raise FactMissing(f"the link state of {unread[0]}")
    yield Violation(
        message=(
            f"{host.name} has {counted(len(pnics), 'physical NIC')}, {len(live)} of them with a "
            f"link; the policy asks for {params.minimum}."
        ),
        seen=f"{len(live)} with a link",
        expected=f"at least {params.minimum} with a link",
        evidence={"pnics": [pnic.name for pnic in pnics], "with_link": live},
    )
