"""Roles of the demo, and who holds them where."""

from __future__ import annotations

from demo.machines import Op, at_path
from demo.site import ACCOUNT

ROLES: dict[str, tuple[str, ...]] = {
    "Host operator": (
        "Host.Config.Maintenance",
        "Host.Config.NetService",
        "Host.Config.Network",
        "Host.Config.Patch",
        "Host.Config.Settings",
        "Host.Config.Storage",
    ),
    "Machine operator": (
        "VirtualMachine.Interact.PowerOff",
        "VirtualMachine.Interact.PowerOn",
        "VirtualMachine.Interact.Reset",
        "VirtualMachine.State.CreateSnapshot",
        "VirtualMachine.State.RemoveSnapshot",
    ),
    "Machine console": (
        "VirtualMachine.GuestOperations.Execute",
        "VirtualMachine.GuestOperations.Query",
        "VirtualMachine.Interact.ConsoleInteract",
    ),
    "Network operator": ("DVPortgroup.Modify", "DVSwitch.Modify", "Network.Assign"),
    "Backup": (
        "Datastore.Browse",
        "VirtualMachine.Provisioning.DiskRandomRead",
        "VirtualMachine.Provisioning.GetVmFiles",
    ),
    "File browser": ("Datastore.Browse",),
    # On an empty folder it changes nothing, and lets the collecting account ask who is in a group.
    "Directory reader": ("Authorization.ModifyPermissions",),
    # Made in a hurry years ago: holds both halves of what LOG-2 wants apart.
    "Night shift (old)": (
        "Host.Config.Maintenance",
        "Host.Config.NetService",
        "Resource.HotMigrate",
        "VirtualMachine.Interact.ConsoleInteract",
        "VirtualMachine.Interact.PowerOff",
        "VirtualMachine.Interact.PowerOn",
    ),
}


def roles() -> list[Op]:
    return [
        {"op": "create_role", "name": name, "privileges": list(held)}
        for name, held in ROLES.items()
    ]


def grant(principal: str, role: str, path: str = "", *, group: bool = True) -> Op:
    """Give a role on the object at a path, the root if there is none."""
    made: Op = {"op": "grant", "principal": principal, "group": group, "role": role}
    return {**made, "entity": at_path(path)} if path else made


def revoke(principal: str, path: str = "", *, group: bool = True) -> Op:
    made: Op = {"op": "revoke", "principal": principal, "group": group}
    return {**made, "entity": at_path(path)} if path else made


def group(name: str, *users: str, groups: tuple[str, ...] = ()) -> Op:
    """Say who is in a group; each user as DOMAIN\\name with a full name made of it."""
    return {
        "op": "group",
        "name": rf"HALDEN\{name}",
        "users": {rf"HALDEN\{user}": _full_name(user) for user in users},
        "groups": [rf"HALDEN\{inner}" for inner in groups],
    }


def _full_name(user: str) -> str:
    if user.startswith("svc-"):
        return ""
    first, last, *rest = user.split(".")
    return f"{first.title()} {last.title()}" + (" (external)" if rest else "")


def readable(datacenter: str) -> list[Op]:
    """What lets the collecting account ask who is in a group."""
    folder = f"/{datacenter}/vm/vmgov"
    return [
        {"op": "create_folder", "name": "vmgov", "parent": at_path(f"/{datacenter}/vm")},
        {**grant(ACCOUNT, "Directory reader", folder, group=False), "propagate": False},
    ]


def members() -> list[Op]:
    """Who is in the groups to begin with: nobody in two that exclude each other."""
    return [
        group("vCenter Admins", "astrid.solheim", "henrik.aas"),
        group("Auditors", "turid.nes"),
        group("Host Operators", "per.dahl", "liv.hagen", groups=("Vendors",)),
        group("Vendors", "kari.moen.ext"),
        group("Network Operators", "siri.berge"),
        group("Backup Operators", "svc-backup"),
        group("Service Desk", "ola.vik", "nina.haug"),
        group("Night Shift", "ola.vik"),
        group("ext-nordkraft", "jonas.weil.ext"),
        group("Clinical Apps Operators", "eva.lind", "marius.foss"),
        group("Finance Operators", "ida.krogh"),
        group("Web Operators", "jens.holm", "tone.ruud"),
        group("Platform Operators", "anders.bakke"),
        group("Labs Operators", "silje.myhre"),
    ]


def usual(datacenter: str, teams: tuple[str, ...]) -> list[Op]:
    """Grants as the policy wants them: groups, each with one duty, no wider than it needs."""
    machines = f"/{datacenter}/vm"
    return [
        grant(r"HALDEN\vCenter Admins", "Admin"),
        grant(r"HALDEN\Auditors", "ReadOnly"),
        grant(r"HALDEN\Host Operators", "Host operator", f"/{datacenter}/host"),
        grant(r"HALDEN\Network Operators", "Network operator", f"/{datacenter}/network"),
        grant(r"HALDEN\Backup Operators", "Backup", machines),
        *(
            grant(rf"HALDEN\{team} Operators", "Machine operator", f"{machines}/{team}")
            for team in teams
        ),
    ]
