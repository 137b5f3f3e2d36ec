"""What the business cannot miss must have a recent way back."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta, field

from policies.facts import (
    connected,
    counted,
)
from policies.spec import (
    Blank,
    Deviation,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Value,
    Violation,
    VirtualMachine,
    check,
    known,
    not_applicable,
)


class Params(Parameters, frozen=True):
    max_age_hours: Annotated[
        dict[str, int],
        Meta(
            description=(
                "Oldest newest recovery point, in hours, by criticality; a criticality that is not "
                "named needs none"
            )
        ),
    ] = field(default_factory=lambda: {"critical": 24, "high": 24})


def _newest(found: Deviation) -> Value:
    has_none = "newest" in found.evidence and found.evidence["newest"] is None
    return "none" if has_none else Blank("", moment="newest").value(found)


@check(
    id="vm-recovery-point",
    title="Critical machines have a recent recovery point",
    severity=Severity.HIGH,
    statements=("IR-10",),
    params=Params,
    facts=("connection_state", "criticality", "snapshots"),
    why=(
        "After ransomware or a failed change, everything since the last recovery point is lost. "
        "How much may be lost is a decision of the business, not of chance."
    ),
    fix={
        Platform.VSPHERE: (
            "Put the machine into a backup schedule, and take a snapshot for the time until the "
            "first backup exists."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Put «name» into the backup schedule that its criticality «criticality» asks for. "
                "Its newest recovery point: «newest».",
                "At once: Snapshots > Take Snapshot, with “Quiesce”, without memory. That is what "
                "the script does.",
                "Remove the snapshot when the first backup exists.",
            ),
            script="""
$vm = Get-VM -Server $server -Id $id
if (Confirm-Change "take a quiesced snapshot of $($vm.Name)") {
    New-Snapshot -VM $vm -Name 'Recovery point' -Description 'Until the first backup' -Quiesce
}
""",
            verify="The backup system, or Manage Snapshots, shows a recovery point of today.",
            needs="VirtualMachine.State.CreateSnapshot on the machine.",
            effect="The guest stands still for seconds; the snapshot grows until it is removed.",
            blanks={
                "criticality": Blank("criticality", evidence="criticality"),
                "newest": Blank("time of the newest recovery point, or none", fact=_newest),
            },
        ),
    },
)
def recovery_point(vm: VirtualMachine, params: Params, now: datetime) -> Iterator[Violation]:
    connected(vm)
    criticality = known(vm.criticality or None, "criticality")
    limits = {name.casefold(): hours for name, hours in params.max_age_hours.items()}
    limit = limits.get(criticality.casefold())
    if limit is None:
        not_applicable(f"Machines of criticality {criticality} need no recovery point.")
    newest = max((one.created_at for one in known(vm.snapshots, "snapshots")), default=None)
    if newest is not None and now - newest <= timedelta(hours=limit):
        return
    hours = None if newest is None else int((now - newest).total_seconds() // 3600)
    yield Violation(
        message=(
            f"{vm.name} has no recovery point; its criticality is {criticality}."
            if hours is None
            else f"The newest recovery point of {vm.name} is {counted(hours, 'hour')} old."
        ),
        seen="none" if hours is None else f"{counted(hours, 'hour')} old",
        expected=f"at most {limit} hours old",
        evidence={"criticality": criticality, "newest": newest and newest.isoformat()},
    )
