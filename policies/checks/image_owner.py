"""An image needs somebody who patches it."""

from collections.abc import Iterator

from policies.recipes import ATTRIBUTE
from policies.spec import (
    Blank,
    Image,
    Platform,
    Remedy,
    Severity,
    Violation,
    check,
    known,
)


@check(
    id="image-owner",
    title="Every stored image has an owner",
    severity=Severity.LOW,
    statements=("IMG-1", "CHG-1"),
    facts=("owner",),
    why="Nobody patches or retires an image that is nobody's; it is copied all the same.",
    fix={
        Platform.VSPHERE: (
            "Enter the owner in the template's custom attribute; delete the template when nothing "
            "is made from it any more."
        ),
    },
    remedy={
        Platform.VSPHERE: (
            Remedy(
                when="it is an item of a content library",
                fits=lambda found: found.said("library") is not None,
                steps=(
                    "Find out who uses «name» of the library «library».",
                    "Tags & Custom Attributes: assign the item the tag of its owner, in the "
                    "category «attribute».",
                    "Nobody uses it: delete it.",
                ),
                because="An item has no custom attributes, and whose it is people have to say.",
                verify="The summary of the item shows the tag of its owner.",
                needs="InventoryService.Tagging.AttachTag.",
                effect="Nothing: it is a label.",
                blanks={
                    "library": Blank("name of the library", evidence="library"),
                    "attribute": Blank("category of tags for the owner", attribute="owner"),
                },
            ),
            Remedy(
                steps=(
                    "Find out who uses «name»: Monitor > Events names who made it and who "
                    "deploys it.",
                    "Select «name» > Summary > Custom Attributes > Edit, and set «attribute» to "
                    "the owner.",
                    "Nobody uses it: delete it.",
                ),
                script=ATTRIBUTE,
                verify="Summary of «name» shows the owner at «attribute».",
                needs="Global.SetCustomField on the template.",
                effect="Nothing: it is a label.",
                blanks={
                    "attribute": Blank("custom attribute for the owner", attribute="owner"),
                    "value": Blank("owner"),
                },
            ),
        ),
    },
)
def owned(image: Image) -> Iterator[Violation]:
    if known(image.owner, "owner") == "":
        yield Violation(
            message=f"Image {image.name} has no owner.",
            seen="not set",
            evidence={"library": image.library_name} if image.library_ref is not None else {},
        )
