"""A host must run a build that contains the security fixes."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta, field

from policies.facts import (
    connected,
    listed,
    number,
)
from policies.spec import (
    Blank,
    Deviation,
    Host,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Value,
    Violation,
    check,
    known,
    not_applicable,
)


class Params(Parameters, frozen=True):
    minimum_builds: Annotated[
        dict[str, int],
        Meta(
            description=(
                'The oldest build allowed, by version: {"8.0.3": 24280767}. A version that is '
                "not named is not allowed. Empty: the check does not apply"
            )
        ),
    ] = field(default_factory=dict)


def _expected(found: Deviation) -> Value:
    least = found.said("minimum_build")
    versions = found.asked("minimum_builds")
    if least is not None:
        return f"build {least} or newer"
    return None if versions is None else f"a build of version {versions}"


@check(
    id="host-build",
    title="Hosts run a build with the required patches",
    severity=Severity.HIGH,
    statements=("SEC-7",),
    params=Params,
    facts=("connection_state", "version", "build"),
    controls=("ESXI-80-000221",),
    why=(
        "A flaw in the hypervisor opens every machine on it at once; ransomware crews look for "
        "unpatched hosts first."
    ),
    fix={
        Platform.VSPHERE: (
            "Bring the host to a build that contains the fixes with the lifecycle manager, which "
            "empties and restarts the hosts of a cluster one by one."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "«name» runs «version» build «build»; the policy asks for «expected».",
                "Read the release notes of the build, and update the vCenter first when they say "
                "so.",
                "Select the cluster of «name» > Updates > Image (or Baselines) > Check Compliance.",
                "Remediate: hosts are emptied and restarted one by one. A host on its own is put "
                "into maintenance mode by hand first.",
            ),
            because=(
                "which image a cluster gets is a decision, and the lifecycle manager checks the "
                "hardware, empties the hosts and keeps their order, which a script would not."
            ),
            verify="Summary of «name» shows «expected».",
            needs="The privileges of the lifecycle manager to remediate, on the cluster.",
            effect="The host restarts; its machines move to other hosts before that.",
            blanks={
                "version": Blank("version", evidence="version"),
                "build": Blank("build", evidence="build"),
                "expected": Blank("oldest allowed build", fact=_expected),
            },
        ),
    },
)
def build(host: Host, params: Params) -> Iterator[Violation]:
    if not params.minimum_builds:
        not_applicable("No minimum build is set for this check.")
    connected(host)
    version = known(host.version, "version")
    installed = number(known(host.build, "build"), "build")
    least = params.minimum_builds.get(version)
    if least is None or installed < least:
        yield Violation(
            message=(
                f"{host.name} runs version {version}, which is not among the allowed ones."
                if least is None
                else f"{host.name} runs {version} build {installed}, older than build {least}."
            ),
            seen=f"{version} build {installed}",
            expected=f"build {least} or newer" if least else listed(sorted(params.minimum_builds)),
            evidence={"version": version, "build": installed, "minimum_build": least},
        )
