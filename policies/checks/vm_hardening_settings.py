"""The channels between a guest and its host stay closed."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
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
            "Shut the machine down, **Edit Settings** > **Advanced Parameters**: set the parameter "
            "to the expected value, or remove it so that the default applies.\n\nPowerCLI: "
            "`Get-VM NAME | Get-AdvancedSetting SETTING | Set-AdvancedSetting -Value VALUE`"
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
