from datetime import UTC, datetime, timedelta
from typing import Any

from inventory.records import Image
from tests.policies.builders import (
    NOW,
    an_image,
    excused,
    missing,
    passes,
    violations,
)

CHECK = "image-age"


def aged(**age: float) -> Image:
    return an_image(modified_at=NOW - timedelta(**age))


def test_a_fresh_image_passes():
    assert passes(CHECK, aged(days=1))


def test_exactly_the_allowed_age_passes_and_a_minute_more_fails():
    assert passes(CHECK, aged(days=30))
    assert violations(CHECK, aged(days=30, minutes=1))


def test_an_image_of_last_winter_fails():
    [violation] = violations(CHECK, aged(days=120))

    assert violation.message == "Image rhel9-base was last changed 120 days ago."


def test_an_old_image_that_was_refreshed_passes():
    assert passes(CHECK, an_image(created_at=NOW - timedelta(days=2000)))


def test_an_unread_date_and_the_platforms_zero_are_unknown():
    assert missing(CHECK, an_image(modified_at=None)) == "modified_at"
    assert missing(CHECK, an_image(modified_at=datetime(1970, 1, 1, tzinfo=UTC)))


def test_an_item_of_a_library_is_judged_where_it_is_a_machine():
    stored: dict[str, Any] = {
        "library_ref": "lib-1",
        "library_name": "Gold",
        "modified_at": NOW - timedelta(99),
    }
    [violation] = violations(CHECK, an_image(type="ovf", **stored))

    assert violation.evidence["library"] == "Gold"
    assert "type iso" in excused(CHECK, an_image(type="iso", **stored))
    assert "type vm-template" in excused(CHECK, an_image(type="vm-template", **stored))
