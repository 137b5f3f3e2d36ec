"""Roles of the demo, and who holds them where."""

from __future__ import annotations

from demo.machines import Op, at_path

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
    # Made in a hurry years ago: holds both halves of what LOG-2 wants apart.
    "Night shift (old)": (
        "Host.Config.Maintenance",
        "Host.Config.NetService",
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
