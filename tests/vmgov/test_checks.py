"""`manage.py check --deploy` refuses what is unsafe in production."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.db.backends.utils import CursorWrapper

from vmgov.checks import application_owns_nothing, production_is_safe
from vmgov.env import Env

SAFE: dict[str, Any] = {
    "database_url": "postgresql://u:p@db/vmgov",
    "redis_url": "redis://broker",
    "public_url": "https://vmgov.example.org",
}


def found(settings: LazySettings, **changes: Any) -> set[str | None]:
    settings.ENV = Env.model_construct(**(SAFE | changes))
    return {message.id for message in production_is_safe()}


def test_a_safe_production_passes(settings: LazySettings):
    assert found(settings) == set()


@pytest.mark.parametrize(
    ("changes", "identity"),
    [
        ({"database_url": None}, "vmgov.E001"),
        ({"redis_url": None}, "vmgov.E002"),
        ({"public_url": "http://vmgov.example.org"}, "vmgov.E003"),
    ],
)
def test_what_is_unsafe_is_refused(settings: LazySettings, changes: dict[str, Any], identity: str):
    assert found(settings, **changes) == {identity}


def test_a_key_that_is_its_own_predecessor_is_refused(settings: LazySettings):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]

    assert found(settings) == {"vmgov.E004"}


def test_answering_to_any_host_is_refused(settings: LazySettings):
    settings.ALLOWED_HOSTS = ["*"]

    assert found(settings) == {"vmgov.E005"}


def test_an_application_that_owns_nothing_passes(db: None):
    assert application_owns_nothing() == []


def test_one_role_for_everything_is_refused(superuser: CursorWrapper):
    superuser.execute("SET LOCAL ROLE vmgov_owner")  # as DATABASE_URL alone would have it

    (message,) = application_owns_nothing()

    assert message.id == "vmgov.E010"
    assert "It owns database " in message.msg


def test_privileged_roles_without_a_second_factor_are_refused(settings: LazySettings):
    assert found(settings, require_second_factor=False) == {"vmgov.E006"}
