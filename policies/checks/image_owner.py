"""An image needs somebody who patches it."""

from collections.abc import Iterator

from policies.spec import (
    Image,
    Platform,
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
            "Select the template > **Summary** > **Custom Attributes** > **Edit** and enter the "
            "owner; delete the template when nothing is made from it any more."
        ),
    },
)
def owned(image: Image) -> Iterator[Violation]:
    if known(image.owner, "owner") == "":
        yield Violation(message=f"Image {image.name} has no owner.", seen="not set")
