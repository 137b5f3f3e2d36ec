"""How long pages and the API take with 100,000 findings, beside the smallest page there is.

Run `python -m benchmarks.pages [findings]`. The database is a temporary one; data is made by SQL.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REQUESTS = 40
FINDINGS_PER_MACHINE = 5
TEAMS = 20
SOURCES = 4


def main(findings: int) -> None:
    from vmgov import keys, postgres

    folder = Path(tempfile.mkdtemp(prefix="vmgov-bench-", dir="/tmp"))  # short: for sockets
    folder.chmod(0o711)
    password = secrets.token_urlsafe(24)
    os.environ.update(
        DATABASE_URL=f"postgresql://{postgres.SUPERUSER}:{password}@/{postgres.DATABASE}"
        f"?host={postgres.socket_folder(folder)}",
        DJANGO_SETTINGS_MODULE="vmgov.settings",
        PUBLIC_URL="http://127.0.0.1:8000",
        ALLOWED_HOSTS="testserver",
        SECRET_KEY=secrets.token_urlsafe(48),
        TOKEN_PEPPER=secrets.token_urlsafe(48),
        CREDENTIAL_KEYS=keys.new_credential_key(),
        VAR_DIR=str(folder),
        LOG_LEVEL="ERROR",
    )
    server = postgres.Server(var_dir=folder, password=password)
    server.start(bound_to_this_process=True)
    try:
        _measure(findings)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def _measure(findings: int) -> None:
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import call_command

    settings.REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = {"anon": None, "user": None}
    settings.STORAGES["staticfiles"]["BACKEND"] = (
        "django.contrib.staticfiles.storage.StaticFilesStorage"
    )
    call_command("migrate", verbosity=0)
    call_command("load_policies", verbosity=0)
    made = _fill(findings)
    people = {name: _client(name) for name in ("everything", "team")}
    cases = _cases(made, people["everything"])
    floor = _timed(lambda: people["everything"].get("/health/live"))[0]
    print(f"{'request':<44}{'median':>10}{'p95':>10}{'p95 / floor':>13}{'queries':>9}")
    for label, address in cases:
        for person, client in people.items():
            median, p95, queries = _case(client, address)
            print(
                f"{f'{label} ({person})':<44}{median * 1000:>7.1f} ms{p95 * 1000:>7.1f} ms"
                f"{p95 / floor:>12.0f}x{queries:>9}"
            )


def _cases(made: dict[str, int], client: Any) -> list[tuple[str, str]]:
    deep = "/api/v1/findings/?page_size=100"
    for _ in range(20):
        deep = client.get(deep).json()["next"].partition("testserver")[2]
    return [
        ("overview", "/"),
        ("findings", "/findings/"),
        ("findings, three filters", "/findings/?severity=high&kind=vm&classification=internal"),
        ("findings, text", "/findings/?q=web-77"),
        ("a finding", f"/findings/{made['finding']}/"),
        ("machines", "/inventory/vms/"),
        ("a machine", f"/inventory/assets/{made['asset']}/"),
        ("API findings", "/api/v1/findings/"),
        ("API findings, filtered", "/api/v1/findings/?severity=high&state=open"),
        ("API findings, page 21", deep),
        ("API assets", "/api/v1/assets/?kind=vm"),
    ]


def _client(name: str) -> Any:
    from django.test import Client

    from accounts.models import RoleAssignment, Team, User

    user = User.objects.create_user(name, scope="all" if name == "everything" else "teams")
    RoleAssignment.objects.create(user=user, role="analyst")
    if name == "team":
        user.teams.add(Team.objects.order_by("id")[0])
    client = Client(raise_request_exception=True)
    client.force_login(user)
    return client


def _case(client: Any, address: str) -> tuple[float, float, int]:
    from django.db import connection

    queries = 0

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    def ask() -> None:
        answer = client.get(address)
        content = b"".join(answer) if answer.streaming else answer.content
        # A team's member may not see the one finding or machine: that answer counts too.
        assert answer.status_code in (200, 404), (address, answer.status_code)
        assert content

    ask()
    with connection.execute_wrapper(count):
        ask()
    median, p95 = _timed(ask)
    return median, p95, queries


def _timed(call: Callable[[], object]) -> tuple[float, float]:
    taken = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    taken.sort()
    return taken[len(taken) // 2], taken[int(len(taken) * 0.95)]


def _fill(findings: int) -> dict[str, int]:
    from django.db import connection

    from inventory.records import Kind
    from policies.registry import all_checks

    checks = [check.id for check in all_checks() if check.kind is Kind.VM]
    names: dict[str, Any] = {
        "machines": findings // FINDINGS_PER_MACHINE,
        "per_machine": FINDINGS_PER_MACHINE,
        "sources": SOURCES,
        "teams": TEAMS,
        "checks": checks,
    }
    with connection.cursor() as cursor:
        for statement in FILL.split(";"):
            if statement.strip():
                cursor.execute(statement, names)
        cursor.execute("SELECT min(id), min(asset_id) FROM findings_finding")
        finding, asset = cursor.fetchone()
    return {"finding": finding, "asset": asset}


FILL = """
INSERT INTO accounts_team (name) SELECT 'Team ' || n FROM generate_series(1, %(teams)s) n;

INSERT INTO inventory_source (name, connector, platform, url, username, trust, trust_pem,
    attribute_mapping, interval_minutes, is_enabled, instance_uuid, product, warnings, created_at,
    complete_at, published_at, evaluated_at, judged_as)
SELECT 'vc-' || n, 'vsphere', 'vsphere', 'https://vc/sdk', 'reader', 'system', '', '{}', 60, true,
    'uuid-' || n, '', '{}', now(), now(), now(), now(), ''
FROM generate_series(1, %(sources)s) n;

INSERT INTO inventory_asset (source_id, kind, uid, ref, name, record, digest, first_seen_at,
    last_seen_at, changed_at, missed_runs, evaluated_at, team_id)
SELECT s.id, 'vm', 'uuid-' || n, 'vm-' || n, 'web-' || n,
    jsonb_build_object('kind', 'vm', 'platform', 'vsphere', 'uid', 'uuid-' || n, 'ref', 'vm-' || n,
        'name', 'web-' || n, 'power_state', 'on', 'host_ref', 'host-' || n %% 500,
        'connection_state', 'connected', 'nics', '[]'::jsonb, 'snapshots', '[]'::jsonb,
        'classification', (ARRAY['public', 'internal', 'confidential'])[1 + n %% 3],
        'owner', 'owner-' || n %% 50, 'criticality', 'low'),
    md5(n::text), now() - interval '90 days', now(), now(), 0, now(), t.id
FROM generate_series(1, %(machines)s) n
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS at FROM inventory_source) s
  ON s.at = 1 + n %% %(sources)s
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS at FROM accounts_team) t
  ON t.at = 1 + n %% %(teams)s;

INSERT INTO inventory_assetversion (asset_id, record, digest, valid_from)
SELECT id, record, digest, first_seen_at FROM inventory_asset;

INSERT INTO findings_finding (check_id, asset_id, key, state, severity, severity_rank, message,
    seen, expected, evidence, first_opened_at, opened_at, confirmed_at, resolved_at, resolution,
    reopened_count, due_at, stale_reason, updated_at)
SELECT (%(checks)s::text[])[1 + (a.id + k) %% array_length(%(checks)s::text[], 1)], a.id, k::text,
    CASE WHEN (a.id + k) %% 10 = 0 THEN 'resolved' ELSE 'open' END,
    (ARRAY['critical', 'high', 'medium', 'low', 'info'])[1 + (a.id + k) %% 5], (a.id + k) %% 5,
    a.name || ' is not as it should be.', 'this', 'that', '{}',
    now() - (a.id %% 90) * interval '1 day', now() - (a.id %% 90) * interval '1 day', now(),
    CASE WHEN (a.id + k) %% 10 = 0 THEN now() - (a.id %% 30) * interval '1 day' END,
    CASE WHEN (a.id + k) %% 10 = 0 THEN 'fixed' ELSE '' END, 0,
    now() + (a.id %% 60 - 20) * interval '1 day', '', now() - (a.id %% 5) * interval '1 hour'
FROM inventory_asset a CROSS JOIN generate_series(1, %(per_machine)s) k;

INSERT INTO findings_findingevent (finding_id, kind, at, message, detail)
SELECT id, 'opened', opened_at, message, '{}' FROM findings_finding;

INSERT INTO policies_verdict (asset_id, check_id, outcome, reason, since)
SELECT DISTINCT asset_id, check_id, 'fail', '', now() FROM findings_finding WHERE state = 'open';

ANALYZE
"""

if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
