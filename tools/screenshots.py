#!/usr/bin/env python
"""Take pictures of pages as somebody sees them.

    .venv/bin/python tools/screenshots.py

takes every page there is: it starts the demo and an empty installation, signs in as each role,
follows every link, and takes one page of each sort in light and dark on a laptop, a big screen, a
tablet and a phone, and as it is printed. That takes minutes; with addresses, a role and a running
server it takes seconds:

    .venv/bin/python tools/screenshots.py / /findings/ --url http://127.0.0.1:8000 --role analyst

Pictures go to `var/screenshots/` with an `index.html` that shows them all. Ends with 1 when a page
logged an error, refused content or was wider than its window.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Response, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
WIDTHS = {"laptop": (1280, 800), "wide": (1920, 1080), "tablet": (768, 1024), "phone": (390, 844)}
THEMES = ("light", "dark")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Who looks: the analyst first, so that a page is taken as the analyst sees it if there is a choice.
ROLES = ("analyst", "approver", "auditor", "operator", "remediator", "user-admin", "viewer")
# States that no link leads to.
STATES = (
    "/nothing-is-here/",
    "/search/",
    "/search/?q=esx",
    "/search/?q=nothing-is-called-so",
    "/findings/?q=nothing-is-called-so",
    "/findings/?severity=loud",
    "/findings/?as_of=2020-01-01T00:00",
    "/exceptions/?as_of=2020-01-01T00:00",
    "/inventory/vms/?q=nothing-is-called-so",
)
READY_SECONDS = 180


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A page to take: who sees it, where, and what the picture is called."""

    role: str
    address: str
    name: str


@dataclass(kw_only=True)
class Taken:
    """What was taken and what was wrong with it."""

    out: Path
    pictures: list[Path] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def keep(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


@dataclass(frozen=True, kw_only=True)
class Estate:
    """A server and who can sign in there."""

    name: str
    url: str
    people: dict[str, tuple[str, str]]


def main() -> None:
    options = _options()
    taken = Taken(out=options.out)
    options.out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        estates = list(_estates(options, stack))
        playwright = stack.enter_context(sync_playwright())
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=_chromium(), args=sandbox)
        for estate in estates:
            shots = [
                Shot(role=options.role, address=address, name=_name(address))
                for address in options.addresses
            ] or _walk(browser, estate)
            _take_all(browser, estate, shots, options, taken)
        browser.close()
    _write_index(taken)
    for problem in taken.problems:
        print(problem, file=sys.stderr)  # noqa: T201
    print(f"{len(taken.pictures)} pictures in {options.out}")  # noqa: T201
    sys.exit(bool(taken.problems))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("addresses", nargs="*", help="paths, such as / or /findings/; none: all")
    parser.add_argument("--url", help="a running server; none: start the demo and an empty one")
    parser.add_argument("--role", default="analyst", help="who looks at the addresses")
    parser.add_argument("--users", type=Path, default=Path("var/demo-users.json"))
    parser.add_argument("--out", type=Path, default=Path("var/screenshots"))
    parser.add_argument("--widths", nargs="+", choices=WIDTHS, default=list(WIDTHS))
    parser.add_argument("--themes", nargs="+", choices=THEMES, default=list(THEMES))
    parser.add_argument("--states", nargs="+", choices=("full", "empty"), default=["full", "empty"])
    parser.add_argument("--no-print", action="store_true", help="no PDF of each page")
    parser.add_argument("--click", help="a selector to click first, such as 'tr[data-row]'")
    parser.add_argument("--window", action="store_true", help="the window only, not the whole page")
    return parser.parse_args()


def _chromium() -> str:
    for program in PROGRAMS:
        if found := shutil.which(program):
            return found
    sys.exit("There is no Chromium on PATH.")


# --- servers ----------------------------------------------------------------------------------


def _estates(options: argparse.Namespace, stack: ExitStack) -> Iterator[Estate]:
    if options.url:
        yield Estate(name="", url=options.url.rstrip("/"), people=_people(options.users))
        return
    if "full" in options.states:
        folder = options.out / "server-full"
        url = stack.enter_context(_server(folder, "--demo"))
        yield Estate(name="full", url=url, people=_people(folder / "demo-users.json"))
    if "empty" in options.states:
        folder = options.out / "server-empty"
        url = stack.enter_context(_server(folder))
        yield Estate(name="empty", url=url, people=_new_people(folder))


def _people(users: Path) -> dict[str, tuple[str, str]]:
    return {
        user["role"]: (user["username"], user["password"])
        for user in reversed(json.loads(users.read_text(encoding="utf-8")))
    }


def _new_people(folder: Path) -> dict[str, tuple[str, str]]:
    kept = folder / "people.json"
    if kept.exists():
        return {role: (name, word) for role, (name, word) in json.loads(kept.read_text()).items()}
    people: dict[str, tuple[str, str]] = {}
    for role in ROLES:
        secret = folder / "password"
        secret.write_text(secrets.token_urlsafe(18), encoding="utf-8")
        command = ["user", "create", "--username", f"the-{role}", "--role", role]
        _manage(folder, *command, "--password-file", str(secret))
        people[role] = (f"the-{role}", secret.read_text(encoding="utf-8"))
        secret.unlink()
    kept.write_text(json.dumps(people), encoding="utf-8")
    return people


def _manage(folder: Path, *arguments: str) -> None:
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    subprocess.run(command, env=_environment(folder), check=True, stdout=subprocess.DEVNULL)


def _environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "VAR_DIR": str(folder.resolve()), "REQUIRE_SECOND_FACTOR": "false"}


@contextmanager
def _server(folder: Path, *arguments: str) -> Iterator[str]:
    """An installation of its own that runs meanwhile; its address."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(port), *arguments]
    with (folder / "up.log").open("w") as log:
        running = subprocess.Popen(command, env=_environment(folder), stdout=log, stderr=log)
        try:
            _await(f"http://127.0.0.1:{port}/health/ready", running, folder / "up.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            running.send_signal(signal.SIGTERM)
            running.wait(60)


def _await(address: str, running: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and running.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 (our own server)
                return
        except (urllib.error.URLError, TimeoutError):
            time.sleep(0.3)
    sys.exit(f"The server did not become ready:\n{log.read_text(encoding='utf-8')}")


# --- pages ------------------------------------------------------------------------------------


def _walk(browser: Browser, estate: Estate) -> list[Shot]:
    """One page of each sort that any role can reach by links, and the states no link leads to."""
    shots: dict[str, Shot] = {}
    for role in (role for role in ROLES if role in estate.people):
        context = _context(browser, estate, role, "light", "laptop")
        waiting = [(address, _sort(address, "/")) for address in ("/", *STATES)]
        seen = {sort for _, sort in waiting}
        while waiting:
            address, sort = waiting.pop(0)
            answer = context.request.get(estate.url + address)
            if not answer.headers.get("content-type", "").startswith("text/html"):
                continue
            reached = urlsplit(answer.url).path
            if (answer.ok and reached == urlsplit(address).path) or address in STATES:
                shots.setdefault(sort, Shot(role=role, address=address, name=_name(sort)))
            for found in _links(answer.text(), answer.url):
                if (kind := _sort(found, reached)) not in seen:
                    seen.add(kind)
                    waiting.append((found, kind))
        context.close()
    signed_out = Shot(role="", address="/accounts/login/", name="accounts-login")
    return [*shots.values(), signed_out]


def _links(text: str, base: str) -> list[str]:
    """Addresses within the product, without those that differ from others only by a filter."""
    found = []
    for target in re.findall(r'<a\b[^>]*?\bhref="([^"]+)"', text):
        parts = urlsplit(urljoin(base, html.unescape(target)))
        if f"{parts.scheme}://{parts.netloc}" == base[: base.index("/", 8)]:
            found.append(parts.path)
    return found


def _sort(address: str, linked_from: str) -> str:
    """The address with what names one object replaced, so that pages alike are taken once."""
    path, question, query = address.partition("?")
    if re.fullmatch(r"/inventory/assets/\d+/", path):  # one of each kind, by the list it stands in
        listed = re.fullmatch(r"/inventory/([a-z]+)/", linked_from)
        return f"/inventory/assets/{listed[1] if listed else 'n'}/"
    path = re.sub(r"/\d+(?=/|$)", "/n", path)
    path = re.sub(r"^/policies/checks/[^/]+", "/policies/checks/id", path)
    path = re.sub(r"^/policies/(?!checks/|export)[^/]+/$", "/policies/code/", path)
    return path + question + query


def _name(address: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", address.lower()).strip("-") or "overview"


# --- pictures ---------------------------------------------------------------------------------


def _take_all(
    browser: Browser, estate: Estate, shots: list[Shot], options: argparse.Namespace, taken: Taken
) -> None:
    for role in sorted({shot.role for shot in shots}):
        mine = [shot for shot in shots if shot.role == role]
        for width in options.widths:
            for theme in options.themes:
                context = _context(browser, estate, role, theme, width)
                page = context.new_page()
                _watch(page, taken)
                for shot in mine:
                    _take(page, estate, shot, f"{width}-{theme}", options, taken)
                    if not options.no_print and (width, theme) == ("laptop", "light"):
                        path = options.out / estate.name / "print" / f"{shot.name}.pdf"
                        path.parent.mkdir(parents=True, exist_ok=True)
                        page.pdf(path=path, format="A4", print_background=False)
                context.close()


def _take(
    page: Page, estate: Estate, shot: Shot, look: str, options: argparse.Namespace, taken: Taken
) -> None:
    answer: Response | None = page.goto(estate.url + shot.address)
    if (answer is None or not answer.ok) and shot.address not in STATES:
        taken.keep(f"{shot.address}: answered {answer.status if answer else 'nothing'}")
    if options.click:
        page.locator(options.click).first.click()
        page.wait_for_load_state("networkidle")
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    if overflow > 0:
        taken.keep(f"{shot.address} ({look}): {overflow} pixels wider than its window")
    path = options.out / estate.name / look / f"{shot.name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=not options.window)
    taken.pictures.append(path)


def _watch(page: Page, taken: Taken) -> None:
    page.on("console", lambda m: _told(page, m.text, taken) if m.type == "error" else None)
    page.on("pageerror", lambda error: _told(page, str(error), taken))


def _told(page: Page, text: str, taken: Taken) -> None:
    if "status of 404" not in text:  # a page that is not there is one of the states
        taken.keep(f"{page.url}: {text}")


def _context(browser: Browser, estate: Estate, role: str, theme: str, width: str) -> BrowserContext:
    columns, rows = WIDTHS[width]
    context = browser.new_context(
        viewport={"width": columns, "height": rows}, locale="en-GB", timezone_id="UTC"
    )
    context.add_cookies([{"name": "vmgov-theme", "value": theme, "url": estate.url}])
    if role:
        _sign_in(context, estate, role)
    return context


_sessions: dict[tuple[str, str], str] = {}


def _sign_in(context: BrowserContext, estate: Estate, role: str) -> None:
    """Sign in once for each person; later contexts get the session."""
    known = _sessions.get((estate.url, role))
    if known is not None:
        name, _, value = known.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": estate.url}])
        return
    if role not in estate.people:
        sys.exit(f"Nobody there has the role {role}.")
    username, password = estate.people[role]
    page = context.new_page()
    page.goto(f"{estate.url}/accounts/login/")
    page.fill("input[name=login]", username)
    page.fill("input[name=password]", password)
    page.locator("input[name=password]").press("Enter")
    page.wait_for_url(lambda address: not address.endswith("/accounts/login/"))
    if "/password/change/" in page.url:  # the first sign-in with a password of somebody else's
        page.fill("input[name=oldpassword]", password)
        for name in ("password1", "password2"):
            page.fill(f"input[name={name}]", f"{password}-mine")
        page.locator("input[name=password2]").press("Enter")
        page.wait_for_url(lambda address: "/password/change/" not in address)
    for cookie in context.cookies():
        if "session" in cookie["name"]:
            _sessions[estate.url, role] = f"{cookie['name']}={cookie['value']}"
    page.close()


def _write_index(taken: Taken) -> None:
    """All pictures on one page, small."""
    lines = "".join(
        f'<figure><a href="{path.relative_to(taken.out)}"><img loading="lazy" width="320" '
        f'src="{path.relative_to(taken.out)}" alt=""></a>'
        f"<figcaption>{path.relative_to(taken.out)}</figcaption></figure>"
        for path in sorted(taken.pictures)
    )
    style = "body{display:flex;flex-wrap:wrap;gap:1rem;font:12px sans-serif}figure{margin:0}"
    page = f"<!doctype html><title>vmgov</title><style>{style}</style>{lines}"
    (taken.out / "index.html").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
