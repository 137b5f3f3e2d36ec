#!/usr/bin/env python
"""Take pictures of pages as somebody sees them: light and dark, laptop and phone.

    .venv/bin/python tools/screenshots.py --role analyst / /findings/

The server is the one of `make demo`; its users are in `var/demo-users.json`. Pictures go to
`var/screenshots/`, one for each address, theme and width. Ends with 1 when a page logged an error.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

WIDTHS = {"laptop": (1280, 800), "phone": (390, 844)}
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def main() -> None:
    options = _options()
    person = _person(options.users, options.role)
    options.out.mkdir(parents=True, exist_ok=True)
    problems: list[str] = []
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=_chromium(), args=sandbox)
        for width in options.widths:
            for theme in options.themes:
                _take(browser, options, person, width, theme, problems)
        browser.close()
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201
    sys.exit(bool(problems))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("addresses", nargs="+", help="paths, such as / or /findings/")
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--role", default="analyst")
    parser.add_argument("--users", type=Path, default=Path("var/demo-users.json"))
    parser.add_argument("--out", type=Path, default=Path("var/screenshots"))
    parser.add_argument("--widths", nargs="+", choices=WIDTHS, default=list(WIDTHS))
    parser.add_argument("--themes", nargs="+", default=["light", "dark"])
    parser.add_argument("--click", help="a selector to click first, such as 'tr[data-row]'")
    parser.add_argument("--window", action="store_true", help="the window only, not the whole page")
    return parser.parse_args()


def _person(users: Path, role: str) -> tuple[str, str]:
    for user in json.loads(users.read_text(encoding="utf-8")):
        if user["role"] == role:
            return user["username"], user["password"]
    sys.exit(f"{users} has nobody with the role {role}.")


def _chromium() -> str:
    for program in PROGRAMS:
        if found := shutil.which(program):
            return found
    sys.exit("There is no Chromium on PATH.")


def _take(
    browser: Browser,
    options: argparse.Namespace,
    person: tuple[str, str],
    width: str,
    theme: str,
    problems: list[str],
) -> None:
    columns, rows = WIDTHS[width]
    context = browser.new_context(viewport={"width": columns, "height": rows}, locale="en-GB")
    context.add_cookies([{"name": "vmgov-theme", "value": theme, "url": options.url}])
    page = context.new_page()
    page.on("console", lambda m: _keep(problems, page, m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: _keep(problems, page, str(error)))
    _sign_in(page, options.url, *person)
    for address in options.addresses:
        answer = page.goto(options.url + address)
        if answer is None or not answer.ok:
            _keep(problems, page, f"answered {answer.status if answer else 'nothing'}")
        if options.click:
            page.locator(options.click).first.click()
        page.wait_for_load_state("networkidle")
        name = re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-") or "overview"
        path = options.out / f"{name}-{width}-{theme}.png"
        page.screenshot(path=path, full_page=not options.window)
    context.close()


def _keep(problems: list[str], page: Page, text: str) -> None:
    problem = f"{page.url}: {text}"
    if problem not in problems:
        problems.append(problem)


def _sign_in(page: Page, url: str, username: str, password: str) -> None:
    page.goto(f"{url}/accounts/login/")
    page.fill("input[name=login]", username)
    page.fill("input[name=password]", password)
    page.locator("main form button[type=submit], main form button:not([type])").first.click()
    page.wait_for_load_state("networkidle")


if __name__ == "__main__":
    main()
