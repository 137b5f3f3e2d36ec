"""Whoever reaches a published library takes the images of servers to be, unless it asks who."""

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
    id="platform-library-login",
    title="Published content libraries ask for a login",
    severity=Severity.MEDIUM,
    statements=("IMG-4",),
    facts=("libraries",),
    controls=("VCSA-80-000295",),
    why=(
        "An image holds what every machine made from it holds: keys, passwords, flaws. Without a "
        "login anybody on the network can take it apart."
    ),
    fix={Platform.VSPHERE: "Let the library ask for a password, or stop publishing it."},
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Content Libraries > «library» > Actions > Edit Settings.",
                "Nobody takes it: clear Enable publishing. Otherwise enable user authentication "
                "for access to this library, and choose a password.",
                "Enter that password where other vCenters subscribe to it.",
            ),
            because="The password is chosen by people, and entered at each subscriber as well.",
            verify="The summary of the library shows that it asks for a password.",
            needs="ContentLibrary.UpdateLocalLibrary as a global permission.",
            effect="Subscribers get nothing new until they have the password.",
            blanks={"library": Blank("name of the library", evidence="library")},
        ),
    },
)
def library_login(platform: PlatformSettings) -> Iterator[Violation]:
    libraries = known(platform.libraries, "libraries")
    if not libraries:  # an account without a global permission is told of none either
        raise NotApplicable("It told of no content library.")
    for library in libraries:
        if known(library.published, "libraries: published") and (
            known(library.publish_login, "libraries: publish_login") == "none"
        ):
            yield Violation(
                key=library.key,
                message=f"{platform.name} hands out the library {library.name} without a login.",
                seen="no login",
                expected="a login",
                evidence={"library": library.name},
            )
