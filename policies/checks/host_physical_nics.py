"""A host needs a second physical NIC before management can have one of its own."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import connected, counted
from policies.spec import (
    Blank,
    Deviation,
    FactMissing,
    Host,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Value,
    Violation,
    check,
    known,
)


class Params(Parameters, frozen=True):
    minimum: Annotated[int, Meta(ge=1, description="Physical NICs with a link a host needs")] = 2


def _with_link(found: Deviation) -> Value:
    return _joined(found.evidence.get("with_link"))


def _joined(names: object) -> str | None:
    if not isinstance(names, list | tuple):
        return None
    return ", ".join(map(str, names)) or "none"


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
            "Bring up the adapters that are down (cable, switch port, speed), or add one when "
            "there are too few."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "«name» has the adapters «pnics»; these have a link: «with_link».",
                "Select «name» > Configure > Networking > Physical adapters, and for each that is "
                "down check the cable, the switch port and the speed setting.",
                "Add an adapter when there are fewer than «minimum».",
            ),
            because="a link is a cable and a switch port; no command brings it up.",
            verify="Physical adapters of «name» shows a speed at «minimum» adapters or more.",
            needs="Access to the hardware; System.Read on the host to look.",
            effect="Adding an adapter takes maintenance mode and a restart; a cable does not.",
            blanks={
                "pnics": Blank("physical NICs", evidence="pnics"),
                "with_link": Blank("NICs with a link", fact=_with_link),
                "minimum": Blank("how many the policy asks for", param="minimum"),
            },
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
