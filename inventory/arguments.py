"""What commands are told about a vCenter, and files that they read."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from inventory.models import Source


def add_vcenter(parser: CommandParser | Any, *, required: bool = True) -> None:
    """Where a vCenter is, whom to trust there and how to sign in."""
    parser.add_argument("--url", required=required, help="https://vcenter.example.org/sdk")
    parser.add_argument("--username", required=required)
    parser.add_argument("--password-file", required=required, type=Path)
    trust = parser.add_mutually_exclusive_group()
    trust.add_argument("--pin-file", type=Path, help="PEM of exactly this certificate")
    trust.add_argument("--ca-file", type=Path, help="PEM of a certificate authority")
    add_mapping(parser)


def add_mapping(parser: CommandParser | Any) -> None:
    parser.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="FIELD=ATTRIBUTE",
        help="where classification, owner, criticality or team comes from",
    )


def trust_of(options: dict[str, Any]) -> tuple[str, str]:
    if options["pin_file"]:
        return Source.Trust.PIN, text_of(options["pin_file"])
    if options["ca_file"]:
        return Source.Trust.CA, text_of(options["ca_file"])
    return Source.Trust.SYSTEM, ""


def mapping_of(options: dict[str, Any]) -> dict[str, str]:
    return dict(_pair(entry) for entry in options["map"])


def moment(written: str) -> datetime:
    """A moment with its zone; argparse tells of the ValueError."""
    found = datetime.fromisoformat(written)
    if found.tzinfo is None:
        raise ValueError("a moment needs its zone")
    return found


def text_of(path: Path) -> str:
    """What a file says, or raise CommandError."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error


def first_line_of(path: Path) -> str:
    lines = text_of(path).splitlines()
    if not lines or not lines[0]:
        raise CommandError(f"{path} holds no password.")
    return lines[0]


def _pair(entry: str) -> tuple[str, str]:
    field, separator, attribute = entry.partition("=")
    if not separator:
        raise CommandError(f"{entry} is not FIELD=ATTRIBUTE.")
    return field, attribute
