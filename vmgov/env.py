"""What an installation may set: one typed declaration per environment variable.

`docs/configuration.md` is generated from these declarations (`manage.py configuration_reference`).
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from accounts.sso import configuration
from vmgov import keys

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
MINIMUM_KEY_LENGTH = 32
REQUIRED_IN_PRODUCTION = ("PUBLIC_URL", "SECRET_KEY", "CREDENTIAL_KEYS", "TOKEN_PEPPER")


class Unreadable:
    """Stands for a secret whose file could not be read, until it is reported with all else."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason


def _split(value: object) -> object:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _long_enough(value: SecretStr | None) -> SecretStr | None:
    if value is not None and len(value.get_secret_value()) < MINIMUM_KEY_LENGTH:
        raise ValueError(f"must have {MINIMUM_KEY_LENGTH} characters or more")
    return value


def _key_ring(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        keys.parse_ring(value.get_secret_value())
    return value


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path not in {"", "/"}:
        raise ValueError("must look like https://vmgov.example.org, without a path")
    return f"{parts.scheme}://{parts.netloc}"


def _postgres_address(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        parts = urlsplit(value.get_secret_value())
        if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
            raise ValueError("must look like postgresql://user:password@host:5432/name")
    return value


def _refuse_another_database(owner: SecretStr, application: SecretStr | None) -> None:
    if application is None:
        raise ValueError("DATABASE_OWNER_URL is given without DATABASE_URL")
    ours, theirs = (urlsplit(url.get_secret_value()) for url in (owner, application))
    if ours.path.strip("/") != theirs.path.strip("/"):
        raise ValueError("DATABASE_OWNER_URL must name the same database as DATABASE_URL")
    if ours.username == theirs.username:
        raise ValueError("DATABASE_OWNER_URL must name another role than DATABASE_URL")


def _redis_address(value: SecretStr | None) -> SecretStr | None:
    if value is not None and urlsplit(value.get_secret_value()).scheme not in {
        "redis",
        "rediss",
        "unix",
    }:
        raise ValueError("must look like redis://host:6379/0, rediss://… or unix:///path")
    return value


def _providers(value: object) -> object:
    return configuration.parse(value) if isinstance(value, str) else value


Words = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Key = Annotated[SecretStr | None, AfterValidator(_long_enough)]
KeyRing = Annotated[SecretStr | None, AfterValidator(_key_ring)]
Providers = Annotated[tuple[Any, ...], NoDecode, BeforeValidator(_providers)]


class FileSource(PydanticBaseSettingsSource):
    """Reads `NAME` from the file named by `NAME_FILE`, as container secrets are handed over."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return what the file holds, None without a file, or what made it unreadable."""
        path = os.environ.get(f"{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except (OSError, UnicodeDecodeError) as error:
            return Unreadable(path, str(error)), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return the values of all fields that have a file."""
        found = {
            name: self.get_field_value(field, name)[0]
            for name, field in self.settings_cls.model_fields.items()
        }
        return {name: value for name, value in found.items() if value is not None}


class Env(BaseSettings):
    """The environment of one process, checked. Every variable also reads `<NAME>_FILE`."""

    model_config = SettingsConfigDict(
        case_sensitive=False, env_ignore_empty=True, extra="ignore", frozen=True
    )

    public_url: Annotated[str, AfterValidator(_web_address)] = Field(
        default="http://127.0.0.1:8000",
        description="The address people open. Cookies are `Secure` and HSTS is sent when it is "
        "https. Required with DATABASE_URL.",
    )
    allowed_hosts: Words = Field(
        default=(),
        description="Further host names this installation answers to, separated by commas.",
    )
    database_url: Annotated[SecretStr | None, AfterValidator(_postgres_address)] = Field(
        default=None,
        description="PostgreSQL 15 or newer: `postgresql://user:password@host:5432/name?sslmode="
        "verify-full`. Without it an embedded PostgreSQL under VAR_DIR is used. Its role reads "
        "and writes rows and owns nothing.",
    )
    database_owner_url: Annotated[SecretStr | None, AfterValidator(_postgres_address)] = Field(
        default=None,
        description="The same database, with the role that owns the schema. Give it to `migrate` "
        "and `prepare` and to nothing else; `manage.py database_roles` prints SQL that makes both "
        "roles.",
    )
    redis_url: Annotated[SecretStr | None, AfterValidator(_redis_address)] = Field(
        default=None,
        description="Redis or Valkey, the broker between web, scheduler and workers. Without it "
        "messages travel through files under VAR_DIR, which one machine can do.",
    )
    secret_key: Key = Field(
        default=None,
        description="Signs sessions and forms. Required with DATABASE_URL; generated under "
        "VAR_DIR otherwise.",
    )
    secret_key_fallbacks: Annotated[SecretStr | None, AfterValidator(_long_enough)] = Field(
        default=None,
        description="Earlier values of SECRET_KEY, one a line or separated by commas, still "
        "accepted while sessions signed with them live.",
    )
    credential_keys: KeyRing = Field(
        default=None,
        description="The key ring that seals credentials of sources: one `id:base64` of 32 bytes "
        "a line, the first seals, all open (`manage.py new_key`). Required with DATABASE_URL. "
        "Keep it apart from backups of the database: losing it loses the credentials.",
    )
    token_pepper: Key = Field(
        default=None,
        description="Mixed into the hashes of API tokens; changing it invalidates every token. "
        "Required with DATABASE_URL.",
    )
    debug: bool = Field(
        default=False,
        description="Detailed error pages. Refused unless PUBLIC_URL is a loopback address.",
    )
    var_dir: Path = Field(
        default=ROOT / "var",
        description="Where the embedded database, its keys and local files are kept.",
    )
    static_root: Path | None = Field(
        default=None,
        description="Where `manage.py collectstatic` puts files: `static` under VAR_DIR by "
        "default.",
    )
    proxy_count: int = Field(
        default=0,
        ge=0,
        le=5,
        description="How many reverse proxies stand in front. 0 ignores X-Forwarded-* headers.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="The least severe event that is logged."
    )
    log_format: Literal["json", "console"] = Field(
        default="json", description="`json` is one event a line; `console` is for reading."
    )
    vmgov_process: Literal["web", "worker", "command"] = Field(
        default="command",
        description="What this process is, for its database limits: web requests are cut off "
        "after 15 seconds. Set by vmgov itself.",
    )
    web_threads: int = Field(
        default=8, ge=1, le=64, description="Requests that one web process serves at a time."
    )
    worker_processes: int = Field(
        default=2, ge=1, le=64, description="Jobs that `manage.py up` works on at a time."
    )
    sync_lease_seconds: float = Field(
        default=60.0,
        ge=1,
        le=600,
        description="How long a worker may be silent before its run is taken from it.",
    )
    sync_retry_seconds: float = Field(
        default=10.0,
        ge=0,
        le=3600,
        description="How long a run waits after a worker failed; doubled at each attempt.",
    )
    retire_after_intervals: float = Field(
        default=1.0,
        ge=0,
        le=1000,
        description="Intervals for which an object has to be missing before it is retired.",
    )
    session_idle_minutes: int = Field(
        default=30, ge=1, le=720, description="Signed out after this time without a request."
    )
    require_second_factor: bool = Field(
        default=True,
        description="Whether approvers, operators and user administrators need a second factor "
        "(an authenticator app or a security key). `manage.py up --demo` turns it off, since the "
        "demo's people are public.",
    )
    passkey_sign_in: bool = Field(
        default=True,
        description="Whether a passkey that asked for a PIN or a fingerprint signs people in "
        "without a password.",
    )
    sso_providers: Providers = Field(
        default=(),
        description="Where people of the organisation sign in: OpenID Connect and SAML providers, "
        "and what their groups give, as TOML (docs/operate.md, Signing in). Usually a file: "
        "SSO_PROVIDERS_FILE. Needs the extra `sso`.",
    )
    email_url: SecretStr | None = Field(
        default=None,
        description="Outgoing mail: `smtps://user:password@host:465` or `smtp://host:25`. "
        "Without it no mail is sent.",
    )
    email_from: str | None = Field(
        default=None,
        description="Sender of outgoing mail, `vmgov <vmgov@example.org>`. Default: `vmgov@` and "
        "the host of PUBLIC_URL.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """A variable beats its file; nothing else is read."""
        return env_settings, FileSource(settings_cls)

    @property
    def is_embedded(self) -> bool:
        """Whether the database is ours, under `var_dir`."""
        return self.database_url is None

    @property
    def public_host(self) -> str:
        """The host name of `public_url`."""
        return urlsplit(self.public_url).hostname or ""

    @property
    def is_https(self) -> bool:
        """Whether people reach this installation over TLS."""
        return self.public_url.startswith("https://")

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach this installation."""
        return self.public_host in LOOPBACK

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.debug and not self.is_loopback:
            raise ValueError("DEBUG is refused because PUBLIC_URL is not a loopback address")
        if self.database_owner_url is not None:
            _refuse_another_database(self.database_owner_url, self.database_url)
        return self


def load() -> Env:
    """Return the checked environment, or raise ImproperlyConfigured naming every wrong variable."""
    problems = _missing(os.environ)
    env = None
    try:
        env = Env()
    except ValidationError as failure:
        problems += [_explain(dict(error)) for error in failure.errors()]
    if env is None or problems:
        raise ImproperlyConfigured(
            "The environment is not usable:\n" + "\n".join(f"  - {line}" for line in problems)
        )
    return env


def _missing(environ: Mapping[str, str]) -> list[str]:
    def given(name: str) -> bool:
        return bool(environ.get(name) or environ.get(f"{name}_FILE"))

    if not given("DATABASE_URL"):
        return []
    return [
        f"{name} is required with DATABASE_URL"
        for name in REQUIRED_IN_PRODUCTION
        if not given(name)
    ]


def _explain(error: dict[str, Any]) -> str:
    message = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return message
    name = str(error["loc"][0]).upper()
    value = error.get("input")
    if isinstance(value, Unreadable):
        return f"{name}_FILE names {value.path}, which cannot be read: {value.reason}"
    return f"{name} {message.replace('Input should be', 'must be', 1)}"
