"""Pages of assets whose platform said everything are readable by everybody, on any width."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Visit
from tests.inventory.pages.deep import deep_records

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_an_asset_that_tells_everything_is_accessible_and_fits(
    page: Page, visit: Visit, accessible: Callable[[Page], None]
) -> None:
    from tests.factories import SourceFactory
    from tests.inventory.pages.world import person, publish

    page.emulate_media(reduced_motion="reduce")  # a colour on its way is no colour
    source, now = SourceFactory(name="vc-deep"), datetime.now(UTC)
    assets = [publish(source, record, at=now) for record in deep_records()]
    analyst = person("analyst")

    for asset in assets:
        visit(f"/inventory/assets/{asset.pk}/", analyst)
        accessible(page)
        page.set_viewport_size({"width": 390, "height": 844})
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, asset.name
        page.set_viewport_size({"width": 1280, "height": 800})
