"""vc-oslo: what happens in five weeks, collection by collection."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec

from demo import access, people, site
from demo.deeds import (
    ASTRID,
    CLINICAL_OPERATOR,
    FORGOTTEN,
    HENRIK,
    JONAS,
    OLA,
    by,
    cdrom,
    console,
    granted,
    logging,
    moved,
    revoked,
    signed_in,
    signed_out,
)
from demo.hosts import ADMINISTRATORS, configure
from demo.machines import Machine, Op, change, create, named, nightly
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
from demo.oslo import (
    CLINICAL,
    DATACENTER,
    FINANCE,
    LABS,
    MACHINES,
    NEW_HOST,
    PLACES,
    PUBLIC,
    STORES,
    SWITCHES,
    WEB,
    host_name,
    port_groups,
)
from demo.oslo_start import backed_up, beginning, lagging, machines, server, servers
from demo.site import Store

NIGHT_DESK = "10.1.141.52"
WITHOUT_BACKUP = frozenset({"lis-db-02", "icu-mon-05"})  # out of the schedule since week three
UNREQUESTED = {  # system by name
    "test-jw": "debian12",
    "test-jw2": "debian12",
    "ubuntu-min-3": "ubuntu24",
    "win-srv-7": "win2019",
    "copy-of-web-cms-02": "ubuntu24",
    "minio-x": "rhel9",
}
RETIRED = ["web-redir-03", "web-redir-04", "lab-test-10", "train-08", "ward-vdi-14", "ci-08"]
PATCHED = [
    "bi-etl-01",
    "erp-app-01",
    "erp-app-03",
    "erp-app-04",
    "hr-app-01",
    "hr-app-02",
    "treasury-01",
]


def steps() -> dict[timedelta, list[Op]]:
    """What happens between a collection and the one before it."""
    happens = {
        FIRST: beginning(),
        day(28): _week_four(),
        day(24): _hardening(),
        day(21): _patch_day(),
        day(17): _night_shift(),
        day(14): _new_people(),
        day(12): _after_patch_day(),
        day(10): _contractor(),
        TUESDAY_EVENING: [service(2, "TSM-SSH", running=True), *console(ASTRID, "fin-ts-03")],
        TUESDAY_NIGHT: _move(),
        YESTERDAY: _yesterday(),
        TODAY: _today(),
    }
    return {at: [*happens[at], *_backup(at)] for at in COLLECTIONS}


def _backup(at: timedelta) -> list[Op]:
    if at in (FIRST, TUESDAY_NIGHT):  # the first is part of the beginning
        return []
    left_out = WITHOUT_BACKUP if at <= day(14) else frozenset()
    return nightly([name for name in backed_up() if name not in left_out], at=before(at, hours=5))


def _week_four() -> list[Op]:
    """Somebody is let in for a migration; a network is made in a hurry."""
    return [
        *granted(HENRIK, r"HALDEN\Domain Admins", "Admin"),
        *granted(HENRIK, r"HALDEN\Service Desk", "Machine console", f"/{DATACENTER}"),
        service(13, "TSM-SSH", running=True),
        shell_from(13, networks=[], enabled=True),
        *by(HENRIK, site.port_group(SWITCHES[1], "dmz-temp", 0)),
        *by(HENRIK, *(create(_staging(number)) for number in (1, 2))),
        updated(lagging()[::5]),
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
        created=before(day(28), days=2),
        secure_boot=True,
    )


def _hardening() -> list[Op]:
    """A good week: settings are put right."""
    return [
        service(13, "TSM-SSH", running=False),
        shell_from(13, networks=[ADMINISTRATORS], enabled=False),
        {"op": "host_lockdown", "host": host_name(8), "mode": "normal"},
        {
            "op": "extra_config",
            "vm": named("fin-ts-03"),
            "options": {"isolation.tools.paste.disable": None},
        },
        *cdrom(ASTRID, ["lab-poc-01", "path-scan-03"], connected=False),
        updated(lagging()[1::5]),
    ]


def _patch_day() -> list[Op]:
    """Snapshots before patches; machines retire; logs of a host lose their protection."""
    return [
        *(
            {"op": "destroy", "as": ASTRID, "target": {"type": "VirtualMachine", **named(name)}}
            for name in RETIRED
        ),
        service(2, "TSM-SSH", running=True),
        service(2, "TSM", running=True),
        {
            "op": "create_snapshot",
            "vm": named(PATCHED),
            "name": "before patch",
            "created_at": before(day(21), hours=3),
        },
        options(6, {"Syslog.global.logHost": "udp://log.halden.example:514"}),
        *granted(HENRIK, r"HALDEN\Web Operators", "File browser", f"/{DATACENTER}/datastore"),
    ]


def _night_shift() -> list[Op]:
    """The labs' switch stops reporting its traffic; a bridge is built for a test."""
    return [
        {
            "op": "set",
            "type": "DistributedVirtualSwitch",
            "match": {"exact": "dvs-labs"},
            "values": {"config.ipfixConfig": None},
        },
        port_security("lab-151", promiscuous=True),
        *logging(OLA, ["fin-ts-05", "hr-app-03"], enabled=False),
        updated(lagging()[2::5]),
    ]


def _new_people() -> list[Op]:
    """A host, a service account and a contractor arrive; two machines fall out of the backup."""
    return [
        *_new_host(),
        service(2, "TSM-SSH", running=False),
        service(2, "TSM", running=False),
        *granted(HENRIK, r"HALDEN\ext-nordkraft", "Host operator", f"/{DATACENTER}/host"),
        *granted(HENRIK, FORGOTTEN, "Admin", group=False),
        change(
            ["tpl-debian12", "tpl-rhel9", "tpl-ubuntu24", "tpl-win2022", "tpl-win11"],
            {"config.modified": before(day(14), days=1)},
        ),
        {"op": "remove_snapshots", "vm": named(sorted(WITHOUT_BACKUP))},
    ]


def _new_host() -> list[Op]:
    """A host for the clinical cluster; whoever set it up forgot where logs go."""
    name, switch = NEW_HOST, "dvs-clinical"
    new = msgspec.structs.replace(
        server(18, "OSL-Clinical", switch), options={"Syslog.global.logHost": ""}
    )
    return [
        _version("8.0.2"),  # the simulator cannot add a host beside newer ones
        {"op": "add_host", "name": name, "cluster": "OSL-Clinical", "switch": switch},
        *(_version(one.version, one.name) for one in servers()),
        configure(new),
        site.switch_members(switch, [*CLINICAL, name]),
        *(site.mounts(one) for one in STORES),
        site.host_sees(
            name,
            networks=port_groups(switch),
            datastores=[one.name for one in STORES if name in one.hosts],
        ),
        *moved(HENRIK, ("ehr-app-06", "ehr-web-03", "pacs-05", "dict-02", "ward-vdi-05"), name),
    ]


def _version(version: str, host: str = "") -> Op:
    chosen = {"match": {"exact": host}} if host else {}
    return {
        "op": "set",
        "type": "HostSystem",
        **chosen,
        "values": {"config.product.version": version},
    }


def _after_patch_day() -> list[Op]:
    return [
        {"op": "remove_snapshots", "vm": named(PATCHED[1:])},
        port_security("lab-151", promiscuous=False),
        *logging(ASTRID, "hr-app-03", enabled=True),
        updated(lagging()[3::5]),
    ]


def _contractor() -> list[Op]:
    """The contractor, who maintains hosts, is let into machines as well."""
    return [
        *revoked(ASTRID, r"HALDEN\Domain Admins"),
        *granted(HENRIK, r"HALDEN\ext-nordkraft", "Machine console", MACHINES),
        access.group("Service Desk", "ola.vik", "nina.haug", "kari.moen.ext"),
        {
            "op": "create_snapshot",
            "vm": named(["pharm-app-03", "file-02"]),
            "name": "before cleanup",
            "created_at": before(day(10), hours=30),
        },
    ]


def _move() -> list[Op]:
    """The payments database is moved to a web host while its own is serviced, and stays there."""
    return [
        site.mounts(Store("osl-finance-02", (*FINANCE, WEB[0]))),
        site.host_sees(
            WEB[0],
            networks=[*port_groups("dvs-business"), "dmz-temp"],
            datastores=["iso-library", "osl-finance-02", *PLACES[1].datastores],
        ),
        signed_in(OLA, NIGHT_DESK),
        *console(OLA, "db-pay-02"),
        *moved(OLA, ["db-pay-02"], WEB[0]),
        signed_out(OLA, NIGHT_DESK),
    ]


def _yesterday() -> list[Op]:
    """Machines that nobody asked for."""
    return [
        signed_in(FORGOTTEN, "10.1.150.77"),
        *by(FORGOTTEN, *(create(_unrequested(name)) for name in UNREQUESTED)),
        *cdrom(ASTRID, "bi-report-02", connected=False),
        {"op": "remove_snapshots", "vm": named(["file-02"])},
    ]


def _unrequested(name: str) -> Machine:
    number = list(UNREQUESTED).index(name)
    return Machine(
        name=name,
        host=LABS[0],
        folder=f"{MACHINES}/Labs",
        datastore="osl-labs-01",
        network="lab-150",
        system=UNREQUESTED[name],
        address=f"10.1.150.{200 + number}",
        created=before(YESTERDAY, hours=14 - 2 * number),
        secure_boot=True,
    )


def _today() -> list[Op]:
    """A restore that kept the address of its original, and what else a night brings."""
    original = next(one for one in machines() if one.name == "pacs-03")
    restored = msgspec.structs.replace(
        original,
        name="pacs-03-restored",
        mac=original.mac,
        created=before(TODAY, hours=9),
        annotation="Restored for comparison, remove after Friday.",
    )
    return [
        *by(ASTRID, create(restored)),
        *nightly([restored.name], at=before(TODAY, hours=5)),
        options(9, {"Syslog.global.logHost": "ssl://log-test.halden.example:6514"}),
        service(12, "ntpd", running=False),
        *granted(HENRIK, JONAS, "Machine console", f"{MACHINES}/Labs", group=False),
        signed_in(JONAS, "10.1.150.77"),
        *console(JONAS, "lab-ml-01"),
        port_security("web-app-131", promiscuous=True),
        change("ehr-app-07", {"guest.toolsVersionStatus2": "guestToolsTooOld"}),
        *cdrom(CLINICAL_OPERATOR, "pharm-app-01", connected=True),
        service(2, "TSM-SSH", running=False),
        {"op": "remove_snapshots", "vm": named(["bi-etl-01"])},
        updated(lagging()[4::10]),
    ]


# --- words -------------------------------------------------------------------------------------


def updated(names: list[str]) -> Op:
    return change(names, {"guest.toolsVersionStatus2": "guestToolsCurrent"})


def service(number: int, key: str, *, running: bool) -> Op:
    return {"op": "host_service", "host": host_name(number), "key": key, "running": running}


def shell_from(number: int, *, networks: list[str], enabled: bool) -> Op:
    """Who may reach the host's shell; no network means everybody."""
    return {
        "op": "host_firewall",
        "host": host_name(number),
        "rulesets": {"sshServer": {"enabled": enabled, "networks": networks}},
    }


def options(number: int, values: dict[str, Any]) -> Op:
    return {"op": "host_options", "host": host_name(number), "options": values}


def port_security(name: str, *, promiscuous: bool) -> Op:
    path = "config.defaultPortConfig.securityPolicy.allowPromiscuous"
    return {
        "op": "set",
        "type": "DistributedVirtualPortgroup",
        "match": {"exact": name},
        "values": {path: {"inherited": False, "value": promiscuous}},
    }
