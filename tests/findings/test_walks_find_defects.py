"""Defects are planted, and random walks have to find them: what finds nothing proves nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db.backends.utils import CursorWrapper
from django.db.models import Q

from findings import querysets
from findings.models import Waiver
from findings.waivers import acting, deciding
from tests.findings.test_random_walk import walk
from tests.findings.walking.steps import walk_of


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def found(steps: int = 500) -> str:
    """What a few walks find wrong; empty if nothing."""
    for seed in range(6):
        if problem := walk(walk_of(seed, steps))[2]:
            return problem
    return ""


@pytest.mark.django_db
def test_four_eyes_missing_in_the_code(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(deciding, "not_theirs", lambda waiver, person: "")

    assert "IntegrityError" in found()


def test_four_eyes_missing_in_the_database(superuser: CursorWrapper):
    superuser.execute("ALTER TABLE findings_waiver DROP CONSTRAINT waiver_four_eyes")
    superuser.execute("DROP TRIGGER findings_guard_waiver ON findings_waiver")

    assert "the database let" in found()


@pytest.mark.django_db
def test_an_end_that_waits_for_a_job(monkeypatch: pytest.MonkeyPatch):
    def by_a_flag(prefix: str = "", **_: Any) -> Q:
        return Q(**{f"{prefix}status": "approved", f"{prefix}lapsed_since__isnull": True})

    monkeypatch.setattr(querysets, "effective", by_a_flag)

    assert "hidden" in found()


@pytest.mark.django_db
def test_a_version_that_nobody_looks_at(monkeypatch: pytest.MonkeyPatch):
    def hold(waiver_id: int, *, version: int, by: Any) -> Waiver:
        Waiver.objects.visible_to(by).get(pk=waiver_id)
        return Waiver.objects.select_for_update(no_key=True).get(pk=waiver_id)

    monkeypatch.setattr(acting, "hold", hold)

    assert "on another version" in found()


@pytest.mark.django_db
def test_an_act_that_is_not_in_the_audit_log(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(deciding, "_record", lambda *_, **__: None)

    assert "audit log" in found()
