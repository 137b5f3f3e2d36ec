"""Add and list sources from a console."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.trail import Origin, origin
from inventory import sources
from inventory.connectors.base import CollectionFailed, product_title
from inventory.errors import NotPossible
from inventory.models import Source


class Command(BaseCommand):
    help = "Add a source (source add vsphere …) or list them (source list)."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list")
        add = actions.add_parser("add").add_subparsers(dest="connector", required=True)
        vsphere = add.add_parser("vsphere")
        vsphere.add_argument("--name", required=True)
        vsphere.add_argument("--url", required=True, help="https://vcenter.example.org/sdk")
        vsphere.add_argument("--username", required=True)
        vsphere.add_argument("--password-file", required=True, type=Path)
        trust = vsphere.add_mutually_exclusive_group()
        trust.add_argument("--pin-file", type=Path, help="PEM of exactly this certificate")
        trust.add_argument("--ca-file", type=Path, help="PEM of a certificate authority")
        vsphere.add_argument("--interval", type=int, default=60, metavar="MINUTES")
        vsphere.add_argument(
            "--map",
            action="append",
            default=[],
            metavar="FIELD=ATTRIBUTE",
            help="where classification, owner, criticality or team comes from",
        )
        vsphere.add_argument(
            "--no-test", action="store_true", help="add it without trying to connect"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        with origin(Origin(via="command")):
            if options["action"] == "list":
                self._list()
            else:
                self._add(options)

    def _list(self) -> None:
        for source in Source.objects.all():
            state = source.complete_at.isoformat(" ", "seconds") if source.complete_at else "never"
            self.stdout.write(f"{source.name}\t{source.url}\tcomplete: {state}")

    def _add(self, options: dict[str, Any]) -> None:
        trust, trust_pem = _trust(options)
        typed = {
            "url": options["url"],
            "username": options["username"],
            "password": _first_line(options["password_file"]),
            "trust": trust,
            "trust_pem": trust_pem,
        }
        try:
            if not options["no_test"]:
                identity = sources.test_connection(**typed)
                title = product_title(identity.product, identity.version)
                self.stdout.write(f"{title} answers.")
                for warning in identity.warnings:
                    self.stderr.write(self.style.WARNING(warning))
            source = sources.add(
                by=None,
                name=options["name"],
                attribute_mapping=dict(_pair(entry) for entry in options["map"]),
                interval_minutes=options["interval"],
                now=datetime.now(UTC),
                **typed,
            )
        except CollectionFailed as error:
            raise CommandError(f"{error} {error.advice}".strip()) from error
        except NotPossible as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Added {source.name}. Collect it with: manage.py sync {source.name}")


def _trust(options: dict[str, Any]) -> tuple[str, str]:
    if options["pin_file"]:
        return Source.Trust.PIN, _text(options["pin_file"])
    if options["ca_file"]:
        return Source.Trust.CA, _text(options["ca_file"])
    return Source.Trust.SYSTEM, ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error


def _first_line(path: Path) -> str:
    lines = _text(path).splitlines()
    if not lines or not lines[0]:
        raise CommandError(f"{path} holds no password.")
    return lines[0]


def _pair(entry: str) -> tuple[str, str]:
    field, separator, attribute = entry.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"{entry} is not FIELD=ATTRIBUTE")
    return field, attribute
