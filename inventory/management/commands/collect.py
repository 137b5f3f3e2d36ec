"""Collect a vCenter into a signed file, on a machine that has neither database nor services."""

from __future__ import annotations

import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from inventory import arguments, carrying
from inventory.connecting import vsphere
from inventory.connectors import signing
from inventory.connectors.base import CollectionFailed, EventCursor, product_title
from inventory.errors import NotPossible
from inventory.sources import checked_mapping, checked_url

NEEDED = ("url", "username", "password_file", "out", "signing_key")
PARTIAL = 2


class Command(BaseCommand):
    help = (
        "Collect a vCenter into a signed bundle for a vmgov that cannot reach it. Exits with 0 when"
        " the collection is COMPLETE, with 2 when it is PARTIAL, with 1 when there is no bundle."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Either all about a vCenter, or where a new key goes."""
        arguments.add_vcenter(parser, required=False)
        parser.add_argument("--out", type=Path, help="the bundle to write")
        parser.add_argument("--signing-key", type=Path, help="the private key that signs it, PEM")
        parser.add_argument(
            "--events-since",
            type=arguments.moment,
            metavar="MOMENT",
            help="leave out earlier lines of the log: 2026-01-31T12:00+01:00",
        )
        parser.add_argument(
            "--new-key",
            type=Path,
            metavar="FILE",
            help="only make a key: the private half into FILE, the public one into FILE.pub",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["new_key"]:
            self._make_key(options["new_key"])
            return
        lacking = [name for name in NEEDED if not options[name]]
        if lacking:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in lacking)
            raise CommandError(f"Say {names} as well.")
        # As after Ctrl-C: the vCenter's session is closed and no file stays.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        self._tell(self._collect(options))

    def _make_key(self, path: Path) -> None:
        key = signing.new_key()
        public = path.with_name(f"{path.name}.pub")
        _write_new(path, signing.private_pem(key), mode=0o600)
        _write_new(public, signing.public_pem(key).encode(), mode=0o644)
        self.stdout.write(f"{path} signs; keep it on this machine. {public} goes into the source:")
        self.stdout.write(signing.public_pem(key))
        self.stdout.write(f"Its fingerprint, to compare there: {signing.fingerprint(key)}")

    def _collect(self, options: dict[str, Any]) -> carrying.Carried:
        key = _signing_key(options["signing_key"])
        if not options["out"].absolute().parent.is_dir():
            raise CommandError(f"There is no folder {options['out'].absolute().parent}.")
        trust, trust_pem = arguments.trust_of(options)
        try:
            connector = vsphere(
                url=checked_url(options["url"]),
                username=options["username"],
                password=arguments.first_line_of(options["password_file"]),
                trust=trust,
                trust_pem=trust_pem,
                attributes=checked_mapping(arguments.mapping_of(options)),
                events_since=EventCursor(at=options["events_since"]),
            )
            return carrying.collect(
                connector,
                options["out"].absolute(),
                key=key,
                collector=settings.VERSION,
                clock=lambda: datetime.now(UTC),
            )
        except CollectionFailed as error:
            raise CommandError(f"{error} {error.advice}".strip()) from error
        except (NotPossible, OSError) as error:
            raise CommandError(str(error)) from error

    def _tell(self, carried: carrying.Carried) -> None:
        seal = carried.seal
        state = "COMPLETE" if seal.complete else "PARTIAL"
        title = product_title(seal.product, seal.version)
        self.stdout.write(f"{title}, instance {seal.instance_uuid}: {state}")
        for kind, count in seal.counts.items():
            self.stdout.write(f"  {kind:<10} {count:>6}")
        for warning in seal.warnings:
            self.stderr.write(self.style.WARNING(warning))
        if carried.events_until is not None:
            self.stderr.write(
                "The log holds more than a bundle takes; its lines after "
                f"{carried.events_until.isoformat()} are left out. Say --events-since."
            )
        if not seal.complete:
            reasons = " ".join(cause["message"] for cause in carried.causes[:20])
            raise CommandError(f"The collection is PARTIAL. {reasons}", returncode=PARTIAL)


def _signing_key(path: Path) -> Ed25519PrivateKey:
    try:
        return signing.read_private(path.read_bytes())
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
    except ValueError as error:
        raise CommandError(f"{path} cannot sign: {error}") from error


def _write_new(path: Path, content: bytes, *, mode: int) -> None:
    """A new file, never in place of another: a key that is overwritten is lost."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
