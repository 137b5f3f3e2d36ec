"""Pages obey their own content security policy in a real browser."""

import pytest
from playwright.sync_api import ConsoleMessage, Page
from pytest_django.live_server_helper import LiveServer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_signing_in_breaks_no_rule_of_the_policy(page: Page, live_server: LiveServer):
    complaints: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            complaints.append(message.text)

    page.on("console", listen)
    page.on("pageerror", lambda error: complaints.append(str(error)))

    page.goto(f"{live_server.url}/accounts/login/")

    assert page.get_by_role("button", name="Sign in", exact=True).is_visible()
    assert complaints == []


def test_what_the_policy_forbids_is_not_run(page: Page, live_server: LiveServer):
    page.goto(f"{live_server.url}/accounts/login/")

    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<b onclick=\"x()\">bold</b>')")
    page.evaluate(
        """() => {
            const script = document.createElement('script');
            script.textContent = 'window.planted = true';
            document.body.append(script);
        }"""
    )

    assert page.evaluate("window.planted") is None
