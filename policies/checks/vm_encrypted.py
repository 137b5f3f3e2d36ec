"""Files of the most sensitive machines must be worthless to whoever copies them."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
)
from policies.spec import (
    Parameters,
    Platform,
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
            "Needs a key provider (vCenter > **Configure** > **Key Providers**). Shut the machine "
            "down, **Actions** > **VM Policies** > **Edit VM Storage Policies** > “VM Encryption "
            "Policy”."
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
