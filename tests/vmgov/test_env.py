"""The environment is checked as a whole, and everything wrong is named at once."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from vmgov import env, keys

PRODUCTION = {
    "DATABASE_URL": "postgresql://vmgov:secret@db.internal:5432/vmgov",
    "PUBLIC_URL": "https://vmgov.example.org",
    "SECRET_KEY": "s" * 50,
    "CREDENTIAL_KEYS": keys.new_credential_key(),
    "TOKEN_PEPPER": "p" * 50,
}


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which nothing of ours is set."""
    for name in env.Env.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    return monkeypatch


def put(environ: pytest.MonkeyPatch, values: dict[str, str]) -> None:
    for name, value in values.items():
        environ.setenv(name, value)


def test_an_empty_environment_is_embedded_and_safe(environ: pytest.MonkeyPatch):
    loaded = env.load()

    assert loaded.is_embedded
    assert loaded.is_loopback
    assert not loaded.debug


def test_a_complete_production_environment_is_accepted(environ: pytest.MonkeyPatch):
    put(environ, PRODUCTION)

    loaded = env.load()

    assert not loaded.is_embedded
    assert loaded.is_https
    assert loaded.public_host == "vmgov.example.org"


def test_everything_that_is_wrong_is_named_at_once(environ: pytest.MonkeyPatch, tmp_path: Path):
    put(
        environ,
        {
            "DATABASE_URL": "mysql://somewhere/else",
            "SECRET_KEY": "short",
            "CREDENTIAL_KEYS_FILE": str(tmp_path / "absent"),
            "PROXY_COUNT": "many",
            "LOG_LEVEL": "LOUD",
            "REDIS_URL": "amqp://broker",
        },
    )

    with pytest.raises(ImproperlyConfigured) as refusal:
        env.load()

    lines = str(refusal.value).splitlines()[1:]
    for name in (
        "PUBLIC_URL is required",
        "TOKEN_PEPPER is required",
        "DATABASE_URL must",
        "SECRET_KEY must",
        "CREDENTIAL_KEYS_FILE names",
        "PROXY_COUNT must",
        "LOG_LEVEL must",
        "REDIS_URL must",
    ):
        assert any(line.startswith(f"  - {name}") for line in lines), name
    assert len(lines) == 8


def test_a_refused_secret_is_not_quoted(environ: pytest.MonkeyPatch):
    put(
        environ,
        {"SECRET_KEY": "hunter2", "DATABASE_URL": "mysql://root:hunter2@x", "REDIS_URL": "hunter2"},
    )

    with pytest.raises(ImproperlyConfigured) as refusal:
        env.load()

    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("missing", env.REQUIRED_IN_PRODUCTION)
def test_what_production_needs_is_required(environ: pytest.MonkeyPatch, missing: str):
    put(environ, {name: value for name, value in PRODUCTION.items() if name != missing})

    with pytest.raises(ImproperlyConfigured, match=f"{missing} is required with DATABASE_URL"):
        env.load()


def test_a_secret_is_read_from_its_file(environ: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "key").write_text("k" * 40 + "\n")
    environ.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))

    loaded = env.load()

    assert loaded.secret_key is not None
    assert loaded.secret_key.get_secret_value() == "k" * 40


def test_a_secret_is_not_in_the_representation(environ: pytest.MonkeyPatch):
    put(environ, PRODUCTION)

    shown = repr(env.load())

    assert "secret@db" not in shown
    assert PRODUCTION["SECRET_KEY"] not in shown


@pytest.mark.parametrize(
    ("owner", "problem"),
    [
        ("postgresql://owner:x@db.internal/other", "must name the same database"),
        ("postgresql://vmgov:x@db.internal/vmgov", "must name another role"),
        ("mysql://owner:x@db.internal/vmgov", "must look like postgresql://"),
    ],
)
def test_the_owner_is_somebody_else_in_the_same_database(
    environ: pytest.MonkeyPatch, owner: str, problem: str
):
    put(environ, PRODUCTION | {"DATABASE_OWNER_URL": owner})

    with pytest.raises(ImproperlyConfigured, match=f"DATABASE_OWNER_URL {problem}"):
        env.load()


def test_an_owner_without_an_application_is_refused(environ: pytest.MonkeyPatch):
    environ.setenv("DATABASE_OWNER_URL", "postgresql://owner:x@db.internal/vmgov")

    with pytest.raises(ImproperlyConfigured, match="without DATABASE_URL"):
        env.load()


def test_the_owner_is_read_from_a_file(environ: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "url").write_text("postgresql://owner:x@db.internal/vmgov\n")
    put(environ, PRODUCTION | {"DATABASE_OWNER_URL_FILE": str(tmp_path / "url")})

    loaded = env.load().database_owner_url

    assert loaded is not None
    assert loaded.get_secret_value() == "postgresql://owner:x@db.internal/vmgov"


def test_debug_is_refused_where_others_can_reach_it(environ: pytest.MonkeyPatch):
    put(environ, PRODUCTION | {"DEBUG": "true"})

    with pytest.raises(ImproperlyConfigured, match="DEBUG is refused"):
        env.load()


def test_lists_are_separated_by_commas(environ: pytest.MonkeyPatch):
    environ.setenv("ALLOWED_HOSTS", "a.example.org, b.example.org")

    assert env.load().allowed_hosts == ("a.example.org", "b.example.org")


def test_every_variable_says_what_it_means():
    for name, field in env.Env.model_fields.items():
        assert field.description, name
