"""What all tests with a simulator share: seconds stand for hours."""

import pytest
from django.conf import LazySettings


@pytest.fixture(autouse=True)
def retired_at_the_second_miss(settings: LazySettings) -> None:
    """However soon it comes after the first."""
    settings.RETIRE_AFTER_INTERVALS = 0
