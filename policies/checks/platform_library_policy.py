"""An image that nobody signed may be anybody's."""

from collections.abc import Iterator

from policies.spec import (
    Blank,
    NotApplicable,
    Platform,
    PlatformSettings,
    Remedy,
    Severity,
    Violation,
    check,
    known,
)


@check(
    id="platform-library-policy",
    title="Content libraries verify what is put into them",
    severity=Severity.MEDIUM,
    statements=("IMG-4",),
    facts=("libraries",),
    controls=("VCSA-80-000296",),
    why=(
        "Whoever can put an image into the library puts it onto every server made from it. With a "
        "security policy an image has to be signed by somebody who is trusted."
    ),
    fix={
        Platform.VSPHERE: (
            "Edit the library and apply the OVF default policy, once its images are signed."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Sign the OVF templates of «library» with a certificate that the vCenter trusts.",
                "Content Libraries > «library» > Actions > Edit Settings > Apply Security Policy: "
                "OVF default policy.",
                "Look at its templates: those whose certificate is not verified cannot be used.",
            ),
            because="Images have to be signed first; without that nothing can be made from them.",
            verify="The summary of the library shows OVF default policy as its security policy.",
            needs="ContentLibrary.UpdateLocalLibrary as a global permission.",
            effect="Items that are not OVF templates, or are not signed, cannot be deployed.",
            blanks={"library": Blank("name of the library", evidence="library")},
        ),
    },
)
def library_policy(platform: PlatformSettings) -> Iterator[Violation]:
    libraries = known(platform.libraries, "libraries")
    if not libraries:  # an account without a global permission is told of none either
        raise NotApplicable("It told of no content library.")
    for library in libraries:
        if known(library.security_policy, "libraries: security_policy") == "":
            yield Violation(
                key=library.key,
                message=f"{platform.name} verifies nothing put into the library {library.name}.",
                seen="no security policy",
                expected="a security policy",
                evidence={"library": library.name},
            )
