from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.inventory.pages.world import World


@pytest.fixture
def now() -> datetime:
    from django.utils import timezone

    return timezone.now()


@pytest.fixture
def world(db: None, now: datetime) -> World:
    # Not above: models can be imported only once Django is set up.
    from tests.inventory.pages import world as clinic

    return clinic.build(now=now)
