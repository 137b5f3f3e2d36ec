"""What script adds to the frame: keys, selecting, messages, waiting, and paper."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, Route, expect

from findings.models import Finding
from tests.factories import UserFactory
from tests.findings import estate

if TYPE_CHECKING:
    from accounts.models import User

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

Visit = Callable[..., Page]
Accessible = Callable[[Page], None]


@pytest.fixture
def analyst() -> User:
    estate.build(now=datetime.now(UTC), machines=12, hosts=3)
    person: User = UserFactory(username="ingrid", full_name="Ingrid Solberg", roles=["analyst"])
    return person


def test_rows_are_selected_by_key_and_by_shift(
    visit: Visit, accessible: Accessible, analyst: User
) -> None:
    page = visit("/findings/", analyst)
    bar, number = page.locator("[data-bulk]"), page.locator("[data-bulk-count]")
    expect(bar).to_be_hidden()

    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(number).to_have_text("1")
    boxes = page.locator("[data-select]")
    boxes.nth(3).click(modifiers=["Shift"])
    expect(number).to_have_text("4")
    expect(page.locator("[data-select-all]")).to_have_js_property("indeterminate", True)
    accessible(page)

    page.get_by_role("button", name="Clear", exact=True).click()
    expect(bar).to_be_hidden()


def test_a_key_does_its_act_and_never_while_somebody_types(visit: Visit, analyst: User) -> None:
    page = visit("/findings/", analyst)
    page.keyboard.press("j")
    page.keyboard.press("x")

    page.locator("#search").focus()
    page.keyboard.type("ag jx?")
    expect(page.locator("#search")).to_have_value("ag jx?")
    expect(page.locator("[data-bulk-count]")).to_have_text("1")
    expect(page.locator("#help")).to_be_hidden()

    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(page.locator("details[data-key=a]")).to_have_attribute("open", "")


def test_the_help_lists_what_this_page_knows(
    visit: Visit, accessible: Accessible, analyst: User
) -> None:
    page = visit("/findings/", analyst)
    page.keyboard.press("?")
    expect(page.locator("#help")).to_contain_text("Assign")
    expect(page.locator("#help")).to_contain_text("Virtual machines")
    accessible(page)

    visit("/policies/", analyst).keyboard.press("?")
    expect(page.locator("#help")).not_to_contain_text("Assign")


@pytest.mark.parametrize(
    ("key", "path"), [("f", "/findings/"), ("v", "/inventory/vms/"), ("p", "/policies/")]
)
def test_g_and_a_letter_go_to_a_place(visit: Visit, analyst: User, key: str, path: str) -> None:
    page = visit("/", analyst)

    page.keyboard.press("g")
    page.keyboard.press(key)

    expect(page).to_have_url(re.compile(f"{path}$"))


def test_looking_back_colours_the_page_and_leads_back_to_now(
    visit: Visit, accessible: Accessible, analyst: User
) -> None:
    asset = Finding.objects.order_by("pk")[0].asset_id
    page = visit(f"/inventory/assets/{asset}/?keep=1", analyst)

    page.locator(".v-asof summary").click()
    accessible(page)
    page.get_by_role("link", name="Yesterday").click()
    expect(page.locator(".v-asof")).to_have_class(re.compile("is-past"))
    expect(page).to_have_url(re.compile(r"keep=1&as_of="))
    accessible(page)

    page.locator(".v-past").get_by_role("link", name="Back to now").click()
    expect(page.locator(".v-asof")).not_to_have_class(re.compile("is-past"))
    expect(page).to_have_url(re.compile(r"\?keep=1$"))


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (404, "This is no longer there"),
        (500, "Something failed on our side"),
        (503, "The server is busy"),
    ],
)
def test_a_failure_is_said_and_what_was_there_stays(
    visit: Visit, analyst: User, problems: list[str], status: int, words: str
) -> None:
    def fail(route: Route) -> None:
        if route.request.headers.get("hx-request"):
            route.fulfill(status=status, content_type="text/html", body="<html>a whole page</html>")
        else:
            route.continue_()

    page = visit("/findings/", analyst)
    rows = page.locator("tr[data-row]").count()
    page.route("**/findings/**", fail)

    page.locator("tr[data-row] [data-open]").first.click()
    expect(page.locator("#messages")).to_contain_text(words)
    expect(page.locator("#drawer")).to_be_hidden()
    expect(page.locator("tr[data-row]")).to_have_count(rows)
    page.get_by_role("button", name="Dismiss").click()
    expect(page.locator("#messages .v-message")).to_have_count(0)
    problems.clear()


def test_who_was_signed_out_meanwhile_is_sent_to_sign_in(visit: Visit, analyst: User) -> None:
    page = visit("/findings/", analyst)
    page.context.clear_cookies()

    page.locator("tr[data-row] [data-open]").first.click()

    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_lines_stand_closer_together_where_somebody_wants_it(visit: Visit, analyst: User) -> None:
    page = visit("/findings/", analyst)
    before = page.locator("tr[data-row]").first.bounding_box()

    page.get_by_role("button", name="Lines closer together").click()

    expect(page.locator("html")).to_have_attribute("data-density", "compact")
    after = page.locator("tr[data-row]").first.bounding_box()
    assert before is not None
    assert after is not None
    assert after["height"] < before["height"]


def test_paper_shows_the_table_and_not_the_frame(visit: Visit, analyst: User) -> None:
    page = visit("/findings/", analyst, theme="dark")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 720, "height": 1_000})

    for hidden in (".v-rail", ".v-topbar", ".v-filters", ".v-check"):
        expect(page.locator(hidden).first).to_be_hidden()
    expect(page.locator(".v-printed")).to_contain_text("for Ingrid Solberg")
    expect(page.locator(".v-table thead").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(255, 255, 255)"
