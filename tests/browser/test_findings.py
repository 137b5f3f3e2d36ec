"""Overview and findings in a browser: nothing refused, nothing out of reach, keys that work."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.factories import AssetFactory, FindingFactory, UserFactory
from tests.findings import estate

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Visit = Callable[..., Page]
Accessible = Callable[[Page], None]


@pytest.fixture
def analyst() -> User:
    person: User = UserFactory(username="ingrid", full_name="Ingrid Solberg", roles=["analyst"])
    return person


@pytest.fixture
def halden() -> None:
    estate.build(now=datetime.now(UTC), machines=12, hosts=3)


def test_nothing_is_wider_than_a_phone(visit: Visit, analyst: User, halden: None) -> None:
    for path in ("/", "/findings/", "/findings/checks/", "/search/?q=esx"):
        page = visit(path, analyst)
        page.set_viewport_size({"width": 390, "height": 844})
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0, path


def test_a_click_opens_the_drawer_and_escape_closes_it(
    visit: Visit, accessible: Accessible, analyst: User, halden: None
) -> None:
    page = visit("/findings/", analyst)

    page.locator("tr[data-row] td:nth-child(2)").first.click()
    expect(page.locator("#drawer")).to_be_visible()
    expect(page.locator("#drawer")).to_contain_text("Why it matters")
    accessible(page)

    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_hidden()


def test_what_is_done_in_the_drawer_is_seen_in_the_row_behind_it(
    visit: Visit, analyst: User, halden: None
) -> None:
    page = visit("/findings/", analyst)
    row, other = page.locator("tr[data-row]").nth(0), page.locator("tr[data-row]").nth(1)
    row.locator("input[type=checkbox]").check()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    drawer = page.locator("#drawer")
    expect(row).to_contain_text("New")
    before = other.inner_text()

    drawer.get_by_role("button", name="Triaged").click()
    expect(row).to_contain_text("Triaged")
    drawer.get_by_role("button", name="Assign to me").click()
    expect(row).to_contain_text("Ingrid Solberg")

    expect(row.locator("input[type=checkbox]")).to_be_checked()
    expect(row).to_have_class(re.compile("is-current"))
    assert other.inner_text() == before
    page.keyboard.press("Escape")
    expect(row.locator("a[data-open]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(drawer).to_contain_text("Ingrid Solberg")


def test_the_row_of_a_group_follows_as_well(visit: Visit, analyst: User, halden: None) -> None:
    page = visit("/findings/?group=statement", analyst)
    page.locator("tr[data-row] a[data-open]").first.click()
    row = page.locator(".v-group-rows tr[data-row]").first
    row.locator("a[data-open]").click()

    page.locator("#drawer").get_by_role("button", name="Triaged").click()

    expect(row).to_contain_text("Triaged")


def test_keys_move_open_and_search(visit: Visit, analyst: User, halden: None) -> None:
    page = visit("/findings/", analyst)

    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tr[data-row]").nth(1)).to_have_class(re.compile("is-current"))
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    expect(page.locator("#drawer")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page).to_have_url(re.compile(r"/$"))


def test_filters_change_the_list_the_address_and_go_back(
    visit: Visit, analyst: User, halden: None
) -> None:
    page = visit("/findings/", analyst)
    before = page.locator("#findings .v-sentence").inner_text()

    page.select_option("#filter-severity", "high")
    expect(page).to_have_url(re.compile(r"severity=high"))
    expect(page.locator(".v-filter-chip")).to_have_count(2)
    expect(page.locator("#findings .v-sentence")).not_to_have_text(before)

    page.get_by_role("link", name="Remove this filter").last.click()
    expect(page.locator(".v-filter-chip")).to_have_count(1)
    page.go_back()
    expect(page.locator(".v-filter-chip")).to_have_count(2)
    page.go_back()
    expect(page.locator("#findings .v-sentence")).to_have_text(before)


def test_one_filter_after_another_narrows_further(
    visit: Visit, analyst: User, halden: None
) -> None:
    page = visit("/findings/", analyst)

    page.select_option("#filter-severity", "high")
    expect(page.locator(".v-filter-chip")).to_have_count(2)
    page.select_option("#filter-assignee", "none")

    expect(page.locator(".v-filter-chip")).to_have_count(3)
    expect(page).to_have_url(re.compile(r"severity=high.*assignee=none"))


def test_looking_back_keeps_what_was_filtered_meanwhile(
    visit: Visit, accessible: Accessible, analyst: User, halden: None
) -> None:
    page = visit("/findings/", analyst)
    page.select_option("#filter-severity", "high")
    expect(page).to_have_url(re.compile(r"severity=high"))

    page.locator(".v-asof summary").click()
    page.get_by_role("link", name="Yesterday").click()
    expect(page).to_have_url(re.compile(r"severity=high.*as_of="))
    expect(page.locator("#as-of-banner")).to_contain_text("It is not now.")
    accessible(page)
    page.select_option("#filter-assignee", "none")
    expect(page).to_have_url(re.compile(r"as_of=.*assignee=none"))

    page.locator(".v-past").get_by_role("link", name="Back to now").click()
    expect(page).to_have_url(re.compile(r"severity=high&.*assignee=none$"))
    expect(page.locator(".v-past")).to_have_count(0)


def test_a_hostile_name_does_nothing(visit: Visit, analyst: User) -> None:
    name = "<img src=x onerror=alert(1)>\"'><script>alert(2)</script>\u202e{{7*7}}"
    asset = AssetFactory(name=name)
    finding = FindingFactory(asset=asset, message=f"{name} is wrong.", seen=name, key=name)

    page = visit("/", analyst)
    dialogs: list[str] = []

    def refuse(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", refuse)
    for path in ("/", "/findings/", f"/findings/{finding.pk}/", "/search/?q=img"):
        visit(path, analyst)
        expect(page.locator("img, main script")).to_have_count(0)
    visit("/findings/", analyst).locator("tr[data-row] td:nth-child(2)").first.click()
    expect(page.locator("#drawer")).to_be_visible()

    assert dialogs == []


def test_everything_works_without_script(
    browser: object, live_server: object, visit: Visit, analyst: User, halden: None
) -> None:
    page = visit("/findings/", analyst)
    cookies = page.context.cookies()
    context = browser.new_context(java_script_enabled=False)  # type: ignore[attr-defined]
    context.add_cookies(cookies)
    plain = context.new_page()

    plain.goto(page.url)
    plain.select_option("#filter-severity", "high")
    plain.get_by_role("button", name="Filter").click()
    expect(plain.locator(".v-filter-chip")).to_have_count(2)
    plain.locator("a[data-open]").first.click()
    expect(plain.get_by_role("heading", name="Why it matters")).to_be_visible()
    plain.get_by_role("button", name="Dark").click()
    expect(plain.locator("html")).to_have_attribute("data-bs-theme", "dark")
    context.close()
