"""Write the catalogue of checks to docs/checks, or say that it is stale."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from policies.catalogue import pages
from policies.document import load
from policies.registry import all_checks


class Command(BaseCommand):
    help = "Write docs/checks from the registered checks."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing; fail when a page is stale"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(settings.BASE_DIR) / "docs" / "checks"
        wanted = pages(all_checks(), load())
        stale = stale_pages(folder, wanted)
        if options["check"]:
            if stale:
                raise CommandError(f"Stale: {', '.join(stale)}. Run `manage.py catalogue`.")
            self.stdout.write("The catalogue is current.")
            return
        folder.mkdir(parents=True, exist_ok=True)
        for name in stale:
            if name in wanted:
                (folder / name).write_text(wanted[name], encoding="utf-8")
            else:
                (folder / name).unlink()
        self.stdout.write(f"{len(wanted)} pages, {len(stale)} written or removed.")


def stale_pages(folder: Path, wanted: dict[str, str]) -> list[str]:
    """The pages that differ from what is wanted, are missing, or belong to no check."""
    present = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    return sorted(
        name for name in present.keys() | wanted.keys() if present.get(name) != wanted.get(name)
    )
