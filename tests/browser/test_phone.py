"""On a phone nothing has to be pushed sideways to be read or filled in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import Visit

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

    from tests.inventory.pages.world import World

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

UNFOLD = "document.querySelectorAll('main details').forEach(each => { each.open = true })"
PHONE: ViewportSize = {"width": 390, "height": 844}
# What is wider than the place it has: the page itself, a form of filters, a table.
CUT = """() => [document.documentElement, ...document.querySelectorAll('.v-filters, .v-table-wrap')]
    .filter(each => each.scrollWidth > each.clientWidth + 1)
    .map(each => each.getAttribute('aria-label') || each.innerText.slice(0, 60))"""


@pytest.fixture
def estate() -> World:
    from tests.inventory.pages.world import build

    return build(now=datetime.now(UTC))


def test_lists_and_questions_fit(page: Page, visit: Visit, estate: World) -> None:
    from tests.inventory.pages.world import person

    page.set_viewport_size(PHONE)
    analyst = person("analyst")
    machine, host = estate["db-pay-02"].pk, estate["esx-01"].pk

    for address in (
        "/inventory/vms/",
        "/inventory/images/",
        "/inventory/access/",
        "/inventory/addresses/",
        "/inventory/events/",
        "/inventory/changes/?from=2020-01-01",
        f"/inventory/assets/{machine}/",
        f"/inventory/assets/{machine}/neighbours/",
        f"/inventory/assets/{machine}/neighbours/?by=administrator",
        f"/inventory/assets/{machine}/difference/?from=2020-01-01",
        f"/inventory/assets/{host}/ran/",
        f"/inventory/assets/{estate['vc-oslo'].pk}/",
        f"/sources/{estate.source.pk}/",
        f"/sources/runs/{estate.source.runs.latest('pk').pk}/",
    ):
        visit(address, analyst)
        page.evaluate(UNFOLD)
        assert page.evaluate(CUT) == [], address


def test_the_filters_of_a_list_are_folded_until_somebody_wants_them(
    page: Page, visit: Visit, estate: World
) -> None:
    from tests.inventory.pages.world import person

    page.set_viewport_size(PHONE)
    visit("/inventory/vms/", person("analyst"))
    owner = page.locator("select[name=owner]")
    assert owner.is_hidden()

    page.get_by_text("More filters").click()
    assert owner.is_visible()

    owner.select_option("none")
    page.wait_for_url("**owner=none**")
    assert owner.is_visible()
    page.reload()
    assert owner.is_visible()  # what the list is narrowed by is not folded away


def test_on_a_wide_window_every_filter_is_in_sight(page: Page, visit: Visit, estate: World) -> None:
    from tests.inventory.pages.world import person

    visit("/inventory/vms/", person("analyst"))

    assert page.locator("select[name=owner]").is_visible()
    assert page.get_by_text("More filters").is_hidden()
