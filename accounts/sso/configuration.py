"""The providers at which an organisation's people sign in, as an operator writes them down.

Plain Python: the environment is checked with it before Django is set up. `docs/operate.md` has an
example.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from accounts.roles import Role, conflict

Identifier = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,49}$")]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the members of a group may do and see here."""

    group: str
    roles: tuple[Role, ...] = ()
    teams: tuple[str, ...] = ()
    whole_estate: bool = False

    def __post_init__(self) -> None:
        if separation := conflict(self.roles):
            raise ValueError(f"{separation.one} and {separation.other} may not meet in one person")


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What both kinds have in common. Claims are called otherwise from place to place."""

    id: Identifier
    name: Words
    grants: tuple[Grant, ...]
    # Values of amr, acr or AuthnContextClassRef by which it says that it asked for a second factor.
    second_factor: tuple[str, ...] = ()
    groups: str = "groups"
    username: str = ""
    full_name: str = ""
    email: str = "email"

    def granted_to(self, groups: frozenset[str]) -> list[Grant]:
        """What somebody in these groups is given."""
        return [grant for grant in self.grants if grant.group in groups]


class OpenId(Provider, frozen=True, kw_only=True, tag_field="kind", tag="oidc"):
    """A provider of OpenID Connect, known by its issuer."""

    issuer: str
    client_id: Words
    client_secret_file: Path | None = None
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    username: str = "preferred_username"
    full_name: str = "name"
    ca_file: Path | None = None

    def __post_init__(self) -> None:
        if not is_safe_address(self.issuer):
            raise ValueError(f"{self.issuer} is no https address")
        if "openid" not in self.scopes:
            raise ValueError("scopes must name openid")
        _readable(self.client_secret_file)
        _readable(self.ca_file)


class Saml(Provider, frozen=True, kw_only=True, tag_field="kind", tag="saml"):
    """A provider of SAML 2.0, known by its metadata, which is a file that somebody checked."""

    metadata_file: Path
    entity_id: str | None = None
    username: str = "uid"
    full_name: str = "displayName"
    email: str = "mail"

    def __post_init__(self) -> None:
        _readable(self.metadata_file)


AnyProvider = OpenId | Saml


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    provider: tuple[AnyProvider, ...]


def parse(text: str) -> tuple[AnyProvider, ...]:
    """The providers of a TOML document, or raise ValueError with a sentence."""
    try:
        document = msgspec.convert(tomllib.loads(text), _Document, dec_hook=_decode)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ValueError(f"cannot be used: {error}") from error
    ids = [provider.id for provider in document.provider]
    if len(ids) != len(set(ids)):
        raise ValueError("has two providers with one id")
    return document.provider


def is_safe_address(address: str) -> bool:
    """Whether nobody on the way reads or changes what is said there."""
    parts = urlsplit(address)
    return bool(parts.hostname) and (
        parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    )


def _decode(type_: type, value: object) -> object:
    if type_ is Path and isinstance(value, str):
        return Path(value)
    raise ValueError(f"{value!r} is not understood")


def _readable(path: Path | None) -> None:
    if path is not None and not path.is_file():
        raise ValueError(f"there is no file {path}")
