"""A real browser on a real server: pages that fail on any refused script, style or error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from pytest_django.live_server_helper import LiveServer

    from accounts.models import User

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
Visit = Callable[..., "Page"]


@pytest.fixture
def problems() -> list[str]:
    """What the browser complained about so far; a test that makes it complain clears it."""
    return []


@pytest.fixture
def visit(page: Page, live_server: LiveServer, problems: list[str]) -> Iterator[Visit]:
    """`visit(path, user)`: the page as that person, watched for errors and refused content."""
    from django.conf import settings
    from django.test import Client

    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: problems.append(message.text) if message.type == "error" else None,
    )
    page.add_init_script(
        "document.addEventListener('securitypolicyviolation', event => "
        "console.error(`refused: ${event.violatedDirective} ${event.blockedURI}`))"
    )

    def go(path: str, user: User, *, theme: str = "light") -> Page:
        client = Client()
        client.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[-1])
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        url = live_server.url
        page.context.add_cookies(
            [
                {"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url},
                {"name": "vmgov-theme", "value": theme, "url": url},
            ]
        )
        page.goto(url + path)
        return page

    yield go
    assert problems == []


@pytest.fixture
def accessible() -> Callable[[Page], None]:
    """Assert that axe finds nothing against WCAG 2.2 A and AA on the page as it is."""

    def check(page: Page) -> None:
        # Evaluated by the debugger, not inserted: the content security policy stays as it is.
        page.evaluate(AXE.read_text(encoding="utf-8"))
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
        found: dict[str, Any] = page.evaluate(
            "tags => axe.run(document, {runOnly: {type: 'tag', values: tags}})", tags
        )
        told = [
            f"{violation['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
            for violation in found["violations"]
            for node in violation["nodes"][:3]
        ]
        assert told == [], "\n".join(told)

    return check
