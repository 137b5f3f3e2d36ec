"""What happens in a week: a script does things to a vCenter and writes down what is true."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.peers.vcsim import Vcsim
from tests.week import rights
from tests.week.record import FOLDERS, Grant, GrantKey, Machine, Record, Rights, Truth

HOSTS = ("DC0_C0_H0", "DC0_C0_H1", "DC0_C0_H2")
GOLDEN = "golden"
FEWEST = 6
MOST_GRANTS = 9
LIBRARY, ITEMS = "Shelf", ("small", "large")
ROLES = ("console", "power", "files", "looks")
Op = dict[str, Any]


class Script:
    """Does one thing after another. `lots` decide which; the same seed does the same."""

    def __init__(self, vcsim: Vcsim, seed: int, *, with_library: bool = False) -> None:
        self.vcsim = vcsim
        self.lots = random.Random(seed)  # noqa: S311
        self.record = Record()
        self.origins: dict[str, str] = {}  # machine → what it was made from
        self.items: dict[str, str] = {}  # machine → the item of the library, by name
        self._golden = self._new_uid()
        self._count = 0
        self._truth = Truth({}, {}, Rights({}, {}, {}))
        acts = (
            (6, self._move),
            (4, self._balance),
            (4, self._switch),
            (3, self._readdress),
            (2, self._create),
            (2, self._clone),
            (2, self._reconfigure),
            (1, self._rename),
            (3, self._take_snapshot),
            (2, self._drop_snapshots),
            (2, self._destroy),
            (1, self._keep_image),
            (3, self._refile),
            (5, self._grant),
            (2, self._revoke),
            (2, self._change_role),
            (2, self._regroup),
        )
        self._acts: list[Callable[[], None]] = [act for often, act in acts for _ in range(often)]
        self._with_library = with_library
        self._acts += [self._deploy] * 2 if with_library else []

    @property
    def now(self) -> Truth:
        return self._truth

    def begin(self) -> None:
        """An estate to start from, in one act."""
        self.vcsim.apply(ops=[{"op": "destroy", "target": {"type": "VirtualMachine"}}])
        truth = self._truth
        truth.images[self._golden] = GOLDEN
        for name, privilege in zip(ROLES, rights.ON_MACHINES, strict=True):
            truth.rights.roles[name] = [privilege]
        truth.rights.roles["looks"] = []
        truth.rights.groups = {group: [] for group in rights.GROUPS}
        truth.rights.roles |= {"Admin": [*rights.ON_MACHINES, *rights.ON_FILES], "ReadOnly": []}
        for account, role in ((rights.ADMIN, "Admin"), (rights.READER, "ReadOnly")):
            truth.rights.grants[GrantKey("root", account, is_group=False)] = Grant(role, True)
        shelf = _shelf() if self._with_library else []
        self._apply("begin", "", *self.ops_of_everything(), *shelf)
        for _ in range(8):
            self._create()
        for _ in range(4):
            self._grant()
        self._regroup()

    def step(self) -> None:
        """One thing that happens."""
        before = len(self.record.acts)
        while len(self.record.acts) == before:  # not everything can happen at any time
            self.lots.choice(self._acts)()
        time.sleep(0.004)  # some time to be asked about

    def ops_of_everything(self) -> list[Op]:
        """What makes an empty vCenter one in which all that is true now is so."""
        truth = self._truth
        ops: list[Op] = [
            {"op": "create_folder", "name": name, "parent": {"path": FOLDERS[above]}}
            for name, above in (("Blue", "vm"), ("Deep", "Blue"), ("Green", "vm"))
        ]
        for uid, name in truth.images.items():
            made = {"op": "create_vm", "name": name, "instance_uuid": uid, "nics": []}
            ops.append({**made, "host": HOSTS[0], "template": True, "folder": _folder("vm")})
        for uid, machine in truth.machines.items():
            ops.append(_creation(uid, machine))
            names = [name for _, name in machine.snapshots]
            ops += [{"op": "create_snapshot", "vm": machine.name, "name": each} for each in names]
        for name in ROLES:
            ops.append(_role(name, truth.rights.roles[name]))
        ops += [_members(group, inside) for group, inside in truth.rights.groups.items()]
        for key, grant in truth.rights.grants.items():
            if key.principal not in (rights.ADMIN, rights.READER):
                ops.append(self._granting(key, grant))
        return ops

    # --- machines ---------------------------------------------------------------------------------

    def _create(self) -> None:
        uid, host = self._new_uid(), self.lots.choice(HOSTS)
        is_running = self.lots.random() < 0.7
        machine = Machine(self._new_name(), host, is_running, [self._new_address()])
        machine.folder = self.lots.choice(sorted(FOLDERS))
        self._truth.machines[uid] = machine
        self._apply("create", uid, _creation(uid, machine))

    def _clone(self) -> None:
        uid, host = self._new_uid(), self.lots.choice(HOSTS)
        machine = Machine(self._new_name(), host, False, [self._new_address()])
        self._truth.machines[uid], self.origins[uid] = machine, self._golden
        made = {"op": "clone_vm", "source": GOLDEN, "name": machine.name, "instance_uuid": uid}
        self._apply(
            *("clone", uid),
            {**made, "host": host, "folder": _folder("vm")},
            {"op": "add_nic", "vm": machine.name, "mac": machine.macs[0]},
        )

    def _deploy(self) -> None:
        """Of an item of the library, and the platform says so afterwards."""
        uid, host, item = self._new_uid(), self.lots.choice(HOSTS), self.lots.choice(ITEMS)
        machine = Machine(self._new_name(), host, False, [self._new_address()])
        self._truth.machines[uid], self.items[uid] = machine, item
        told = {
            "_typeName": "EventEx",
            "eventTypeId": "com.vmware.ovfs.DeployEvent",
            "arguments": [_argument("library", LIBRARY), _argument("libraryItem", item)],
        }
        self._apply(
            *("deploy", uid),
            _creation(uid, machine),
            {"op": "post_event", "vm": machine.name, "event": told},
        )

    def _move(self, **how: Any) -> None:
        uid, machine = self._some()
        machine.host = self.lots.choice([host for host in HOSTS if host != machine.host])
        move = {"op": "migrate", "vm": machine.name, "host": machine.host, **how}
        self._apply("balance" if how else "move", uid, move)

    def _balance(self) -> None:
        """DRS moves a machine."""
        self._move(drs=True)

    def _switch(self) -> None:
        uid, machine = self._some()
        machine.is_running = not machine.is_running
        way = "power_on" if machine.is_running else "power_off"
        self._apply(way, uid, {"op": way, "vm": machine.name})

    def _readdress(self) -> None:
        """The address of the card changes, and the platform says so."""
        uid, machine = self._some()
        [old], mac = machine.macs, self._new_address()
        machine.macs = [mac]
        told = {"_typeName": "VmMacChangedEvent", "adapter": "NIC", "oldMac": old, "newMac": mac}
        card = {"type": "VirtualMachine", "match": {"exact": machine.name}}
        path = f"config.hardware.device[macAddress={old}].macAddress"
        self._apply(
            *("readdress", uid),
            {"op": "set", **card, "values": {path: mac}},
            {"op": "post_event", "vm": machine.name, "event": told},
        )

    def _reconfigure(self) -> None:
        uid, machine = self._some()
        machine.memory_mib += 32
        order = {"type": "VirtualMachine", "match": {"exact": machine.name}}
        spec = {"spec": {"memoryMB": machine.memory_mib}}
        self._apply(
            *("reconfigure", uid),
            {"op": "call", **order, "method": "ReconfigVM_Task", "args": spec},
        )

    def _rename(self) -> None:
        uid, machine = self._some()
        old, machine.name = machine.name, self._new_name()
        self._apply("rename", uid, {"op": "rename", "target": old, "name": machine.name})

    def _take_snapshot(self) -> None:
        """Below the one it runs on."""
        uid, machine = self._some()
        name = self._new_name()
        machine.snapshots.append((len(machine.snapshots), name))
        self._apply("snapshot", uid, {"op": "create_snapshot", "vm": machine.name, "name": name})

    def _drop_snapshots(self) -> None:
        """One of them, and those below it move up; or all."""
        with_some = [uid for uid, one in self._truth.machines.items() if one.snapshots]
        if not with_some:
            return
        uid = self.lots.choice(with_some)
        machine = self._truth.machines[uid]
        if self.lots.random() < 0.3:
            machine.snapshots = []
            self._apply("drop", uid, {"op": "remove_snapshots", "vm": machine.name})
            return
        _, name = machine.snapshots.pop(self.lots.randrange(len(machine.snapshots)))
        machine.snapshots = [(depth, one) for depth, (_, one) in enumerate(machine.snapshots)]
        self._apply("drop", uid, {"op": "remove_snapshot", "vm": machine.name, "name": name})

    def _destroy(self) -> None:
        if len(self._truth.machines) <= FEWEST:
            return
        uid, machine = self._some()
        del self._truth.machines[uid]
        held = [key for key in self._truth.rights.grants if key.on == uid]
        for key in held:
            del self._truth.rights.grants[key]
        ops = [_revoking(key, {"entity": {"exact": machine.name}}) for key in held]
        self._apply("destroy", uid, *ops, {"op": "destroy", "target": machine.name})

    def _keep_image(self) -> None:
        """A machine is kept as a template; when there are some, the oldest goes."""
        ops: list[Op] = []
        others = [uid for uid in self._truth.images if uid != self._golden]
        if len(others) > 1:
            ops.append({"op": "destroy", "target": self._truth.images.pop(others[0])})
        uid, name = self._new_uid(), self._new_name()
        _, machine = self._some()
        self._truth.images[uid] = name
        made = {"op": "clone_vm", "source": machine.name, "name": name, "instance_uuid": uid}
        self._apply("image", uid, *ops, {**made, "template": True, "folder": _folder("vm")})

    def _refile(self) -> None:
        """Into another folder, and so under other grants."""
        uid, machine = self._some()
        others = sorted(set(FOLDERS) - {machine.folder})
        machine.folder = self.lots.choice(others)
        there = _folder(machine.folder)
        self._apply("refile", uid, {"op": "move", "target": machine.name, "folder": there})

    # --- rights -----------------------------------------------------------------------------------

    def _grant(self) -> None:
        """To somebody who had nothing there, or another role in place of theirs."""
        uid, _ = self._some()
        on = self.lots.choice([*rights.PLACES, uid])
        principal = self.lots.choice([*rights.PEOPLE, *rights.GROUPS])
        key = GrantKey(on, principal, principal in rights.GROUPS)
        if key not in self._truth.rights.grants and len(self._ours()) >= MOST_GRANTS:
            return
        grant = Grant(self.lots.choice(ROLES), self.lots.random() < 0.8)
        self._truth.rights.grants[key] = grant
        self._apply("grant", "", self._granting(key, grant))

    def _revoke(self) -> None:
        ours = self._ours()
        if ours:
            key = self.lots.choice(ours)
            del self._truth.rights.grants[key]
            self._apply("revoke", "", _revoking(key, self._selector(key.on)))

    def _change_role(self) -> None:
        name = self.lots.choice(ROLES[:-1])
        known = sorted({**rights.ON_MACHINES, **rights.ON_FILES})
        privileges = self.lots.sample(known, self.lots.randint(0, 3))
        self._truth.rights.roles[name] = privileges
        self._apply("role", "", _role(name, privileges))

    def _regroup(self) -> None:
        """Other people in a group; the crew may be part of the staff."""
        group = self.lots.choice(rights.GROUPS)
        inside = self.lots.sample(rights.PEOPLE, self.lots.randint(0, 3))
        if group == rights.GROUPS[-1] and self.lots.random() < 0.7:
            inside.append(rights.GROUPS[0])
        self._truth.rights.groups[group] = inside
        self._apply("regroup", "", _members(group, inside))

    def _ours(self) -> list[GrantKey]:
        fixed = (rights.ADMIN, rights.READER)
        return [key for key in self._truth.rights.grants if key.principal not in fixed]

    def _granting(self, key: GrantKey, grant: Grant) -> Op:
        said = {"op": "grant", "principal": key.principal, "group": key.is_group}
        where = self._selector(key.on)
        return {**said, **where, "role": grant.role, "propagate": grant.propagate}

    def _selector(self, on: str) -> Op:
        if on == "root":
            return {}
        if on in rights.PLACES:
            return {"entity": {"path": rights.PLACES[on]}}
        return {"entity": {"exact": self._truth.machines[on].name}}

    # --- doing it ---------------------------------------------------------------------------------

    def _apply(self, what: str, uid: str, *ops: Op) -> None:
        began = datetime.now(UTC)
        self.vcsim.apply(ops=list(ops))
        time.sleep(0.002)
        self.record.note_act(what, uid, began, self._truth)

    def _some(self) -> tuple[str, Machine]:
        uid = self.lots.choice(sorted(self._truth.machines))
        return uid, self._truth.machines[uid]

    def _new_uid(self) -> str:
        return str(uuid.UUID(int=self.lots.getrandbits(128), version=4))

    def _new_name(self) -> str:
        self._count += 1
        return f"it-{self._count:03}"

    def _new_address(self) -> str:
        self._count += 1
        return f"00:50:56:ff:{self._count // 256:02x}:{self._count % 256:02x}"


def _folder(name: str) -> Op:
    return {"path": FOLDERS[name]}


def _creation(uid: str, machine: Machine) -> Op:
    return {
        "op": "create_vm",
        "name": machine.name,
        "instance_uuid": uid,
        "host": machine.host,
        "folder": _folder(machine.folder),
        "memory_mb": machine.memory_mib,
        "on": machine.is_running,
        "nics": [{"mac": mac} for mac in machine.macs],
    }


def _shelf() -> list[Op]:
    store = {"type": "Datastore", "name": "LocalDS_0"}
    shelf: list[Op] = [{"op": "library", "name": LIBRARY, "datastore": store}]
    items = [{"op": "library_item", "library": LIBRARY, "name": each} for each in ITEMS]
    return shelf + [{**item, "type": "ovf"} for item in items]


def _argument(key: str, text: str) -> Op:
    return {"key": key, "value": {"_typeName": "string", "_value": text}}


def _role(name: str, privileges: list[str]) -> Op:
    return {"op": "create_role", "name": name, "privileges": privileges}


def _members(group: str, inside: list[str]) -> Op:
    users = {one: "" for one in inside if one not in rights.GROUPS}
    groups = [one for one in inside if one in rights.GROUPS]
    return {"op": "group", "name": group, "users": users, "groups": groups}


def _revoking(key: GrantKey, where: Op) -> Op:
    return {"op": "revoke", "principal": key.principal, "group": key.is_group, **where}
