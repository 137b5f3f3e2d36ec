"""Somebody who never saw the pages: finds things by what stands on them, and every act is counted.

Nothing here knows a class, an id or an address but the first. What a person cannot see or name,
a newcomer does not find.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from re import Pattern
from typing import Literal, NamedTuple

from playwright.sync_api import BrowserContext, Locator, Page, expect

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "first-hour.md"
_ROW = re.compile(r"^\| (?P<what>[^|]+?) \|.*\| (?P<clicks>\d+) \| (?P<fields>\d+) \|$")
_NUMBER = re.compile(r"\d+")
Words = str | Pattern[str]
Looks = Callable[[Page], None]
# What a person takes for something to press.
Role = Literal["button", "checkbox", "link"]


class Effort(NamedTuple):
    """What a way costs: presses of the mouse, and fields that are filled or chosen."""

    clicks: int
    fields: int


def promised(what: str) -> Effort:
    """What the guide for newcomers says that a way costs."""
    for row in map(_ROW.match, GUIDE.read_text(encoding="utf-8").splitlines()):
        if row and row["what"] == what:
            return Effort(int(row["clicks"]), int(row["fields"]))
    raise LookupError(f"{GUIDE.name} has no row “{what}”")


class Newcomer:
    """A person at a browser of their own."""

    def __init__(self, context: BrowserContext, url: str, *, accessible: Looks | None) -> None:
        self.page = context.new_page()
        self.page.set_default_timeout(15_000)
        self.url = url
        self.accessible = accessible
        self.problems: list[str] = []
        self.looked_at: set[str] = set()
        self.begins_anew()
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on(
            "console",
            lambda said: self.problems.append(said.text) if said.type == "error" else None,
        )

    @property
    def effort(self) -> Effort:
        return Effort(self.clicks, self.fields)

    def begins_anew(self) -> None:
        """Count from here on."""
        self.clicks = self.fields = 0

    # --- acts, each counted ---------------------------------------------------------------------

    def arrives(self) -> None:
        """Open the one address that everybody is told."""
        self.page.goto(self.url)

    def clicks_on(self, role: Role, name: Words, *, within: Words = "") -> None:
        self._press(self._place(within).get_by_role(role, name=name, exact=isinstance(name, str)))

    def clicks_on_first(self, role: Role, name: Words, *, within: Words = "") -> None:
        """The topmost of several that are called so."""
        self._press(self._place(within).get_by_role(role, name=name).first)

    def goes_to(self, place: Words) -> None:
        """A place of the frame, on the left of every page."""
        self.clicks_on("link", place, within="Main")

    def unfolds(self, words: Words, *, within: Words = "") -> None:
        """Something with a triangle or an arrow beside it, which browsers give no role."""
        self._press(self._place(within).get_by_text(words, exact=isinstance(words, str)))

    def fills(self, label: Words, text: str) -> None:
        field = self._look_for(self.page.get_by_label(label, exact=isinstance(label, str)))
        field.fill(text)
        self.fields += 1

    def chooses(self, label: Words, option: str) -> None:
        field = self._look_for(self.page.get_by_label(label, exact=isinstance(label, str)))
        field.select_option(label=option)
        self.fields += 1

    def downloads(self, role: Role, name: Words) -> str:
        """Click on something that is a file, and read it."""
        thing = self._look_for(self.page.get_by_role(role, name=name))
        with self.page.expect_download() as waiting:
            thing.click()
        self.clicks += 1
        return Path(waiting.value.path()).read_text(encoding="utf-8-sig")

    # --- looking, which costs nothing -----------------------------------------------------------

    def sees(self, words: Words, *, within: Words = "") -> None:
        self._look_for(self._place(within).get_by_text(words).filter(visible=True).first)

    def sees_no(self, words: Words, *, within: Words = "") -> None:
        expect(self._place(within).get_by_text(words)).to_have_count(0)

    def _place(self, name: Words) -> Page | Locator:
        """A part of the page by its name: a table, a section with a heading, the frame's places."""
        if not name:
            return self.page
        found = self.page.get_by_role("table", name=name)
        for role in ("region", "navigation"):
            found = found.or_(self.page.get_by_role(role, name=name))
        return found

    def _press(self, thing: Locator) -> None:
        self._look_for(thing).click()
        self.clicks += 1
        self.page.wait_for_load_state()

    def _look_for(self, thing: Locator) -> Locator:
        """Wait until it is there; a page that is new to this person is looked at by axe."""
        thing = thing.filter(visible=True)
        expect(thing).to_be_visible(timeout=15_000)
        drawer = self.page.get_by_role("region", name="Finding", exact=True)
        known = _NUMBER.sub("#", self.page.url.partition("?")[0])
        known += " drawer" if drawer.count() else ""
        if self.accessible is not None and known not in self.looked_at:
            self.looked_at.add(known)
            self.accessible(self.page)
        return thing
