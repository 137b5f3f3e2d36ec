"""What people do, with the line it leaves in vCenter's log where the simulator writes none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from demo import access
from demo.machines import Op, at_path, change, named

ASTRID, HENRIK = r"HALDEN\astrid.solheim", r"HALDEN\henrik.aas"  # the vCenter's administrators
OLA = r"HALDEN\ola.vik"  # service desk by day, the night shift by night
JONAS = r"HALDEN\jonas.weil.ext"  # of the contractor
FORGOTTEN = r"HALDEN\svc-backup-old"  # an account that nobody took away
PLATFORM_OPERATOR, CLINICAL_OPERATOR = r"HALDEN\anders.bakke", r"HALDEN\eva.lind"


def by(user: str, *ops: Op) -> list[Op]:
    """The operations, done by somebody."""
    return [{**op, "as": user} for op in ops]


def _line(user: str, type_: str, message: str, fields: dict[str, Any], **about: Any) -> Op:
    event = {"_typeName": type_, **fields}
    return {"op": "post_event", "as": user, "event": event, "message": message, **about}


def signed_in(user: str, address: str) -> Op:
    said = {"ipAddress": address, "userAgent": "Mozilla/5.0", "locale": "en", "sessionId": ""}
    return _line(user, "UserLoginSessionEvent", f"User {user}@{address} logged in", said)


def signed_out(user: str, address: str) -> Op:
    said = {"ipAddress": address, "loginTime": "2026-01-01T00:00:00Z"}
    return _line(user, "UserLogoutSessionEvent", f"User {user}@{address} logged out", said)


def refused(user: str, address: str) -> Op:
    message = f"Cannot login {user}@{address}"
    return _line(user, "BadUsernameSessionEvent", message, {"ipAddress": address})


def console(user: str, vm: str) -> list[Op]:
    """Somebody looks at the screen of a machine, and leaves."""
    return [
        _line(user, f"VmRemoteConsole{word}Event", f"Remote console {said} {vm}", {}, vm=vm)
        for word, said in (("Connected", "connected to"), ("Disconnected", "disconnected from"))
    ]


def reconfigured(user: str, vms: str | list[str], paths: dict[str, str], op: Op) -> list[Op]:
    """An operation that reconfigures machines; the log names the paths it changed."""
    modified = "".join(f"{path}: {values};\n\n" for path, values in paths.items())
    said = {"configSpec": {}, "configChanges": {"modified": modified, "added": "", "deleted": ""}}
    lines = (
        _line(user, "VmReconfiguredEvent", f"Reconfigured {vm}.\n\nModified:\n\n{modified}", said)
        | {"vm": vm}
        for vm in ([vms] if isinstance(vms, str) else vms)
    )
    return [op, *lines]


CDROM = "config.hardware.device[_typeName=VirtualCdrom].connectable.connected"


def cdrom(user: str, vms: str | list[str], *, connected: bool) -> list[Op]:
    """A CD is put in or taken out."""
    before, after = ("false", "true") if connected else ("true", "false")
    paths = {"config.hardware.device(3000).connectable.connected": f"{before} -> {after}"}
    return reconfigured(user, vms, paths, change(vms, {CDROM: connected}))


def logging(user: str, vms: str | list[str], *, enabled: bool) -> list[Op]:
    """A machine's log is turned on or off."""
    before, after = ("false", "true") if enabled else ("true", "false")
    paths = {"config.flags.enableLogging": f"{before} -> {after}"}
    return reconfigured(user, vms, paths, change(vms, {"config.flags.enableLogging": enabled}))


def restart(user: str, vm: str, *, at: str) -> list[Op]:
    """A machine is switched off and on again."""
    values = {"runtime.bootTime": at, "guest.toolsRunningStatus": "guestToolsRunning"}
    return [
        *by(user, {"op": "power_off", "vm": named(vm)}, {"op": "power_on", "vm": named(vm)}),
        change(vm, values),
    ]


def moved(user: str, vms: Iterable[str], host: str) -> list[Op]:
    return [op for vm in vms for op in by(user, {"op": "migrate", "vm": vm, "host": host})]


def granted(
    user: str, principal: str, role: str, path: str = "", *, group: bool = True
) -> list[Op]:
    as_what = {"role": {"name": role}, "propagate": True}
    return [
        access.grant(principal, role, path, group=group),
        _permission(user, "Added", "Permission created", principal, path, group=group, **as_what),
    ]


def revoked(user: str, principal: str, path: str = "", *, group: bool = True) -> list[Op]:
    return [
        access.revoke(principal, path, group=group),
        _permission(user, "Removed", "Permission removed", principal, path, group=group),
    ]


def _permission(
    user: str, what: str, said: str, principal: str, path: str, *, group: bool, **more: Any
) -> Op:
    name = path.rpartition("/")[2] or "Datacenters"
    entity = at_path(path) if path else {"type": "Folder", "exact": "Datacenters"}
    fields = {"principal": principal, "group": group, "entity": {"name": name, "entity": entity}}
    message = f"{said} for {principal} on {name}"
    return _line(user, f"Permission{what}Event", message, fields | more)
