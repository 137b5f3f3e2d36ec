"""The channels between a guest and its host stay closed."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
    matches,
)
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

# What each setting must be when it is set at all: left out, the platform's default is the safe one.
WANTED: dict[str, str] = {
    "isolation.tools.copy.disable": "true",
    "isolation.tools.paste.disable": "true",
    "isolation.tools.dnd.disable": "true",
    "isolation.tools.diskshrink.disable": "true",
    "isolation.tools.diskwiper.disable": "true",
    "isolation.device.connectable.disable": "true",
    "tools.guestlib.enablehostinfo": "false",
    "tools.guest.desktop.autolock": "true",
    "mks.enable3d": "false",
    "remotedisplay.maxconnections": "1",
    "remotedisplay.vnc.enabled": "false",
    "tools.setinfo.sizelimit": "1048576",
}
ABSENT = ("sched.mem.pshare.salt",)


class Params(Parameters, frozen=True):
    ignored: Annotated[
        tuple[str, ...], Meta(description="Settings that are not judged, as patterns")
    ] = ()


def _is_unwanted(found: Deviation) -> bool:
    return str(found.said("setting")).casefold() in ABSENT


def _wanted(found: Deviation) -> Value:
    return WANTED.get(str(found.said("setting")).casefold())


@check(
    id="vm-hardening-settings",
    title="Machines do not loosen the isolation between guest and host",
    severity=Severity.MEDIUM,
    statements=("SEC-3",),
    params=Params,
    facts=("connection_state", "extra_config"),
    controls=tuple(
        f"VMCH-80-000{number}"
        for number in (189, 191, 192, 193, 194, 195, 196, 197, 198, 199, 201, 202)
    ),
    why=(
        "Clipboard, drag and drop, device and memory-sharing switches were closed by default for a "
        "reason: each is a way for data or an attacker to leave the guest."
    ),
    fix={
        Platform.VSPHERE: (
            "Set the parameter to the expected value, or remove it so that the platform's default "
            "applies, which is the safe one."
        ),
    },
    remedy={
        Platform.VSPHERE: (
            Remedy(
                when="the setting must not exist",
                fits=_is_unwanted,
                steps=(
                    "Shut «name» down when its owner agrees.",
                    "Select «name» > Edit Settings > Advanced Parameters.",
                    "Remove the parameter «setting».",
                    "Start «name».",
                ),
                script="""
$vm = Get-VM -Server $server -Id $id
$entry = Get-AdvancedSetting -Entity $vm -Server $server | Where-Object Name -eq $setting
if (-not $entry) { throw "$($vm.Name) no longer sets $setting" }
if (Confirm-Change "remove $setting = $($entry.Value) from $($vm.Name)") {
    Remove-AdvancedSetting -AdvancedSetting $entry
}
""",
                verify="Edit Settings > Advanced Parameters of «name» does not list «setting».",
                needs="VirtualMachine.Config.AdvancedConfig on the machine.",
                effect="Nothing at once: it counts from the next time the machine is powered on.",
                blanks={"setting": Blank("name of the setting", evidence="setting")},
            ),
            Remedy(
                when="the setting must have another value",
                steps=(
                    "Shut «name» down when its owner agrees.",
                    "Select «name» > Edit Settings > Advanced Parameters.",
                    "Set the parameter «setting» to «value», or remove it: the default is safe.",
                    "Start «name».",
                ),
                script="""
$vm = Get-VM -Server $server -Id $id
$entry = Get-AdvancedSetting -Entity $vm -Server $server | Where-Object Name -eq $setting
if (-not $entry) { throw "$($vm.Name) no longer sets $setting" }
if (Confirm-Change "set $setting of $($vm.Name) from $($entry.Value) to $value") {
    Set-AdvancedSetting -AdvancedSetting $entry -Value $value
}
""",
                verify="Edit Settings > Advanced Parameters of «name» shows «setting» as «value».",
                needs="VirtualMachine.Config.AdvancedConfig on the machine.",
                effect="Nothing at once: it counts from the next time the machine is powered on.",
                blanks={
                    "setting": Blank("name of the setting", evidence="setting"),
                    "value": Blank("safe value of the setting", fact=_wanted),
                },
            ),
        ),
    },
)
def hardening_settings(vm: VirtualMachine, params: Params) -> Iterator[Violation]:
    connected(vm)
    for key, value in known(vm.extra_config, "extra_config").items():
        wanted = WANTED.get(key.casefold())
        loosened = wanted is not None and _plain(value) != wanted
        if (loosened or key.casefold() in ABSENT) and not matches(key, params.ignored):
            yield Violation(
                key=key,
                message=f"{vm.name} sets {key} to {value}.",
                seen=value,
                expected=f"{wanted}, or not set" if wanted else "not set",
                evidence={"setting": key, "value": value},
            )


def _plain(value: str) -> str:
    """The value as it is compared: "TRUE", "1" and "true" are one for switches."""
    text = value.strip().casefold()
    return {"yes": "true", "no": "false"}.get(text, text)
