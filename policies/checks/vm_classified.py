"""A machine's risk must be known before its protection can fit it."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from policies.facts import SYSTEM_MACHINES, of_people
from policies.recipes import ATTRIBUTE
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
)


class Params(Parameters, frozen=True):
    required: Annotated[
        tuple[Literal["classification", "criticality"], ...],
        Meta(description="What must be recorded for every machine"),
    ] = ("classification", "criticality")
    system_machines: Annotated[
        tuple[str, ...], Meta(description="Name patterns of agents the platform places by itself")
    ] = SYSTEM_MACHINES


def _attribute(found: Deviation) -> Value:
    return found.place.attributes.get(found.key)


@check(
    id="vm-classified",
    title="Every machine has a classification and a criticality",
    severity=Severity.MEDIUM,
    statements=("SEC-4",),
    params=Params,
    facts=("classification", "criticality"),
    why=(
        "How strictly a machine is protected follows from what its loss or disclosure would cost. "
        "Nobody can tell which rules apply to a machine that carries no label."
    ),
    fix={
        Platform.VSPHERE: (
            "Ask the owner what the machine holds, and enter classification and criticality in the "
            "custom attributes that this source reads."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Ask the owner of «name» what the machine holds and what its loss would cost.",
                "Select «name» > Summary > Custom Attributes > Edit, and set «attribute».",
            ),
            script=ATTRIBUTE,
            verify="Summary of «name» shows a value at «attribute».",
            needs="Global.SetCustomField on the machine.",
            effect="Nothing: it is a label. From then on stricter checks may apply.",
            blanks={
                "attribute": Blank("custom attribute", fact=_attribute),
                "value": Blank("classification or criticality of the machine"),
            },
        ),
    },
)
def classified(vm: VirtualMachine, params: Params) -> Iterator[Violation]:
    of_people(vm, params.system_machines)
    labels = {"classification": vm.classification, "criticality": vm.criticality}
    for item in params.required:
        if labels[item] == "":
            yield Violation(
                key=item,
                message=f"{vm.name} has no {item}.",
                seen="not set",
                expected=f"a {item}",
                evidence={"missing": item},
            )
    for item in params.required:
        known(labels[item], item)
