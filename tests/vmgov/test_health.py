"""Health tells the truth, to anybody."""

from typing import Any

import pytest
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from vmgov import health


@pytest.mark.django_db
def test_a_process_with_its_database_is_ready(client: Client):
    answer = client.get("/health/ready")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "failed": []}


@pytest.mark.django_db
def test_a_migration_to_apply_is_not_ready(client: Client, monkeypatch: pytest.MonkeyPatch):
    health._schema_is_current.cache_clear()
    applied = MigrationRecorder.applied_migrations

    def without_inventory(self: MigrationRecorder) -> Any:
        return {key: row for key, row in applied(self).items() if key[0] != "inventory"}

    monkeypatch.setattr(MigrationRecorder, "applied_migrations", without_inventory)

    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "failed": ["schema"]}


def test_what_fails_is_named_and_nothing_else_is_said(
    client: Client, monkeypatch: pytest.MonkeyPatch
):
    def down() -> bool:
        raise OSError("secret-host:5432 refused")

    monkeypatch.setitem(health.CHECKS, "database", down)
    monkeypatch.setitem(health.CHECKS, "schema", down)

    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "failed": ["database", "schema"]}


def test_a_live_process_answers_without_its_database(client: Client):
    assert client.get("/health/live").status_code == 200
