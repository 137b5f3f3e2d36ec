"""vc-oslo as the first collection finds it, with what is not as it should be from that day on."""

from __future__ import annotations

import msgspec

from demo import access, people, shelves, site
from demo.hosts import PortGroup, Server, configure, switch_uuid
from demo.machines import Machine, Op, chance, create, named, nightly, settle, template
from demo.moments import FIRST, before
from demo.oslo import (
    DATACENTER,
    INTERNAL,
    MACHINES,
    NEW_HOST,
    PLACES,
    PLATFORM,
    SEED,
    STORES,
    SWITCHES,
    TEAMS,
    host_name,
    port_groups,
)
from demo.site import ACCOUNT, Store

WINTER = "tpl-debian12-winter"
BORN_IN_WINTER = frozenset(
    [f"web-portal-{n:02d}" for n in range(1, 7)]
    + [f"web-booking-{n:02d}" for n in range(1, 4)]
    + ["web-www-01", "web-www-02"]
)
OFF = frozenset({"lab-test-07", "fin-ts-08", "wp-campaign-04", "k8s-06", "ward-vdi-12"})
LOOSE = {
    "lab-poc-02": {
        "isolation.tools.copy.disable": "FALSE",
        "isolation.tools.paste.disable": "FALSE",
    },
    "fin-ts-03": {"isolation.tools.paste.disable": "FALSE"},
    "jump-03": {"tools.guestlib.enableHostInfo": "TRUE"},
}  # fmt: skip
FORGOTTEN_SNAPSHOTS = ("erp-app-02", "pacs-arch-02", "web-cms-03")
SHARED_NICS = PortGroup(name="print-145", vlan=145, active=("vmnic1",), standby=("vmnic0",))


def machines() -> list[Machine]:
    return [_as_it_is(one) for place in PLACES for one in settle(place)]


def _as_it_is(machine: Machine) -> Machine:
    name = machine.name
    changed: dict[str, object] = {}
    if name in OFF:
        changed["on"] = False
    if name in BORN_IN_WINTER:
        changed["born_from"] = WINTER
        changed["annotation"] = f"{machine.annotation} Deployed from {WINTER}."
        changed["created"] = before(FIRST, days=100 + int(60 * chance(name, "born")))
    if name in LOOSE:
        changed["settings"] = LOOSE[name]
    if name.startswith("print-"):
        changed["host"], changed["network"] = PLATFORM[2], SHARED_NICS.name
        changed["address"] = machine.address.replace(".140.", ".145.")
    if name in {"fin-archive-02", "web-stats-02"}:
        changed["owner"] = ""  # left the clinics
    if name == "lab-ml-01":
        changed["logging"] = False
    return msgspec.structs.replace(machine, **changed)


def server(number: int, cluster: str, switch: str) -> Server:
    return Server(
        name=host_name(number),
        number=number,
        cluster=cluster,
        switch=switch,
        switch_uuid=switch_uuid(SEED, f"/{DATACENTER}/network/{switch}"),
        site=1,
    )


def backed_up() -> list[str]:
    """The machines the backup visits every night."""
    return [one.name for one in machines() if one.visited_nightly]


def lagging() -> list[str]:
    """Machines whose guest tools are out of date on the first day."""
    return [one.name for one in machines() if one.tools == "guestToolsNeedUpgrade"]


def servers() -> list[Server]:
    found = [
        *(server(n, "OSL-Clinical", "dvs-clinical") for n in range(1, 7)),
        *(server(n, "OSL-Web", "dvs-business") for n in range(7, 10)),
        *(server(n, "OSL-Finance", "dvs-business") for n in range(10, 13)),
        *(server(n, "OSL-Platform", "dvs-business") for n in range(13, 16)),
        *(server(n, "OSL-Labs", "dvs-labs") for n in range(16, 18)),
    ]
    return [msgspec.structs.replace(one, **ODD_HOSTS.get(one.number, {})) for one in found]


ODD_HOSTS: dict[int, dict[str, object]] = {
    3: {"time_servers": ()},
    4: {"version": "8.0.2"},
    8: {"lockdown": "lockdownDisabled"},
    11: {"time_servers": ()},
    14: {"options": {"UserVars.ESXiShellInteractiveTimeOut": 0}},
    15: {"port_groups": (SHARED_NICS,)},
    16: {"model": "PowerEdge R740", "secure_boot": False, "memory_gib": 512},
    17: {"model": "PowerEdge R740", "secure_boot": False, "memory_gib": 512,
         "services": {"TSM-SSH": "on", "slpd": "on"}},
}  # fmt: skip


def templates() -> list[Op]:
    def of(name: str, system: str, *, days: float, owner: str = people.NYGARD) -> Op:
        return template(
            Machine(
                name=name,
                host=PLATFORM[0],
                folder=f"{MACHINES}/Templates",
                datastore="osl-platform-01",
                network="infra-ops-141",
                system=system,
                classification=INTERNAL,
                criticality="low",
                owner=owner,
                team="Platform",
                annotation="Image for new machines.",
                created=before(FIRST, days=400),
            ),
            modified=before(FIRST, days=days),
        )

    return [
        of("tpl-debian12", "debian12", days=9),
        of("tpl-rhel9", "rhel9", days=8),
        of("tpl-ubuntu24", "ubuntu24", days=9),
        of("tpl-win2022", "win2022", days=6),
        of("tpl-win11", "win11", days=6),
        of(WINTER, "debian12", days=166, owner=""),
    ]


def beginning() -> list[Op]:
    """The estate as the first collection finds it."""
    return [
        *site.platform(
            datacenter=DATACENTER, version="8.0.3", build="24674346", forwards_events=True
        ),
        *site.folders(DATACENTER, [*TEAMS, "Labs/Research", "Legal hold", "Templates"]),
        *site.hosts(servers()),
        *site.wiring(SWITCHES, servers()),
        *_printing(),
        *site.stores([_without(one, NEW_HOST) for one in STORES]),
        *access.roles(),
        *access.usual(DATACENTER, TEAMS),
        *access.members(),
        *access.readable(DATACENTER),
        access.grant(r"HALDEN\Night Shift", "Night shift (old)", f"/{DATACENTER}"),
        *templates(),
        *shelves.made(),
        *(create(one) for one in machines()),
        *_sights(),
        *_forgotten(),
        *nightly(backed_up(), at=before(FIRST, hours=5)),
        *_blind(),
    ]


def _printing() -> list[Op]:
    """Print servers on the management NICs of a host, since a flood in 2023."""
    host = PLATFORM[2]
    again = next(one for one in servers() if one.name == host)
    return [
        {"op": "create_portgroup", "host": host, "name": SHARED_NICS.name, "vlan": 145},
        configure(again),  # the operation above forgets which NICs the port group uses
    ]


def _without(store: Store, host: str) -> Store:
    return store._replace(hosts=tuple(one for one in store.hosts if one != host))


def _sights() -> list[Op]:
    """Say which networks and datastores each host has."""
    return [
        site.host_sees(
            server.name,
            networks=[*port_groups(server.switch), *(one.name for one in server.port_groups)],
            datastores=[one.name for one in STORES if server.name in one.hosts],
        )
        for server in servers()
    ] + [site.only_on("VM Network", ())]  # every simulated host comes with it


def _forgotten() -> list[Op]:
    return [
        {
            "op": "create_snapshot",
            "vm": named(list(FORGOTTEN_SNAPSHOTS)),
            "name": "before upgrade",
            "created_at": before(days=63, hours=9),
        },
        {
            "op": "set",
            "type": "VirtualMachine",
            "match": named(["lab-poc-01", "bi-report-02", "path-scan-03", "invoice-scan-01"]),
            "values": {
                "config.hardware.device[_typeName=VirtualCdrom].connectable.connected": True
            },
        },
    ]


def _blind() -> list[Op]:
    """What the collecting account may not read: a folder, and devices of another."""
    return [
        {
            "op": "withhold",
            "type": "VirtualMachine",
            "match": {"name": "hold-.*"},
            "paths": ["*"],
            "explained": True,
            "user": ACCOUNT,
        },
        {
            "op": "withhold",
            "type": "VirtualMachine",
            "match": {"name": "research-.*"},
            "paths": ["config.extraConfig", "config.hardware.device"],
            "explained": True,
            "user": ACCOUNT,
        },
    ]
