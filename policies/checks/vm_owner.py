"""A machine without an owner is a machine that nobody will miss, patch or switch off."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    SYSTEM_MACHINES,
    of_people,
)
from policies.spec import (
    Parameters,
    Platform,
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
            "Find out who asked for it (**Monitor** > **Events** names who created it). Then "
            "select the machine > **Summary** > **Custom Attributes** > **Edit** and enter the "
            "owner; archive the machine when there is none.\n\n"
            "PowerCLI: `Get-VM NAME | Set-Annotation -CustomAttribute ATTRIBUTE -Value OWNER`"
        ),
    },
)
def owned(vm: VirtualMachine, params: Params) -> Iterator[Violation]:
    of_people(vm, params.system_machines)
    if known(vm.owner, "owner") == "":
        yield Violation(message=f"{vm.name} has no owner.", seen="not set", expected="an owner")
