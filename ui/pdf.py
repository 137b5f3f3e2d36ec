"""Pages as PDF, set by Typst (extra `pdf`), which only this file imports.

A template in templates/pdf/ gets its data as JSON: what somebody called a machine is a string there
and never markup. Typst reads that folder and nothing else, and the same data and moment give the
same bytes.
"""

from __future__ import annotations

import importlib.util
import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.http import HttpResponse

from ui import glyphs

if TYPE_CHECKING:
    import typst

# For archives and for screen readers: text that can be searched, tags, nothing from elsewhere.
STANDARDS: list[typst.PDFStandard] = ["a-2a", "ua-1"]
LONGEST = 400
# A paper takes a processor for some tenths of a second; the pages of others come first.
_one_at_a_time = threading.Lock()


class ExtraMissing(Exception):
    """Typst is not installed."""


def is_available() -> bool:
    return importlib.util.find_spec("typst") is not None


def render(template: str, data: Mapping[str, Any], *, now: datetime) -> bytes:
    """The document, or raise ExtraMissing.

    Texts are bounded, and what the fonts cannot draw is written as its number; the template finds
    in `has_numbers` whether anything was.
    """
    if not is_available():
        raise ExtraMissing(
            "A PDF needs the extra `pdf`, which is not installed: "
            "pip install --require-hashes --requirement requirements.lock"
        )
    import typst

    with _one_at_a_time:
        try:
            return _compile(template, _drawn(data, glyphs.drawable), now)
        except typst.TypstError:  # a mark on a letter, and no font has both
            return _compile(template, _drawn(data, glyphs.plain), now)


def response(name: str, content: bytes, *, now: datetime) -> HttpResponse:
    """A download called `name-20260310T1200Z.pdf`."""
    found = HttpResponse(content, content_type="application/pdf")
    stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%MZ")
    found["Content-Disposition"] = f'attachment; filename="{name}-{stamp}.pdf"'
    found["X-Content-Type-Options"] = "nosniff"
    return found


def _compile(template: str, data: Mapping[str, Any], now: datetime) -> bytes:
    import typst

    folder = settings.BASE_DIR / "templates" / "pdf"
    return typst.compile(
        folder / template,
        root=folder,
        font_paths=fonts(),
        ignore_system_fonts=True,
        format="pdf",
        sys_inputs={"data": json.dumps(data)},
        pdf_standards=STANDARDS,
        # Neither the packages of whoever runs this nor any from elsewhere.
        package_path=folder,
        package_cache_path=folder,
        timestamp=int(now.timestamp()),
    )


@cache
def fonts() -> typst.Fonts:
    import typst

    return typst.Fonts(include_system_fonts=False)


def _drawn(data: Mapping[str, Any], draw: Callable[[str], str]) -> dict[str, Any]:
    changed = False

    def text(value: str) -> str:
        nonlocal changed
        short = value if len(value) <= LONGEST else value[: LONGEST - 1].rstrip() + "…"
        drawn = draw(short)
        changed = changed or drawn != short
        return drawn

    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return text(value)
        if isinstance(value, Mapping):
            return {name: walk(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [walk(each) for each in value]
        return value

    found: dict[str, Any] = walk(data)
    return {**found, "has_numbers": changed, "fonts": glyphs.FONTS}
