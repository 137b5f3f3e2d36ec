"""Files of the most sensitive machines must be worthless to whoever copies them."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
)
from policies.recipes import POWERED_OFF
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
    not_applicable,
)


class Params(Parameters, frozen=True):
    classifications: Annotated[
        tuple[str, ...], Meta(description="Classifications whose machines must be encrypted")
    ] = ("patient data", "restricted", "secret")


@check(
    id="vm-encrypted",
    title="Machines of the highest classifications are encrypted",
    severity=Severity.MEDIUM,
    statements=("CHG-4",),
    params=Params,
    facts=("connection_state", "classification", "encrypted"),
    why=(
        "Backups, replicas, stolen disks and file administrators all reach a machine's files; "
        "encryption is the wall that goes with them."
    ),
    fix={
        Platform.VSPHERE: (
            "Give the machine an encryption policy while it is off; that needs a key provider."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Make sure that the vCenter has a key provider, and that its keys are backed up: "
                "Configure > Key Providers. Without the key the machine is lost.",
                "Remove the snapshots of «name», and make sure that its backup can read encrypted "
                "machines.",
                "Shut «name» down.",
                "Actions > VM Policies > Edit VM Storage Policies > the encryption policy, for the "
                "home and every disk.",
                "Start «name».",
            ),
            script=POWERED_OFF
            + """
$rule = Get-SpbmStoragePolicy -Server $server | Where-Object Name -ceq $storage_policy
if (-not $rule) { throw "there is no storage policy $storage_policy" }
if (Get-Snapshot -VM $vm -Server $server) { throw "$($vm.Name) still has snapshots" }
$disks = Get-HardDisk -VM $vm -Server $server
if (Confirm-Change "give $($vm.Name) and its $(@($disks).Count) disks the policy $($rule.Name)") {
    Set-SpbmEntityConfiguration -Configuration $vm -StoragePolicy $rule
    Set-SpbmEntityConfiguration -Configuration $disks -StoragePolicy $rule
}
""",
            verify="Summary of «name» says “Encrypted with” and names the key provider.",
            needs=(
                "Cryptographer.EncryptNew and Cryptographer.RegisterVM on the machine, "
                "StorageProfile.View, and VirtualMachine.Config privileges."
            ),
            effect="The machine must be off while its disks are rewritten, which takes hours.",
            blanks={"storage_policy": Blank("name of the encryption storage policy")},
        ),
    },
)
def encrypted(vm: VirtualMachine, params: Params) -> Iterator[Violation]:
    connected(vm)
    classification = known(vm.classification or None, "classification")
    if classification.casefold() not in {one.casefold() for one in params.classifications}:
        not_applicable(f"{vm.name} is classified as {classification}.")
    if not known(vm.encrypted, "encrypted"):
        yield Violation(
            message=f"{vm.name} holds {classification} and is not encrypted.",
            seen="not encrypted",
            expected="encrypted",
            evidence={"classification": classification},
        )
