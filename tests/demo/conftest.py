"""The demo estate, loaded once for all tests of this folder's modules that ask for it."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.core.management import call_command
from django.db import transaction
from pytest_django.plugin import DjangoDbBlocker

NOW = datetime(2026, 6, 11, 9, 30, tzinfo=UTC)  # a Thursday


@pytest.fixture(scope="module")
def estate(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[datetime]:
    """Load the demo as if it were `NOW`, and take it away after the module's last test."""
    from audit import trail
    from vmgov import demo

    with django_db_blocker.unblock(), transaction.atomic():
        call_command("load_policies", verbosity=0)
        with trail.origin(trail.Origin(via="command")):
            demo.load(now=NOW)
        yield NOW
        transaction.set_rollback(True)
