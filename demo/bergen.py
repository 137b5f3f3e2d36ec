"""vc-bergen, recovery: smaller, quieter, and partly out of the collecting account's sight."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from demo import access, people, site
from demo.deeds import (
    CLINICAL_OPERATOR,
    FORGOTTEN,
    HENRIK,
    PLATFORM_OPERATOR,
    cdrom,
    moved,
    refused,
    restart,
    signed_in,
)
from demo.hosts import Server, configure, switch_uuid
from demo.machines import Line, Machine, Op, Place, change, create, nightly, settle, template
from demo.moments import (
    COLLECTIONS,
    FIRST,
    TODAY,
    TUESDAY_EVENING,
    TUESDAY_NIGHT,
    YESTERDAY,
    before,
    day,
)
from demo.site import ACCOUNT, Store, Wires

SEED = "halden-bergen"
INSTANCE = "5f3c1d0a-6f0e-4d0b-9d0e-0be26e000002"
DATACENTER = "Bergen"
MACHINES = f"/{DATACENTER}/vm"
TEAMS = ("Clinical Apps", "Platform")
JUMP_HOST = "10.2.240.30"
EMPTIED = day(12)  # what the log had told since the last look is lost


def host_name(number: int) -> str:
    return f"esx-{number}.bergen.halden.example"


RECOVERY = tuple(host_name(number) for number in range(21, 25))
GENERAL = tuple(host_name(number) for number in range(25, 27))

SWITCHES = (
    Wires("dvs-recovery", {"rec-app-210": 210, "rec-db-211": 211, "rec-imaging-212": 212}),
    Wires("dvs-general", {"bgo-infra-240": 240, "bgo-clinic-241": 241}),
)

PLACES = (
    Place(
        "BGO-Recovery",
        RECOVERY,
        ("bgo-recovery-01", "bgo-recovery-02"),
        f"{MACHINES}/Clinical Apps",
        "Clinical Apps",
        "patient data",
        {"rec-app-210": "10.2.210.", "rec-db-211": "10.2.211.", "rec-imaging-212": "10.2.212."},
        (
            Line("r-ehr-app", 8, "win2022", "rec-app-210", people.AMUNDSEN, "medium",
                 "Health record, recovery site.", 8, 32, (80, 120)),
            Line("r-ehr-db", 4, "rhel9", "rec-db-211", people.AMUNDSEN, "critical",
                 "Health record, standby database.", 16, 128, (80, 2000)),
            Line("r-pacs", 6, "win2022", "rec-imaging-212", people.BERGSTROM, "medium",
                 "Picture archive, recovery site.", 8, 64, (100, 800)),
            Line("r-lis", 3, "win2019", "rec-app-210", people.DAHL, "medium",
                 "Laboratory information system, recovery site."),
            Line("r-emar", 4, "win2022", "rec-app-210", people.FOSS, "medium",
                 "Medication administration record, recovery site."),
            Line("r-hl7-gw", 2, "debian12", "rec-app-210", people.AMUNDSEN, "medium",
                 "Message gateway, recovery site."),
            Line("r-icu-mon", 4, "rhel8", "rec-app-210", people.EIDE, "medium",
                 "Intensive care monitoring, recovery site."),
            Line("r-pharm", 3, "win2019", "rec-app-210", people.FOSS, "medium",
                 "Pharmacy ordering, recovery site."),
        ),
    ),
    Place(
        "BGO-General",
        GENERAL,
        ("bgo-general-01",),
        f"{MACHINES}/Platform",
        "Platform",
        "internal",
        {"bgo-infra-240": "10.2.240.", "bgo-clinic-241": "10.2.241."},
        (
            Line("bgo-dc", 2, "win2022", "bgo-infra-240", people.LUND, "critical", "Directory."),
            Line("bgo-dns", 2, "debian12", "bgo-infra-240", people.LUND, "high", "Name server."),
            Line("bgo-file", 4, "win2019", "bgo-infra-240", people.OLSEN, "medium", "Files."),
            Line("bgo-print", 4, "win2016", "bgo-infra-240", people.OLSEN, "low", "Printing."),
            Line("bgo-backup", 3, "win2022", "bgo-infra-240", people.OLSEN, "medium", "Backup."),
            Line("bgo-log", 2, "rhel9", "bgo-infra-240", people.MOEN, "medium", "Log server."),
            Line("bgo-jump", 2, "win2022", "bgo-infra-240", people.MOEN, "medium", "Jump host."),
            Line("bgo-mon", 2, "debian12", "bgo-infra-240", people.MOEN, "low", "Monitoring."),
            Line("bgo-kiosk", 5, "win11", "bgo-clinic-241", people.EIDE, "low", "Kiosk desktop."),
        ),
    ),
)  # fmt: skip

STORES = (
    Store("bgo-recovery-01", RECOVERY),
    Store("bgo-recovery-02", RECOVERY),
    Store("bgo-general-01", GENERAL),
    Store("iso-library-bgo", (*RECOVERY, *GENERAL), "NFS", 2),
)


def machines() -> list[Machine]:
    return [one for place in PLACES for one in settle(place)]


def servers() -> list[Server]:
    def of(number: int, cluster: str, switch: str) -> Server:
        return Server(
            name=host_name(number),
            number=number,
            cluster=cluster,
            switch=switch,
            switch_uuid=switch_uuid(SEED, f"/{DATACENTER}/network/{switch}"),
            site=2,
            version="8.0.2" if number in (21, 22) else "8.0.3",
            vendor="HPE",
            model="ProLiant DL380 Gen11",
            memory_gib=768,
        )

    return [
        *(of(number, "BGO-Recovery", "dvs-recovery") for number in range(21, 25)),
        *(of(number, "BGO-General", "dvs-general") for number in range(25, 27)),
    ]


def beginning() -> list[Op]:
    return [
        *site.platform(
            datacenter=DATACENTER, version="8.0.3", build="24322831", forwards_events=True
        ),
        *site.folders(DATACENTER, [*TEAMS, "Templates"]),
        *site.hosts(servers()),
        *site.wiring(SWITCHES, servers()),
        *site.stores(STORES),
        *_sights(),
        *access.roles(),
        *access.usual(DATACENTER, TEAMS),
        *access.members(),
        *access.readable(DATACENTER),
        *_templates(),
        *(create(one) for one in machines()),
        *_night(FIRST),
        {
            "op": "withhold",
            "type": "HostSystem",
            "match": {"name": "|".join(GENERAL)},
            "paths": ["config.firewall", "config.service"],
            "explained": True,
            "user": ACCOUNT,
        },
    ]


def _sights() -> list[Op]:
    """Say which networks and datastores each host has."""
    groups = {switch.name: list(switch.port_groups) for switch in SWITCHES}
    return [
        site.host_sees(
            server.name,
            networks=groups[server.switch],
            datastores=[one.name for one in STORES if server.name in one.hosts],
        )
        for server in servers()
    ] + [site.only_on("VM Network", ())]  # every simulated host comes with it


def _templates() -> list[Op]:
    image = Machine(
        name="tpl-win2022-bgo",
        host=GENERAL[0],
        folder=f"{MACHINES}/Templates",
        datastore="bgo-general-01",
        network="bgo-infra-240",
        system="win2022",
        classification="internal",
        criticality="low",
        owner=people.NYGARD,
        team="Platform",
    )
    return [template(image, modified=before(FIRST, days=6))]


def backed_up() -> list[str]:
    return [one.name for one in machines() if one.visited_nightly]


def _night(at: timedelta) -> list[Op]:
    return nightly(backed_up(), at=before(at, hours=5))


def steps() -> dict[timedelta, list[Op]]:
    """What happens between a collection and the one before it."""
    nights: dict[timedelta, list[Op]] = {
        at: _night(at) for at in COLLECTIONS if at not in (FIRST, TUESDAY_NIGHT)
    }
    happens: dict[timedelta, list[Op]] = {
        FIRST: beginning(),
        day(28): restart(PLATFORM_OPERATOR, "bgo-kiosk-04", at=before(day(28), hours=70)),
        day(24): [*_drill("r-lis-01", "r-lis-02", "r-lis-03", at=day(24), hours=40)],
        day(21): [_reachable(host_name(23), "notResponding"), *_unexplained()],
        day(17): _explained(),
        day(14): [
            _reachable(host_name(23), "connected"),
            change("tpl-win2022-bgo", {"config.modified": before(day(14), days=1)}),
            *restart(PLATFORM_OPERATOR, "bgo-kiosk-05", at=before(day(14), hours=11)),
        ],
        EMPTIED: [
            {"op": "vcenter_options", "options": {"vpxd.event.syslog.enabled": False}},
            signed_in(HENRIK, JUMP_HOST),
        ],
        day(10): [op for number in (21, 22) for op in _patched(number)],
        TUESDAY_EVENING: [
            signed_in(PLATFORM_OPERATOR, JUMP_HOST),
            *cdrom(HENRIK, "bgo-print-02", connected=True),
        ],
        YESTERDAY: [
            {
                "op": "vcenter_options",
                "options": {"VirtualCenter.VimPasswordExpirationInDays": 90},
            },
            *(refused(FORGOTTEN, "10.1.150.77") for _ in range(3)),
            *cdrom(HENRIK, "bgo-print-02", connected=False),
            *_drill("r-emar-01", "r-emar-02", at=YESTERDAY, hours=9),
        ],
        TODAY: [
            signed_in(PLATFORM_OPERATOR, JUMP_HOST),
            *restart(PLATFORM_OPERATOR, "bgo-kiosk-02", at=before(hours=7)),
            *restart(PLATFORM_OPERATOR, "bgo-print-01", at=before(hours=6)),
        ],
    }
    return {at: [*happens.get(at, []), *nights.get(at, [])] for at in COLLECTIONS}


def _reachable(host: str, state: str) -> Op:
    return {
        "op": "set",
        "type": "HostSystem",
        "match": {"exact": host},
        "values": {"runtime.connectionState": state},
    }


def _patched(number: int) -> list[Op]:
    """A host is patched: its machines stay on another meanwhile."""
    one = next(server for server in servers() if server.number == number)
    here = [machine.name for machine in machines() if machine.host == one.name]
    return [
        *moved(HENRIK, here, host_name(24)),
        configure(msgspec.structs.replace(one, version="8.0.3")),
        *moved(HENRIK, here, one.name),
    ]


def _drill(*names: str, at: timedelta, hours: int) -> list[Op]:
    """Machines of the recovery site are started again, to see that they do."""
    return [
        op
        for number, name in enumerate(names)
        for op in restart(CLINICAL_OPERATOR, name, at=before(at, hours=hours - number / 4))
    ]


def _unexplained() -> list[Op]:
    """For once vCenter withholds what the account may read: that run is partial."""
    return [
        {
            "op": "withhold",
            "type": "VirtualMachine",
            "match": {"name": "r-pacs-.*"},
            "paths": ["customValue"],
            "explained": False,
            "user": ACCOUNT,
        }
    ]


def _explained() -> list[Op]:
    return [{"op": "disclose", "type": "VirtualMachine", "match": {"name": "r-pacs-.*"}}]
