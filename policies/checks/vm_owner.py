"""A machine without an owner is a machine that nobody will miss, patch or switch off."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    SYSTEM_MACHINES,
    of_people,
)
from policies.recipes import ATTRIBUTE
from policies.spec import (
    Blank,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Violation,
    VirtualMachine,
    check,
    known,
)


class Params(Parameters, frozen=True):
    system_machines: Annotated[
        tuple[str, ...], Meta(description="Name patterns of agents the platform places by itself")
    ] = SYSTEM_MACHINES


@check(
    id="vm-owner",
    title="Every machine has an owner",
    severity=Severity.MEDIUM,
    statements=("CHG-1", "SEC-4"),
    params=Params,
    facts=("owner",),
    why=(
        "Somebody has to say whether the machine is still needed, what it holds and when it may be "
        "patched. Sprawl begins with machines that nobody answers for."
    ),
    fix={
        Platform.VSPHERE: (
            "Find out who asked for the machine and enter the owner in the custom attribute that "
            "this source reads; archive the machine when there is none."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Find out who asked for «name»: Monitor > Events names who made it.",
                "Select «name» > Summary > Custom Attributes > Edit, and set «attribute» to the "
                "owner.",
                "Nobody answers for it: switch it off, keep it for a month, archive it.",
            ),
            script=ATTRIBUTE,
            verify="Summary of «name» shows the owner at «attribute».",
            needs="Global.SetCustomField on the machine.",
            effect="Nothing: it is a label.",
            blanks={
                "attribute": Blank("custom attribute for the owner", attribute="owner"),
                "value": Blank("owner"),
            },
        ),
    },
)
def owned(vm: VirtualMachine, params: Params) -> Iterator[Violation]:
    of_people(vm, params.system_machines)
    if known(vm.owner, "owner") == "":
        yield Violation(message=f"{vm.name} has no owner.", seen="not set", expected="an owner")
