"""Benchmarks and frameworks: which of our checks speak to which of their controls.

Control ids and nothing of their text. They change on their own clock, so they live apart from the
checks, one file each in `policies/benchmarks/`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from policies.spec import Check

SHIPPED = Path(__file__).parent / "benchmarks"


class BadFramework(Exception):
    """A mapping names a check that is not there, or cannot be read. The message says which."""


class Framework(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    slug: Annotated[str, Meta(pattern=r"^[a-z0-9-]+$")]
    title: Annotated[str, Meta(min_length=1)]
    version: Annotated[str, Meta(min_length=1)]
    controls: dict[str, tuple[str, ...]]  # control → ids of checks

    @property
    def checks(self) -> frozenset[str]:
        return frozenset(check for ids in self.controls.values() for check in ids)


def load(path: Path) -> Framework:
    """The mapping in this file, or raise BadFramework."""
    try:
        framework = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), Framework)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise BadFramework(f"{path.name}: {error}") from error
    if path.stem != f"{framework.slug}_{framework.version}":
        raise BadFramework(f"{path.name}: the name is not <slug>_<version>.toml")
    return framework


@cache
def shipped() -> tuple[Framework, ...]:
    """Every mapping there is, by title. Read once."""
    found = [load(path) for path in sorted(SHIPPED.glob("*.toml"))]
    return tuple(sorted(found, key=lambda framework: framework.title))


def refuse_strangers(framework: Framework, checks: Iterable[Check]) -> None:
    """Raise BadFramework when a control names a check that is not shipped."""
    strangers = sorted(framework.checks - {check.id for check in checks})
    if strangers:
        raise BadFramework(f"{framework.slug} names {', '.join(strangers)}, which is no check")


def by_slug(slug: str) -> Framework | None:
    return next((each for each in shipped() if each.slug == slug), None)
