"""The policy as it is shipped: a document of statements, read from TOML and refused when unsound.

Which checks cover a statement is said by the checks; a statement that none names is decided by
imported evidence, by attestation, or not yet.
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from policies.spec import Check, Severity

SHIPPED = Path(__file__).parent / "documents" / "vm-security.toml"

Text = Annotated[str, Meta(min_length=1)]


class BadDocument(Exception):
    """A policy document breaks a rule; the message says which."""


class Area(StrEnum):
    SCOPE = "scope"
    SEGREGATION = "segregation"
    SECURING = "securing"
    MONITORING = "monitoring"
    CHANGE = "change"


class Basis(StrEnum):
    """How it can be known that a statement holds."""

    AUTO = "auto"  # from collected facts
    IMPORT = "import"  # from another system's export
    ATTEST = "attest"  # because a person says so, until a date


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: Annotated[str, Meta(pattern=r"^[A-Z]{2,4}-\d+[a-z]?$")]
    area: Area
    title: Text
    text: Text
    why: Text
    basis: Annotated[tuple[Basis, ...], Meta(min_length=1)]
    severity: Severity
    section: Text  # the part of the policy article that asks for it


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    slug: Annotated[str, Meta(pattern=r"^[a-z0-9-]+$")]
    title: Text
    version: Text
    summary: Text
    statements: Annotated[tuple[Statement, ...], Meta(min_length=1)]

    def statement(self, id: str) -> Statement:
        """The statement of this id, or raise KeyError."""
        for statement in self.statements:
            if statement.id == id:
                return statement
        raise KeyError(id)


def load(path: Path = SHIPPED) -> Document:
    """The document in this file, or raise BadDocument."""
    return parse(path.read_text(encoding="utf-8"))


def parse(text: str) -> Document:
    """The document in this text, or raise BadDocument."""
    try:
        document = msgspec.convert(tomllib.loads(text), Document)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadDocument(str(error)) from error
    twice = [
        id for id, times in Counter(one.id for one in document.statements).items() if times > 1
    ]
    if twice:
        raise BadDocument(f"declared twice: {', '.join(twice)}")
    return document


def refuse_strangers(document: Document, checks: Iterable[Check]) -> None:
    """Raise BadDocument when a check names a statement that the document does not have."""
    ids = {statement.id for statement in document.statements}
    for check in checks:
        strangers = sorted(set(check.statements) - ids)
        if strangers:
            raise BadDocument(f"{check.id} names {', '.join(strangers)}, which is no statement")


def coverage(document: Document, checks: Iterable[Check]) -> dict[str, tuple[str, ...]]:
    """The ids of the checks that decide each statement, none for one that no check covers."""
    covering: dict[str, list[str]] = {statement.id: [] for statement in document.statements}
    for check in checks:
        for statement in check.statements:
            covering[statement].append(check.id)
    return {id: tuple(sorted(names)) for id, names in covering.items()}
