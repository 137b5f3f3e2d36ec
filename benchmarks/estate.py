"""A large estate in a database of its own, written by COPY: for benchmarks of pages and acts.

400,000 assets in 2,400,000 versions and 1,000,000 findings of ten sources and 200 teams, half of
the findings open; 50 people, of whom every second sees the teams they belong to; exceptions,
comments, labels, plans.
"""

from __future__ import annotations

import os
import random
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

SOURCES, TEAMS, PEOPLE, LABELS, WAIVERS = 10, 200, 50, 12, 400
VERSIONS = 6  # of each asset
MACHINE_SHARE = 0.9
TYPES = {"network": "standard", "datastore": "VMFS"}
DAY = timedelta(days=1)


@contextmanager
def database() -> Iterator[None]:
    """A PostgreSQL of this benchmark alone, with the settings of production, gone afterwards.

    With BENCH_DIR it is kept there and found again, so that a query can be studied.
    """
    from vmgov import keys, postgres

    kept = os.environ.get("BENCH_DIR")
    folder = Path(kept or tempfile.mkdtemp(prefix="vmgov-bench-", dir="/tmp"))  # short: for sockets
    folder.mkdir(exist_ok=True)
    folder.chmod(0o711)
    password = "benchmarks-only-on-a-socket" if kept else secrets.token_urlsafe(24)
    os.environ.update(
        DATABASE_URL=f"postgresql://{postgres.SUPERUSER}:{password}@/{postgres.DATABASE}"
        f"?host={postgres.socket_folder(folder)}",
        DJANGO_SETTINGS_MODULE="vmgov.settings",
        PUBLIC_URL="http://127.0.0.1:8000",
        ALLOWED_HOSTS="testserver",
        SECRET_KEY=secrets.token_urlsafe(48),
        TOKEN_PEPPER=secrets.token_urlsafe(48),
        CREDENTIAL_KEYS=keys.new_credential_key(),
        REQUIRE_SECOND_FACTOR="false",
        VAR_DIR=str(folder),
        LOG_LEVEL="ERROR",
    )
    server = postgres.Server(var_dir=folder, password=password, settings={"shared_buffers": "1GB"})
    server.start(bound_to_this_process=True)
    try:
        import django

        django.setup()
        _as_in_production()
        yield
    finally:
        server.stop()
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _as_in_production() -> None:
    from django.conf import settings
    from django.core.management import call_command

    settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = {"anon": None, "user": None}
    settings.STORAGES["staticfiles"]["BACKEND"] = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    call_command("migrate", verbosity=0)
    call_command("load_policies", verbosity=0)


def fill(*, findings: int, assets: int) -> None:
    """Write the estate unless it is there."""
    from django.apps import apps
    from django.core.management.color import no_style
    from django.db import connection

    from findings.models import Finding

    if Finding.objects.exists():
        return
    began = time.perf_counter()
    _people()
    with connection.cursor() as cursor:
        # What triggers would derive is written as it is, row by row they would take an hour.
        cursor.execute("SET session_replication_role = replica")
        _sources(cursor)
        _assets(cursor, assets)
        _findings(cursor, findings, assets)
        _waivers(cursor)
        cursor.execute("SET session_replication_role = origin")
        for statement in connection.ops.sequence_reset_sql(no_style(), apps.get_models()):
            cursor.execute(statement)
        cursor.execute("VACUUM ANALYZE")
    _rollup()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")  # as autovacuum does after so many changes
    print(f"{findings:,} findings on {assets:,} assets in {time.perf_counter() - began:.0f} s")


def _people() -> None:
    from accounts.models import RoleAssignment, Team, User
    from findings.models import Label

    teams = Team.objects.bulk_create(Team(name=f"Team {n:03}") for n in range(1, TEAMS + 1))
    Label.objects.bulk_create(Label(name=f"label {n}") for n in range(LABELS))
    roles = ("analyst", "remediator", "approver", "viewer", "operator")
    for n in range(PEOPLE):
        scoped = n % 2 == 1
        user = User.objects.create_user(f"person-{n}", scope="teams" if scoped else "all")
        RoleAssignment.objects.create(user=user, role=roles[n // 2 % 3 if scoped else n // 2 % 5])
        if scoped:
            user.teams.set(teams[n % TEAMS : n % TEAMS + 1 + n % 3])


def _sources(cursor: Any) -> None:
    cursor.execute(
        """INSERT INTO inventory_source (name, connector, platform, url, username, trust, trust_pem,
        attribute_mapping, interval_minutes, is_enabled, instance_uuid, product, warnings,
        created_at, complete_at, published_at, evaluated_at, judged_as, trusted_key)
        SELECT 'vc-' || n, 'vsphere', 'vsphere', 'https://vc/sdk', 'reader', 'system', '', '{}',
        60, true, 'uuid-' || n, '', '{}', now() - interval '400 days', now(), now(), now(), '', ''
        FROM generate_series(1, %s) n""",
        [SOURCES],
    )


def copy(cursor: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write rows by COPY."""
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as stream:
        for row in rows:
            stream.write_row(row)


def _assets(cursor: Any, assets: int) -> None:
    from accounts.models import Team
    from inventory.models import Source

    teams = list(Team.objects.order_by("pk").values_list("pk", flat=True))
    sources = list(Source.objects.order_by("pk").values_list("pk", flat=True))
    now = datetime.now(UTC)

    def rows() -> Iterator[tuple[Any, ...]]:
        for n in range(1, assets + 1):
            kind = kind_of(n)
            team = teams[n % len(teams)] if kind == "vm" else None
            first = now - (n % 400) * DAY
            changed = now - (now - first) / VERSIONS
            yield (
                n, sources[n % len(sources)], kind, f"uuid-{n}", f"{kind}-{n}", f"{kind}-{n:06}",
                _record(n, kind), f"{n:032x}", first, now, changed, 0, now, team,
            )  # fmt: skip

    copy(
        cursor,
        "inventory_asset",
        (
            "id",
            "source_id",
            "kind",
            "uid",
            "ref",
            "name",
            "record",
            "digest",
            "first_seen_at",
            "last_seen_at",
            "changed_at",
            "missed_runs",
            "evaluated_at",
            "team_id",
        ),
        rows(),
    )
    _versions(cursor)
    cursor.execute(
        "INSERT INTO inventory_searchentry (asset_id, terms, earlier)"
        " SELECT id, vmgov_terms(record), '' FROM inventory_asset"
    )


def _versions(cursor: Any) -> None:
    """What every asset has been: VERSIONS of them, each for as long as the others."""
    cursor.execute(
        """INSERT INTO inventory_assetversion (asset_id, record, digest, valid_from, valid_to)
        SELECT a.id,
               CASE WHEN n = %(last)s THEN a.record
                    ELSE a.record || jsonb_build_object('memory_mib', 1024 * (n + 1)) END,
               CASE WHEN n = %(last)s THEN a.digest ELSE md5(a.id || '-' || n) END,
               a.first_seen_at + n * lasted,
               CASE WHEN n < %(last)s THEN a.first_seen_at + (n + 1) * lasted END
        FROM (SELECT *, (now() - first_seen_at) / %(versions)s + interval '1 second' AS lasted
              FROM inventory_asset) a,
             generate_series(0, %(last)s) AS n""",
        {"last": VERSIONS - 1, "versions": VERSIONS},
    )


def kind_of(n: int) -> str:
    """Nine of ten are machines; the rest is what they run on."""
    return "vm" if n % 10 else ("network", "datastore", "host", "image")[n // 10 % 4]


def _record(n: int, kind: str) -> str:
    labels = ("public", "internal", "confidential", "patient data")
    extra = f', "type": "{TYPES[kind]}"' if kind in TYPES else ""
    extra += (
        f', "power_state": "on", "host_ref": "host-{n % 500}", "connection_state": "connected",'
        f' "classification": "{labels[n % 4]}", "criticality": "{("high", "low")[n % 2]}",'
        f' "owner": "owner-{n % 50}", "bios_uuid": "4212{n:028x}", "memory_mib": 8192,'
        f' "guest_hostname": "app-{n:06}.bench.example", "annotation": "Ask owner-{n % 50} before'
        f' anybody restarts it; it belongs to service {n % 997}.",'
        f' "nics": [{{"key": "4000", "mac": "{_mac(n)}", "network_ref": "network-10"}}],'
        f' "guest_nics": [{{"mac": "{_mac(n)}", "addresses": ["{_address(n)}"]}}]'
        if kind in ("vm", "image")
        else ""
    )
    return (
        f'{{"kind": "{kind}", "platform": "vsphere", "uid": "uuid-{n}", "ref": "{kind}-{n}",'
        f' "name": "{kind}-{n:06}"{extra}}}'
    )


def _mac(n: int) -> str:
    return ":".join(f"005056{n:06x}"[at : at + 2] for at in range(0, 12, 2))


def _address(n: int) -> str:
    return f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}"


def _findings(cursor: Any, findings: int, assets: int) -> None:
    from findings.priority import priority
    from inventory.models import Asset
    from policies.models import SeverityChoices
    from policies.registry import all_checks
    from policies.spec import Severity

    by_kind: dict[str, list[Any]] = {}
    for check in all_checks():
        by_kind.setdefault(check.kind.value, []).append(check)
    belongs = {
        pk: (source, team)
        for pk, source, team in Asset.objects.values_list("pk", "source_id", "team_id")
    }
    ranks = list(SeverityChoices.values)
    dice = random.Random(7)
    now = datetime.now(UTC)
    moves: list[tuple[Any, ...]] = []

    def rows() -> Iterator[tuple[Any, ...]]:
        for n in range(1, findings + 1):
            asset = 1 + n % assets
            checks = by_kind[kind_of(asset)]
            check = checks[n // assets % len(checks)]
            severity = check.severity.value
            level = priority(Severity(severity), 1 + asset % 3)
            opened = now - dice.random() * 300 * DAY
            is_open = _is_open(n)
            closed = None if is_open else opened + dice.random() * (now - opened)
            moves.append((n, opened, closed))
            source, team = belongs[asset]
            triage = ("new", "new", "new", "triaged", "in_progress", "awaiting_proof")[n // 2 % 6]
            yield (
                n, check.id, asset, source, team, str(n), "open" if is_open else "resolved",
                severity, ranks.index(severity),
                f"{kind_of(asset)}-{asset:06} is not as it should be in {n % 97} ways.",
                "this", "that", '{"age_days": 12, "snapshots": ["before update"]}', opened, opened,
                closed or now, closed, "" if is_open else "fixed", 0,
                opened + (30, 60, 120)[n % 3] * DAY, "", closed or opened, triage if is_open
                else "new", 1 + n % PEOPLE if n % 5 == 0 else None, level, False,
                opened if is_open and triage == "awaiting_proof" else None, 0, "",
            )  # fmt: skip

    copy(
        cursor,
        "findings_finding",
        (
            "id",
            "check_id",
            "asset_id",
            "source_id",
            "team_id",
            "key",
            "state",
            "severity",
            "severity_rank",
            "message",
            "seen",
            "expected",
            "evidence",
            "first_opened_at",
            "opened_at",
            "confirmed_at",
            "resolved_at",
            "resolution",
            "reopened_count",
            "due_at",
            "stale_reason",
            "updated_at",
            "triage",
            "assignee_id",
            "priority",
            "due_by_hand",
            "claimed_at",
            "version",
            "ticket",
        ),
        rows(),
    )
    copy(cursor, "findings_findingspell", ("finding_id", "opened_at", "closed_at"), moves)
    for kind, at in (("opened", 1), ("resolved", 2)):
        copy(
            cursor,
            "findings_findingevent",
            ("finding_id", "kind", "at", "message", "detail"),
            ((move[0], kind, move[at], "", "{}") for move in moves if move[at] is not None),
        )
    cursor.execute(
        "INSERT INTO findings_finding_labels (finding_id, label_id)"
        " SELECT id, 1 + id %% %s FROM findings_finding WHERE id %% 10 = 0",
        [LABELS],
    )
    cursor.execute(
        "INSERT INTO findings_comment (finding_id, by_id, at, text, mentions, earlier)"
        " SELECT id, 1 + id %% %s, now(), 'Looked at it.', '[]', '[]'"
        " FROM findings_finding WHERE id %% 20 = 0",
        [PEOPLE],
    )
    cursor.execute(
        "INSERT INTO policies_verdict (asset_id, check_id, outcome, reason, since)"
        " SELECT DISTINCT asset_id, check_id, 'fail', '', now() FROM findings_finding"
        " WHERE state = 'open'"
        " UNION ALL SELECT DISTINCT id, 'vm-tools-version', 'unknown', 'The platform did not say.',"
        " now() FROM inventory_asset WHERE kind = 'vm' AND id %% 11 = 0",
        [],
    )


def _is_open(n: int) -> bool:
    """Half of them, in stretches: of every source, team and kind some are open and some are not."""
    return n // 40 % 2 == 0


def _waivers(cursor: Any) -> None:
    """Exceptions in every state; those that were approved cover a hundred findings each."""
    cursor.execute(
        """INSERT INTO findings_waiver (scope, check_id, query, ground, reason, controls,
        control_check_id, evidence, due_after, status, requested_by_id, requested_at, decided_by_id,
        decided_at, decision, end_reason, starts_at, expires_at, asked_count, approved_count,
        at_most, gravest, version)
        SELECT 'query', '', 'severity=medium', 'accepted', 'The machines are replaced in May.', '',
        '', '', 'keep', CASE WHEN n %% 4 = 0 THEN 'requested' ELSE 'approved' END, 1, now(),
        CASE WHEN n %% 4 = 0 THEN NULL ELSE 5 END, CASE WHEN n %% 4 = 0 THEN NULL ELSE now() END,
        '', '', now() - (n %% 90 + 20) * interval '1 day',
        now() + (90 - n %% 100) * interval '1 day',
        100, CASE WHEN n %% 4 = 0 THEN NULL ELSE 100 END,
        CASE WHEN n %% 4 = 0 THEN NULL ELSE 120 END,
        CASE WHEN n %% 4 = 0 THEN NULL ELSE 2 END, 0 FROM generate_series(1, %s) n""",
        [WAIVERS],
    )
    cursor.execute(
        "INSERT INTO findings_waivercover (waiver_id, finding_id, since)"
        " SELECT w.id, f.id, now() FROM findings_waiver w JOIN findings_finding f"
        " ON f.state = 'open' AND f.id BETWEEN w.id * 200 AND w.id * 200 + 199"
        " WHERE w.status = 'approved'"
    )


def _rollup() -> None:
    """Count every source's day, as its last evaluation would have."""
    from findings.trends import rollup

    rollup.keep_all(now=datetime.now(UTC))
