"""Facts that several checks derive from records, derived in one way.

Each returns what is certain or raises FactMissing.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from inventory.records import (
    Host,
    PlatformSettings,
    PowerState,
    SecurityPolicy,
    VirtualMachine,
)
from policies.spec import Estate, FactMissing, known, not_applicable

# Agents the platform places by itself; an operator can change the list on each check.
SYSTEM_MACHINES = ("vCLS-*",)


def connected(asset: VirtualMachine | Host) -> None:
    """Return when the platform reaches the asset, or raise: its facts are older than they look."""
    state = known(asset.connection_state, "connection_state")
    if state != "connected":
        raise FactMissing(f"current facts: the platform reports {asset.name} as {state}")


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name fits one of the patterns with `*`, whatever the case."""
    folded = name.casefold()
    return any(fnmatchcase(folded, pattern.casefold()) for pattern in patterns)


def backslashed(principal: str) -> str:
    r"""The principal as DOMAIN\name, whichever way round the platform wrote it."""
    name, at, domain = principal.rpartition("@")
    return f"{domain}\\{name}" if at else principal


def of_people(vm: VirtualMachine, system_machines: tuple[str, ...]) -> None:
    """Return when the machine is somebody's, or say that the check does not concern it."""
    if matches(vm.name, system_machines):
        not_applicable(f"{vm.name} is an agent that the platform places by itself.")


def running(vm: VirtualMachine) -> None:
    """Return when the machine runs, or say that the check does not concern it."""
    if known(vm.power_state, "power_state") is not PowerState.ON:
        not_applicable(f"{vm.name} is not running.")


def has_unplaced_machines(estate: Estate) -> bool:
    """Whether some machine may run without our knowing where; for `estate.derived`."""
    return any(
        vm.host_ref is None and vm.power_state is not PowerState.OFF
        for vm in estate.of(VirtualMachine)
    )


def listed(names: list[str], limit: int = 5) -> str:
    """Names as a sentence has them: the first few, and how many more."""
    shown = sorted(names)[:limit]
    rest = len(names) - len(shown)
    if rest > 0:
        return f"{', '.join(shown)} and {rest} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def counted(number: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: "1 machine", "3 machines"."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def option(host: Host, key: str) -> str:
    """An advanced setting of the host, or raise FactMissing."""
    return known(known(host.options, "options").get(key), f"options: {key}")


def setting(platform: PlatformSettings, key: str) -> str:
    """A setting of the management platform, or raise FactMissing."""
    return known(known(platform.settings, "settings").get(key), f"settings: {key}")


def number(text: str, fact: str) -> int:
    """The text as a whole number, or raise FactMissing: a value nobody can read decides nothing."""
    try:
        return int(text)
    except ValueError:
        raise FactMissing(f"{fact} as a number") from None


def is_true(text: str) -> bool:
    return text.strip().casefold() in ("true", "1", "yes")


SECURITY_WORDS = {
    "promiscuous": "promiscuous mode",
    "mac_changes": "MAC address changes",
    "forged_transmits": "forged transmits",
}


def loose_settings(policy: SecurityPolicy | None) -> tuple[list[str], list[str]]:
    """The settings of a switch or port group that are accepted, and those that were not read."""
    values = {name: policy and getattr(policy, name) for name in SECURITY_WORDS}
    accepted = [name for name, value in values.items() if value is True]
    return accepted, [name for name, value in values.items() if value is None]
