"""An image is a server that will be: it needs the patches of the servers that are."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta

from policies.spec import (
    Blank,
    FactMissing,
    Image,
    NotApplicable,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Violation,
    check,
    known,
)


class Params(Parameters, frozen=True):
    max_age_days: Annotated[int, Meta(ge=0, description="Days since an image was refreshed")] = 30


@check(
    id="image-age",
    title="Stored images are patched within the allowed age",
    severity=Severity.HIGH,
    statements=("IMG-1",),
    params=Params,
    facts=("modified_at",),
    why=(
        "Every machine made from the image is born with the flaws that were closed since. Whoever "
        "scans the network for them finds the newest server first."
    ),
    fix={
        Platform.VSPHERE: (
            "Turn the template into a machine on an isolated port group, install the patches, shut "
            "it down and turn it into a template again."
        ),
    },
    remedy={
        Platform.VSPHERE: (
            Remedy(
                when="it is an item of a content library",
                fits=lambda found: found.said("library") is not None,
                steps=(
                    "Make a machine from «name» in the library «library», on an isolated port "
                    "group. The item was last changed at «modified_at».",
                    "Start it, install the patches, remove what the patching left behind, and "
                    "shut it down.",
                    "Clone it to the library in place of the item: Clone > Clone as Template to "
                    "Library > Update existing template. Remove the machine.",
                ),
                because="Each item is patched in a machine of its own, which people look at.",
                verify="The item «name» has a new version, and a machine made of it is patched.",
                needs="ContentLibrary.UpdateLibraryItem and what making a machine takes.",
                effect="Nothing: machines made before stay as they are.",
                blanks={
                    "modified_at": Blank("time of the last change", moment="modified_at"),
                    "library": Blank("name of the library", evidence="library"),
                },
            ),
            Remedy(
                steps=(
                    "Select the template «name» > Template > Convert to Virtual Machine. It was "
                    "last changed at «modified_at».",
                    "Edit Settings > Network adapter: an isolated port group that reaches the "
                    "update servers and nothing else.",
                    "Start it, install the patches, and remove what the patching left behind.",
                    "Shut it down, put the port group back, and Template > Convert to Template.",
                    "Make a machine from it and try it; delete images that it replaces.",
                ),
                script="""
$template = Get-Template -Server $server -Id $id
if (Confirm-Change "turn template $($template.Name) into a machine with its adapters unplugged") {
    $vm = Set-Template -Template $template -ToVM
    Get-NetworkAdapter -VM $vm -Server $server | Set-NetworkAdapter -StartConnected $false
}
""",
                verify="The template «name» is there again, and a machine made from it is patched.",
                needs=(
                    "VirtualMachine.Provisioning.MarkAsVM and MarkAsTemplate, and "
                    "VirtualMachine.Config.EditDevice on the template."
                ),
                effect="While it is a machine, nothing can be made from the template.",
                blanks={"modified_at": Blank("time of the last change", moment="modified_at")},
            ),
        ),
    },
)
def image_age(image: Image, params: Params, now: datetime) -> Iterator[Violation]:
    if image.library_ref is not None and image.type != "ovf":  # a template is judged as one
        raise NotApplicable(f"Items of type {image.type} are no machines that are patched here.")
    modified_at = known(image.modified_at, "modified_at")
    if modified_at.year <= 1970:  # how the platform says that it does not know
        raise FactMissing("modified_at")
    if now - modified_at > timedelta(days=params.max_age_days):
        days = (now - modified_at).days
        yield Violation(
            message=f"Image {image.name} was last changed {days} days ago.",
            seen=f"{days} days",
            expected=f"at most {params.max_age_days} days",
            evidence={"modified_at": modified_at.isoformat()}
            | ({"library": image.library_name} if image.library_ref is not None else {}),
        )
