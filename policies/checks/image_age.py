"""An image is a server that will be: it needs the patches of the servers that are."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta

from policies.spec import (
    FactMissing,
    Image,
    Parameters,
    Platform,
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
            "Select the template > **Template** > **Convert to Virtual Machine**, start it on an "
            "isolated port group, install the patches, shut down, **Convert to Template**.\n\n"
            "PowerCLI: `Set-Template -Template NAME -ToVM | Start-VM`"
        ),
    },
)
def image_age(image: Image, params: Params, now: datetime) -> Iterator[Violation]:
    modified_at = known(image.modified_at, "modified_at")
    if modified_at.year <= 1970:  # how the platform says that it does not know
        raise FactMissing("modified_at")
    if now - modified_at > timedelta(days=params.max_age_days):
        days = (now - modified_at).days
        yield Violation(
            message=f"Image {image.name} was last changed {days} days ago.",
            seen=f"{days} days",
            expected=f"at most {params.max_age_days} days",
            evidence={"modified_at": modified_at.isoformat()},
        )
