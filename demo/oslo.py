"""vc-oslo, production: what is there, and what happens to it in five weeks."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from demo import access, people, site
from demo.hosts import PortGroup, Server, configure, switch_uuid
from demo.machines import (
    Line,
    Machine,
    Op,
    Place,
    change,
    create,
    named,
    nightly,
    settle,
    template,
)
from demo.moments import (
    DAY_10,
    DAY_14,
    DAY_21,
    DAY_28,
    DAY_35,
    TODAY,
    TUESDAY_EVENING,
    TUESDAY_NIGHT,
    YESTERDAY,
    before,
)
from demo.site import Store, Wires

SEED = "halden-oslo"
INSTANCE = "5f3c1d0a-6f0e-4d0b-9d0e-0a51c0000001"
DATACENTER = "Oslo"
MACHINES = f"/{DATACENTER}/vm"
TEAMS = ("Clinical Apps", "Finance", "Web", "Platform", "Labs")
PATIENT, CONFIDENTIAL, PUBLIC, INTERNAL = "patient data", "confidential", "public", "internal"


def host_name(number: int) -> str:
    return f"esx-{number:02d}.oslo.halden.example"


def _range(first: int, last: int) -> tuple[str, ...]:
    return tuple(host_name(number) for number in range(first, last + 1))


CLINICAL, WEB, FINANCE, PLATFORM, LABS = (
    _range(1, 6),
    _range(7, 9),
    _range(10, 12),
    _range(13, 15),
    _range(16, 17),
)
EVERYWHERE = _range(1, 17)
NEW_HOST = host_name(18)  # joins the clinical cluster after three weeks

SWITCHES = (
    Wires(
        "dvs-clinical",
        {"clin-app-110": 110, "clin-db-111": 111, "clin-imaging-112": 112, "clin-ward-113": 113},
    ),
    Wires(
        "dvs-business",
        {
            "web-dmz-130": 130,
            "web-app-131": 131,
            "fin-app-120": 120,
            "fin-db-121": 121,
            "infra-140": 140,
            "infra-ops-141": 141,
            "legal-149": 149,
        },
    ),
    Wires("dvs-labs", {"lab-150": 150, "lab-151": 151, "research-152": 152}, watched=False),
)

PLACES = (
    Place(
        "OSL-Clinical",
        CLINICAL,
        ("osl-clinical-01", "osl-clinical-02", "osl-clinical-03"),
        f"{MACHINES}/Clinical Apps",
        "Clinical Apps",
        PATIENT,
        {
            "clin-app-110": "10.1.110.",
            "clin-db-111": "10.1.111.",
            "clin-imaging-112": "10.1.112.",
            "clin-ward-113": "10.1.113.",
        },
        (
            Line("ehr-app", 12, "win2022", "clin-app-110", people.AMUNDSEN, "high",
                 "Health record, application server.", 8, 32, (80, 120)),
            Line("ehr-db", 4, "rhel9", "clin-db-111", people.AMUNDSEN, "critical",
                 "Health record, database.", 16, 128, (80, 2000)),
            Line("ehr-web", 4, "rhel9", "clin-app-110", people.AMUNDSEN, "medium",
                 "Health record, web access for wards."),
            Line("pacs", 6, "win2022", "clin-imaging-112", people.BERGSTROM, "high",
                 "Picture archive, image server.", 8, 64, (100, 800)),
            Line("pacs-arch", 4, "rhel8", "clin-imaging-112", people.BERGSTROM, "medium",
                 "Picture archive, long-term store.", 4, 32, (80, 4000)),
            Line("ris-app", 4, "win2019", "clin-imaging-112", people.BERGSTROM, "medium",
                 "Radiology information system."),
            Line("ris-db", 2, "win2019", "clin-db-111", people.BERGSTROM, "high",
                 "Radiology information system, database.", 8, 64, (100, 600)),
            Line("lis-app", 4, "win2019", "clin-app-110", people.DAHL, "high",
                 "Laboratory information system."),
            Line("lis-db", 2, "rhel8", "clin-db-111", people.DAHL, "critical",
                 "Laboratory information system, database.", 8, 64, (80, 800)),
            Line("emar", 4, "win2022", "clin-app-110", people.FOSS, "critical",
                 "Medication administration record."),
            Line("hl7-gw", 4, "debian12", "clin-app-110", people.AMUNDSEN, "high",
                 "Message gateway between clinical systems."),
            Line("pharm-app", 4, "win2019", "clin-app-110", people.FOSS, "medium",
                 "Pharmacy ordering."),
            Line("pharm-db", 2, "rhel8", "clin-db-111", people.FOSS, "critical",
                 "Pharmacy ordering, database.", 8, 32, (80, 300)),
            Line("icu-mon", 6, "rhel8", "clin-ward-113", people.EIDE, "critical",
                 "Intensive care, central monitoring."),
            Line("ecg-store", 2, "win2016", "clin-ward-113", people.EIDE, "medium",
                 "Electrocardiogram store."),
            Line("onco-app", 4, "win2019", "clin-app-110", people.AMUNDSEN, "medium",
                 "Oncology treatment planning.", 8, 64, (100, 400)),
            Line("bloodbank", 2, "win2019", "clin-app-110", people.DAHL, "critical",
                 "Blood bank."),
            Line("dict", 4, "win2022", "clin-ward-113", people.EIDE, "low", "Dictation."),
            Line("path-scan", 4, "win2016", "clin-imaging-112", people.DAHL, "low",
                 "Pathology slide scanner.", 4, 16, (80, 500)),
            Line("dialysis", 2, "win2016", "clin-ward-113", people.EIDE, "medium",
                 "Dialysis therapy data."),
            Line("radio-ws", 8, "win11", "clin-imaging-112", people.BERGSTROM, "low",
                 "Reading station for radiologists.", 8, 32, (120,)),
            Line("ward-vdi", 14, "win11", "clin-ward-113", people.EIDE, "low",
                 "Desktop for wards.", 4, 8, (80,)),
            Line("clin-print", 2, "win2022", "clin-ward-113", people.OLSEN, "low",
                 "Label and wristband printing."),
        ),
    ),
    Place(
        "OSL-Web",
        WEB,
        ("osl-web-01", "osl-web-02"),
        f"{MACHINES}/Web",
        "Web",
        PUBLIC,
        {"web-dmz-130": "203.0.113.", "web-app-131": "10.1.131."},
        (
            Line("web-portal", 10, "debian12", "web-dmz-130", people.JOHNSEN, "medium",
                 "Patient portal, public front end. Holds no patient data."),
            Line("web-booking", 6, "debian12", "web-dmz-130", people.JOHNSEN, "medium",
                 "Appointment booking, front end."),
            Line("web-www", 4, "debian12", "web-dmz-130", people.JOHNSEN, "low",
                 "halden.example"),
            Line("web-cms", 4, "ubuntu24", "web-app-131", people.JOHNSEN, "low",
                 "Content management."),
            Line("wp-campaign", 4, "ubuntu24", "web-dmz-130", people.JOHNSEN, "low",
                 "Campaign pages."),
            Line("rev-proxy", 4, "debian12", "web-dmz-130", people.KVAM, "medium",
                 "Reverse proxy."),
            Line("api-gw", 4, "rhel9", "web-dmz-130", people.KVAM, "medium", "API gateway."),
            Line("web-cache", 6, "debian12", "web-app-131", people.KVAM, "low", "Cache."),
            Line("web-search", 3, "rhel9", "web-app-131", people.KVAM, "low", "Search."),
            Line("web-img", 3, "debian12", "web-app-131", people.KVAM, "low", "Image resizing."),
            Line("web-stats", 2, "ubuntu24", "web-app-131", people.KVAM, "low", "Statistics."),
            Line("mail-relay", 2, "debian12", "web-dmz-130", people.KVAM, "medium",
                 "Mail relay to the internet."),
            Line("web-redir", 4, "debian12", "web-dmz-130", people.KVAM, "low", "Redirects."),
        ),
    ),
    Place(
        "OSL-Finance",
        FINANCE,
        ("osl-finance-01", "osl-finance-02"),
        f"{MACHINES}/Finance",
        "Finance",
        CONFIDENTIAL,
        {"fin-app-120": "10.1.120.", "fin-db-121": "10.1.121."},
        (
            Line("db-pay", 4, "rhel9", "fin-db-121", people.GRAN, "critical",
                 "Payments, database.", 8, 64, (80, 600)),
            Line("pay-app", 4, "rhel9", "fin-app-120", people.GRAN, "medium", "Payments."),
            Line("pay-gw", 2, "rhel9", "fin-app-120", people.GRAN, "medium",
                 "Payment gateway to the bank."),
            Line("db-erp", 3, "rhel8", "fin-db-121", people.HAUGEN, "critical",
                 "Accounting, database.", 16, 128, (80, 1500)),
            Line("erp-app", 6, "win2019", "fin-app-120", people.HAUGEN, "medium",
                 "Accounting.", 8, 32, (100, 200)),
            Line("invoice-scan", 2, "win2016", "fin-app-120", people.HAUGEN, "low",
                 "Invoice scanning."),
            Line("bi-etl", 3, "rhel9", "fin-app-120", people.HAUGEN, "low", "Reporting, loads."),
            Line("bi-report", 3, "win2022", "fin-app-120", people.HAUGEN, "low", "Reporting."),
            Line("hr-app", 3, "win2022", "fin-app-120", people.IVERSEN, "medium",
                 "Human resources."),
            Line("hr-db", 2, "win2022", "fin-db-121", people.IVERSEN, "medium",
                 "Human resources, database."),
            Line("treasury", 2, "win2019", "fin-app-120", people.GRAN, "medium", "Treasury."),
            Line("fin-ts", 8, "win2022", "fin-app-120", people.HAUGEN, "low",
                 "Terminal server.", 8, 64, (120,)),
            Line("fin-archive", 2, "win2016", "fin-app-120", people.HAUGEN, "low",
                 "Archive of the former accounting system."),
        ),
    ),
    Place(
        "OSL-Platform",
        PLATFORM,
        ("osl-platform-01", "osl-platform-02"),
        f"{MACHINES}/Platform",
        "Platform",
        INTERNAL,
        {"infra-140": "10.1.140.", "infra-ops-141": "10.1.141."},
        (
            Line("dc", 4, "win2022", "infra-140", people.LUND, "critical", "Directory."),
            Line("dns", 2, "debian12", "infra-140", people.LUND, "high", "Name server."),
            Line("dhcp", 2, "debian12", "infra-140", people.LUND, "medium", "Address server."),
            Line("ca", 2, "win2022", "infra-140", people.LUND, "high", "Certificate authority."),
            Line("ntp", 2, "debian12", "infra-140", people.LUND, "medium", "Time server."),
            Line("log", 3, "rhel9", "infra-ops-141", people.MOEN, "medium",
                 "Log server.", 8, 32, (80, 3000)),
            Line("siem", 4, "rhel9", "infra-ops-141", people.MOEN, "medium",
                 "Security monitoring.", 16, 64, (80, 2000)),
            Line("mon", 4, "debian12", "infra-ops-141", people.MOEN, "low", "Monitoring."),
            Line("backup", 4, "win2022", "infra-ops-141", people.OLSEN, "medium", "Backup."),
            Line("git", 2, "debian12", "infra-ops-141", people.NYGARD, "medium", "Source code."),
            Line("ci", 8, "ubuntu24", "infra-ops-141", people.NYGARD, "low", "Build agent."),
            Line("k8s", 6, "rhel9", "infra-ops-141", people.NYGARD, "low", "Container node."),
            Line("patch", 2, "win2022", "infra-ops-141", people.OLSEN, "low", "Update server."),
            Line("print", 4, "win2016", "infra-140", people.OLSEN, "low", "Print server."),
            Line("file", 6, "win2019", "infra-140", people.OLSEN, "medium",
                 "File server.", 4, 16, (80, 4000)),
            Line("jump", 4, "win2022", "infra-ops-141", people.MOEN, "medium", "Jump host."),
            Line("vault", 2, "rhel9", "infra-ops-141", people.MOEN, "medium", "Secrets."),
            Line("av-mgr", 1, "win2019", "infra-ops-141", people.MOEN, "low", "Anti-malware."),
        ),
    ),
    Place(
        "OSL-Labs",
        LABS,
        ("osl-labs-01",),
        f"{MACHINES}/Labs",
        "Labs",
        INTERNAL,
        {"lab-150": "10.1.150.", "lab-151": "10.1.151."},
        (
            Line("lab-dev", 12, "ubuntu24", "lab-151", people.RUUD, "low", "Development."),
            Line("lab-test", 10, "debian12", "lab-151", people.RUUD, "low", "Test."),
            Line("lab-poc", 4, "win2019", "lab-151", people.RUUD, "low", "Proof of concept."),
            Line("lab-ml", 3, "ubuntu24", "lab-151", people.RUUD, "low",
                 "Model training.", 16, 128, (80, 1000)),
            Line("train", 8, "win11", "lab-150", people.STRAND, "low", "Training desktop."),
        ),
    ),
    Place(
        "OSL-Labs",
        LABS,
        ("osl-labs-02",),
        f"{MACHINES}/Labs/Research",
        "Labs",
        INTERNAL,
        {"research-152": "10.1.152."},
        (Line("research", 6, "rhel8", "research-152", people.RUUD, "low",
              "Study data, no names."),),
    ),
    Place(
        "OSL-Platform",
        PLATFORM[1:2],
        ("osl-platform-02",),
        f"{MACHINES}/Legal hold",
        "Platform",
        INTERNAL,
        {"legal-149": "10.1.149."},
        (Line("hold", 5, "win2019", "legal-149", people.LUND, "low", "Kept for a court."),),
    ),
)  # fmt: skip

STORES = (
    *(Store(name, (*CLINICAL, NEW_HOST)) for name in PLACES[0].datastores),
    *(Store(name, WEB) for name in PLACES[1].datastores),
    Store("osl-finance-01", FINANCE),
    Store("osl-finance-02", FINANCE),
    *(Store(name, PLATFORM) for name in PLACES[3].datastores),
    Store("osl-labs-01", LABS),
    Store("osl-labs-02", (*LABS, PLATFORM[2])),  # mounted for a copy, never unmounted
    Store("iso-library", (*EVERYWHERE, NEW_HOST), "NFS", 2),
)

# --- what is not as it should be, from the first day on ----------------------------------------

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


def _server(number: int, cluster: str, switch: str) -> Server:
    return Server(
        name=host_name(number),
        number=number,
        cluster=cluster,
        switch=switch,
        switch_uuid=switch_uuid(SEED, f"/{DATACENTER}/network/{switch}"),
        site=1,
    )


def servers() -> list[Server]:
    found = [
        *(_server(n, "OSL-Clinical", "dvs-clinical") for n in range(1, 7)),
        *(_server(n, "OSL-Web", "dvs-business") for n in range(7, 10)),
        *(_server(n, "OSL-Finance", "dvs-business") for n in range(10, 13)),
        *(_server(n, "OSL-Platform", "dvs-business") for n in range(13, 16)),
        *(_server(n, "OSL-Labs", "dvs-labs") for n in range(16, 18)),
    ]
    return [msgspec.structs.replace(one, **ODD_HOSTS.get(one.number, {})) for one in found]


ODD_HOSTS: dict[int, dict[str, object]] = {
    3: {"time_servers": ()},
    4: {"version": "8.0.2"},
    6: {"options": {"Syslog.global.logHost": "udp://log.halden.example:514"}},
    8: {"lockdown": "lockdownDisabled"},
    11: {"time_servers": ()},
    14: {"options": {"UserVars.ESXiShellInteractiveTimeOut": 0}},
    15: {"port_groups": (SHARED_NICS,)},
    16: {"model": "PowerEdge R740", "secure_boot": False, "memory_gib": 512},
    17: {"model": "PowerEdge R740", "secure_boot": False, "memory_gib": 512, "version": "8.0.2",
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
                created=before(DAY_35, days=400),
            ),
            modified=before(DAY_35, days=days),
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
    there = machines()
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
        access.grant(r"HALDEN\Night Shift", "Night shift (old)", f"/{DATACENTER}"),
        access.grant(r"HALDEN\Service Desk", "Machine console", f"/{DATACENTER}"),
        access.grant(r"HALDEN\Web Operators", "File browser", f"/{DATACENTER}/datastore"),
        *templates(),
        *(create(one) for one in there),
        *_sights(),
        *_forgotten(there),
        *nightly(backed_up(DAY_35), at=before(DAY_35, hours=5)),
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
            networks=[*_port_groups(server.switch), *(one.name for one in server.port_groups)],
            datastores=[one.name for one in STORES if server.name in one.hosts],
        )
        for server in servers()
    ] + [site.only_on("VM Network", ())]  # every simulated host comes with it


def _port_groups(switch: str) -> list[str]:
    return next(list(one.port_groups) for one in SWITCHES if one.name == switch)


def _forgotten(there: list[Machine]) -> list[Op]:
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
        },
        {
            "op": "withhold",
            "type": "VirtualMachine",
            "match": {"name": "research-.*"},
            "paths": ["config.extraConfig", "config.hardware.device"],
            "explained": True,
        },
    ]


# --- what happens ------------------------------------------------------------------------------

WITHOUT_BACKUP = frozenset({"lis-db-02", "icu-mon-05"})  # taken out of the schedule in week three
ADDED_TO_LABS = (
    "test-jw",
    "test-jw2",
    "ubuntu-min-3",
    "win-srv-7",
    "copy-of-web-cms-02",
    "minio-x",
)
RETIRED = ("web-redir-03", "web-redir-04", "lab-test-10", "train-08", "ward-vdi-14", "ci-08")
PATCHED = (
    "erp-app-01",
    "erp-app-03",
    "erp-app-04",
    "hr-app-01",
    "hr-app-02",
    "treasury-01",
    "bi-etl-01",
)


def backed_up(at: timedelta) -> list[str]:
    """The machines the backup visited in the night before a collection."""
    left_out = WITHOUT_BACKUP if at <= DAY_14 else frozenset()
    return [one.name for one in machines() if one.visited_nightly and one.name not in left_out]


def lagging() -> list[str]:
    """Machines whose guest tools are out of date on the first day."""
    return [one.name for one in machines() if one.tools == "guestToolsNeedUpgrade"]


def updated(names: list[str]) -> Op:
    return change(names, {"guest.toolsVersionStatus2": "guestToolsCurrent"})


def steps() -> dict[timedelta, list[Op]]:
    """What happens between a collection and the one before it."""
    return {
        DAY_35: beginning(),
        DAY_28: _day_28(),
        DAY_21: _day_21(),
        DAY_14: _day_14(),
        DAY_10: _day_10(),
        TUESDAY_EVENING: _tuesday_evening(),
        TUESDAY_NIGHT: _tuesday_night(),
        YESTERDAY: _yesterday(),
        TODAY: _today(),
    }


def _night(at: timedelta) -> list[Op]:
    return nightly(backed_up(at), at=before(at, hours=5))


def _day_28() -> list[Op]:
    business = SWITCHES[1]
    return [
        access.grant(r"HALDEN\Domain Admins", "Admin"),
        _service(13, "TSM-SSH", running=True),
        site.port_group(business, "dmz-temp", 0),
        *(create(_staging(number)) for number in (1, 2)),
        updated(lagging()[::4]),
        *_night(DAY_28),
    ]


def _staging(number: int) -> Machine:
    return Machine(
        name=f"web-stage-{number:02d}",
        host=WEB[number],
        folder=f"{MACHINES}/Web",
        datastore="osl-web-01",
        network="dmz-temp",
        classification=PUBLIC,
        owner=people.KVAM,
        criticality="low",
        team="Web",
        request=f"CHG-2025-88{number}0",
        annotation="Staging for the new portal; network is temporary.",
        address=f"198.51.100.{number + 9}",
        created=before(DAY_28, days=2),
        secure_boot=True,
    )


def _day_21() -> list[Op]:
    return [
        {"op": "destroy", "target": {"type": "VirtualMachine", **named(list(RETIRED))}},
        _service(13, "TSM-SSH", running=False),
        _service(2, "TSM-SSH", running=True),
        _service(2, "TSM", running=True),
        {
            "op": "create_snapshot",
            "vm": named(list(PATCHED)),
            "name": "before patch",
            "created_at": before(DAY_21, hours=3),
        },
        *_night(DAY_21),
    ]


def _day_14() -> list[Op]:
    return [
        *_new_host(),
        _service(2, "TSM-SSH", running=False),
        _service(2, "TSM", running=False),
        {"op": "host_lockdown", "host": host_name(8), "mode": "normal"},
        access.grant(r"HALDEN\ext-nordkraft", "Host operator", f"/{DATACENTER}/host"),
        access.grant(r"HALDEN\svc-backup-old", "Admin", group=False),
        _refreshed(DAY_14),
        {"op": "remove_snapshots", "vm": named(sorted(WITHOUT_BACKUP))},
        updated(lagging()[1::4]),
        *_night(DAY_14),
    ]


def _refreshed(at: timedelta) -> Op:
    fresh = ["tpl-debian12", "tpl-rhel9", "tpl-ubuntu24", "tpl-win2022", "tpl-win11"]
    return change(fresh, {"config.modified": before(at, days=1)})


def _new_host() -> list[Op]:
    """A host for the clinical cluster; whoever set it up forgot where logs go."""
    name, switch = NEW_HOST, "dvs-clinical"
    new = msgspec.structs.replace(
        _server(18, "OSL-Clinical", switch), options={"Syslog.global.logHost": ""}
    )
    mounted = [one for one in STORES if name in one.hosts]
    return [
        _version("8.0.2"),  # the simulator cannot add a host beside newer ones
        {"op": "add_host", "name": name, "cluster": "OSL-Clinical", "switch": switch},
        *(_version(one.version, one.name) for one in servers()),
        configure(new),
        site.switch_members(switch, [*CLINICAL, name]),
        *(site.mounts(one) for one in STORES),
        site.host_sees(
            name,
            networks=SWITCHES[0].port_groups,
            datastores=[one.name for one in mounted],
        ),
        *(
            {"op": "migrate", "vm": vm, "host": name}
            for vm in ("ehr-app-06", "ehr-web-03", "pacs-05", "dict-02", "ward-vdi-05")
        ),
    ]


def _version(version: str, host: str = "") -> Op:
    match = {"match": {"exact": host}} if host else {}
    return {
        "op": "set",
        "type": "HostSystem",
        **match,
        "values": {"config.product.version": version},
    }


def _day_10() -> list[Op]:
    return [
        access.revoke(r"HALDEN\Domain Admins"),
        access.grant(r"HALDEN\ext-nordkraft", "Machine console", MACHINES),
        {"op": "remove_snapshots", "vm": named(list(PATCHED[:5]))},
        updated(lagging()[2::4]),
        *_night(DAY_10),
    ]


def _tuesday_evening() -> list[Op]:
    return [
        _service(2, "TSM-SSH", running=True),
        *_night(TUESDAY_EVENING),
    ]


def _tuesday_night() -> list[Op]:
    """The payments database is moved to a web host while its own is serviced, and stays there."""
    return [
        site.mounts(Store("osl-finance-02", (*FINANCE, WEB[0]))),
        site.host_sees(
            WEB[0],
            networks=_port_groups("dvs-business"),
            datastores=["iso-library", "osl-finance-02", *PLACES[1].datastores],
        ),
        {"op": "migrate", "vm": "db-pay-02", "host": WEB[0], "as": "HALDEN\\nightshift"},
    ]


def _yesterday() -> list[Op]:
    return [
        *(create(_unrequested(number, name)) for number, name in enumerate(ADDED_TO_LABS)),
        change(
            ["bi-report-02", "invoice-scan-01"],
            {"config.hardware.device[_typeName=VirtualCdrom].connectable.connected": False},
        ),
        *_night(YESTERDAY),
    ]


def _unrequested(number: int, name: str) -> Machine:
    return Machine(
        name=name,
        host=LABS[0],
        folder=f"{MACHINES}/Labs",
        datastore="osl-labs-01",
        network="lab-150",
        system=("debian12", "debian12", "ubuntu24", "win2019", "ubuntu24", "rhel9")[number],
        address=f"10.1.150.{200 + number}",
        created=before(YESTERDAY, days=1, hours=2 + number),
        secure_boot=True,
    )


def _today() -> list[Op]:
    original = next(one for one in machines() if one.name == "pacs-03")
    restored = msgspec.structs.replace(
        original,
        name="pacs-03-restored",
        mac=original.mac,
        created=before(TODAY, hours=30),
        annotation="Restored for comparison, remove after Friday.",
    )
    return [
        create(restored),
        {
            "op": "host_options",
            "host": host_name(9),
            "options": {"Syslog.global.logHost": "ssl://log-test.halden.example:6514"},
        },
        _service(12, "ntpd", running=False),
        access.grant(r"HALDEN\jonas.weil.ext", "Machine console", f"{MACHINES}/Labs", group=False),
        {
            "op": "set",
            "type": "DistributedVirtualPortgroup",
            "match": {"exact": "web-app-131"},
            "values": {
                "config.defaultPortConfig.securityPolicy.allowPromiscuous": {
                    "inherited": False,
                    "value": True,
                }
            },
        },
        change("ehr-app-07", {"guest.toolsVersionStatus2": "guestToolsTooOld"}),
        _service(2, "TSM-SSH", running=False),
        {"op": "remove_snapshots", "vm": named(["bi-etl-01"])},
        *nightly([*backed_up(TODAY), restored.name], at=before(TODAY, hours=5)),
    ]


def _service(number: int, key: str, *, running: bool) -> Op:
    return {"op": "host_service", "host": host_name(number), "key": key, "running": running}
