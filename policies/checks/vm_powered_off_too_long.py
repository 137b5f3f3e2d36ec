"""A machine that sleeps for weeks wakes up without the patches of those weeks."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
    counted,
)
from policies.spec import (
    Blank,
    Estate,
    Parameters,
    Platform,
    PowerState,
    Remedy,
    Severity,
    Violation,
    VirtualMachine,
    check,
    known,
)


class Params(Parameters, frozen=True):
    max_days: Annotated[int, Meta(ge=0, description="Days a machine may be off")] = 30


@check(
    id="vm-powered-off-too-long",
    title="Machines that are not used are removed",
    severity=Severity.MEDIUM,
    statements=("CHG-1", "IMG-2"),
    params=Params,
    facts=("connection_state", "power_state"),
    why=(
        "It is not patched while it is off and brings its old flaws back when it starts; meanwhile "
        "its files take space and have to be guarded."
    ),
    fix={
        Platform.VSPHERE: (
            "Ask the owner: delete it after a last backup, patch it on an isolated port group, or "
            "turn it into a template so that image rules apply."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Ask the owner of «name», which is «power_state» since «since», what it is for.",
                "Not needed: take a last backup, then Actions > Delete from Disk.",
                "Needed: start it on an isolated port group, patch it, then connect it again.",
                "Kept as a model: Template > Convert to Template, so that image rules apply.",
            ),
            because="whether the machine is deleted is its owner's decision, and cannot be undone.",
            verify="«name» is gone, runs, or is a template.",
            needs="VirtualMachine.Inventory.Delete, or VirtualMachine.Interact.PowerOn.",
            effect="A deleted machine comes back from a backup only.",
            blanks={
                "power_state": Blank("off or suspended", evidence="power_state"),
                "since": Blank("day", moment="since"),
            },
        ),
    },
)
def powered_off(
    vm: VirtualMachine, estate: Estate, params: Params, now: datetime
) -> Iterator[Violation]:
    connected(vm)
    state = known(vm.power_state, "power_state")
    if state is PowerState.ON:
        return
    since = known(estate.power_since(vm), f"since when {vm.name} is {state}")
    if now - since > timedelta(days=params.max_days):
        days = (now - since).days
        word = "suspended" if state is PowerState.SUSPENDED else "off"
        yield Violation(
            message=f"{vm.name} has been {word} for {counted(days, 'day')}.",
            seen=f"{word} for {counted(days, 'day')}",
            expected=f"at most {params.max_days} days",
            evidence={"since": since.isoformat(), "power_state": state.value},
        )
