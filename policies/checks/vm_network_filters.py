"""Only the intrusion prevention that was approved may sit in a machine's traffic."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
    listed,
    matches,
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
    approved: Annotated[
        tuple[str, ...], Meta(description="Patterns of filter names that are approved")
    ] = ()


@check(
    id="vm-network-filters",
    title="No unapproved filter sits in a machine's network path",
    severity=Severity.MEDIUM,
    statements=("IR-5",),
    params=Params,
    facts=("connection_state", "extra_config"),
    controls=("VMCH-80-000200",),
    why=(
        "A filter in the path reads and changes every packet of the machine. That is what a "
        "virtual IPS does, and what an eavesdropper wants."
    ),
    fix={
        Platform.VSPHERE: (
            "If the filter belongs to your network security product, add its name to this check's "
            "approved filters. Otherwise shut the machine down, **Edit Settings** > **Advanced "
            "Parameters** and remove the parameter named in the finding."
        ),
    },
)
def network_filters(vm: VirtualMachine, params: Params) -> Iterator[Violation]:
    connected(vm)
    for key, value in known(vm.extra_config, "extra_config").items():
        if fnmatchcase(key.casefold(), "ethernet*.filter*.name") and not matches(
            value, params.approved
        ):
            yield Violation(
                key=key,
                message=f"The filter {value} sits in the network path of {vm.name}.",
                seen=value,
                expected=listed(list(params.approved)) or "no filter",
                evidence={"setting": key, "filter": value},
            )
