"""vc-oslo, production: clusters, networks, datastores and whose machines run where."""

from __future__ import annotations

from demo import people
from demo.machines import Line, Place
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
    Wires("dvs-labs", {"lab-150": 150, "lab-151": 151, "research-152": 152}),
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


def port_groups(switch: str) -> list[str]:
    return next(list(one.port_groups) for one in SWITCHES if one.name == switch)
