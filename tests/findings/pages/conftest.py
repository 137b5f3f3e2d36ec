"""Somebody who looks at pages, and an estate to look at.

Models are imported late: pytest may read this file before Django is configured.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from django.test import Client

    from inventory.models import Source


@pytest.fixture
def analyst(db: None) -> Client:
    from tests.factories import UserFactory
    from tests.findings.pages.visitors import signed_in

    return signed_in(UserFactory(username="ingrid", roles=["analyst"]))


@pytest.fixture
def halden(db: None) -> list[Source]:
    """The estate, as of now: pages count from the clock."""
    from tests.findings import estate

    return estate.build(now=datetime.now(UTC), machines=25, hosts=4)
