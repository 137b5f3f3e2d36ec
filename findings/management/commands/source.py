"""Add, feed and list sources from a console."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.trail import Origin, origin
from findings.management.commands.sync import see_through, summary
from inventory import arguments, bringing, receiving, sources
from inventory.connectors.base import CollectionFailed, product_title
from inventory.errors import NotPossible
from inventory.models import Source, SyncRun


class Command(BaseCommand):
    help = (
        "Add a source (source add vsphere …, add bundle …, add rvtools …), bring a file to one "
        "(source import NAME FILE) or list them (source list)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        actions.add_parser("list")
        brought = actions.add_parser("import")
        brought.add_argument("source", help="the name of the source")
        brought.add_argument("file", type=Path, help="a signed bundle or an RVTools workbook")
        brought.add_argument(
            "--collected-at",
            type=arguments.moment,
            help="when a workbook was exported that does not say it: 2026-01-31T12:00+01:00",
        )
        add = actions.add_parser("add").add_subparsers(dest="connector", required=True)
        vsphere = add.add_parser("vsphere")
        vsphere.add_argument("--name", required=True)
        arguments.add_vcenter(vsphere)
        vsphere.add_argument("--interval", type=int, default=60, metavar="MINUTES")
        vsphere.add_argument(
            "--no-test", action="store_true", help="add it without trying to connect"
        )
        vsphere.add_argument(
            "--no-watch", action="store_true", help="see changes at collections alone"
        )
        bundle = add.add_parser("bundle")
        bundle.add_argument("--key-file", required=True, type=Path, help="the public key, PEM")
        rvtools = add.add_parser("rvtools")
        arguments.add_mapping(rvtools)
        for taken in (bundle, rvtools):
            taken.add_argument("--name", required=True)
            taken.add_argument(
                "--interval",
                type=int,
                default=bringing.EXPECTED_EVERY,
                metavar="MINUTES",
                help="how often a file is expected; older facts are stale",
            )

    def handle(self, *args: Any, **options: Any) -> None:
        with origin(Origin(via="command")):
            match options["action"], options.get("connector"):
                case "list", _:
                    self._list()
                case "import", _:
                    self._import(options)
                case _, "vsphere":
                    self._add(options)
                case _:
                    self._add_for_files(options)

    def _list(self) -> None:
        for source in Source.objects.all():
            state = source.complete_at.isoformat(" ", "seconds") if source.complete_at else "never"
            where = source.url or f"({source.get_connector_display()})"
            self.stdout.write(f"{source.name}\t{where}\tcomplete: {state}")

    def _add(self, options: dict[str, Any]) -> None:
        trust, trust_pem = arguments.trust_of(options)
        typed = {
            "url": options["url"],
            "username": options["username"],
            "password": arguments.first_line_of(options["password_file"]),
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
                attribute_mapping=arguments.mapping_of(options),
                interval_minutes=options["interval"],
                is_watched=not options["no_watch"],
                now=datetime.now(UTC),
                **typed,
            )
        except CollectionFailed as error:
            raise CommandError(f"{error} {error.advice}".strip()) from error
        except NotPossible as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Added {source.name}. Collect it with: manage.py sync {source.name}")

    def _add_for_files(self, options: dict[str, Any]) -> None:
        is_bundle = options["connector"] == Source.Connector.BUNDLE
        try:
            source = bringing.add(
                by=None,
                connector=options["connector"],
                name=options["name"],
                trusted_key=arguments.text_of(options["key_file"]) if is_bundle else "",
                attribute_mapping={} if is_bundle else arguments.mapping_of(options),
                interval_minutes=options["interval"],
                now=datetime.now(UTC),
            )
        except NotPossible as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"Added {source.name}. Bring a file to it with: "
            f"manage.py source import {source.name} FILE"
        )

    def _import(self, options: dict[str, Any]) -> None:
        source = Source.objects.filter(name__iexact=options["source"]).first()
        if source is None:
            raise CommandError(f"There is no source named {options['source']}.")
        path: Path = options["file"]
        try:
            with path.open("rb") as file:
                run, is_new = receiving.receive(
                    source=source,
                    file=file,
                    name=path.name,
                    by=None,
                    now=datetime.now(UTC),
                    collected_at=options["collected_at"],
                    wake_worker=False,
                )
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
        except NotPossible as error:
            raise CommandError(str(error)) from error
        if not is_new:
            self.stdout.write(f"Run {run.pk} has this file already. Nothing was changed.")
        run = see_through(run)
        self.stdout.write(summary(run))
        if run.state != SyncRun.State.COMPLETE:
            raise CommandError(f"The run is {run.get_state_display().upper()}.")
