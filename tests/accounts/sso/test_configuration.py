"""What an operator writes about providers is understood or refused with a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from accounts.roles import Role
from accounts.sso import configuration
from vmgov.env import Env

GOOD = """
[[provider]]
id = "corp"
kind = "oidc"
name = "Halden ID"
issuer = "https://login.example.org"
client_id = "vmgov"

[[provider.grants]]
group = "vm-analysts"
roles = ["analyst", "viewer"]
teams = ["Web"]

[[provider.grants]]
group = "vm-auditors"
roles = ["auditor"]
whole_estate = true
"""


def test_what_is_written_is_understood():
    [provider] = configuration.parse(GOOD)

    assert provider.id == "corp"
    assert provider.grants[0].roles == (Role.ANALYST, Role.VIEWER)
    assert provider.granted_to(frozenset({"vm-auditors", "x"})) == [provider.grants[1]]
    assert provider.second_factor == ()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "oidc"', 'kind = "ldap"', "ldap"),
        ("https://login", "http://login", "is no https address"),
        ('client_id = "vmgov"', "", "client_id"),
        ('client_id = "vmgov"', 'client_id = "vmgov"\nclient_secret = "s"', "client_secret"),
        ('"analyst", "viewer"', '"boss"', "boss"),
        ('"analyst", "viewer"', '"operator", "approver"', "may not meet"),
        ('id = "corp"', 'id = "Corp ID"', "id"),
        ("[[provider]]", "[[provider", "cannot be used"),
        ('client_id = "vmgov"', 'client_id = "v"\nclient_secret_file = "/nowhere"', "/nowhere"),
        ('client_id = "vmgov"', 'client_id = "v"\nscopes = ["email"]', "openid"),
    ],
)
def test_what_cannot_be_meant_is_refused(old: str, new: str, said: str):
    with pytest.raises(ValueError, match=said):
        configuration.parse(GOOD.replace(old, new, 1))


def test_two_providers_do_not_share_an_id():
    with pytest.raises(ValueError, match="one id"):
        configuration.parse(GOOD + GOOD)


def test_the_file_is_read_by_the_environment(tmp_path: Path, monkeypatch: Any):
    path = tmp_path / "providers.toml"
    path.write_text(GOOD, encoding="utf-8")
    monkeypatch.setenv("SSO_PROVIDERS_FILE", str(path))

    assert [provider.id for provider in Env().sso_providers] == ["corp"]


def test_a_wrong_file_stops_the_start_with_a_sentence(tmp_path: Path, monkeypatch: Any):
    from django.core.exceptions import ImproperlyConfigured

    from vmgov import env

    monkeypatch.setenv("SSO_PROVIDERS", GOOD.replace("auditor", "boss"))

    with pytest.raises(ImproperlyConfigured, match="SSO_PROVIDERS cannot be used"):
        env.load()


def test_nothing_of_it_is_loaded_without_a_provider():
    program = (
        "import django, sys; django.setup();"
        "import django.urls; django.urls.get_resolver().url_patterns;"
        "import accounts.views.sso;"
        "print([m for m in ('joserfc', 'onelogin', 'xmlsec') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.strip() == "[]"


def test_a_missing_extra_is_said_at_the_start(settings: Any, monkeypatch: Any):
    from vmgov import checks

    settings.SSO_PROVIDERS = configuration.parse(GOOD)
    assert checks.providers_can_be_used() == []
    monkeypatch.setattr(checks, "NEEDED", {"oidc": "there_is_no_such_module"})

    assert [message.id for message in checks.providers_can_be_used()] == ["vmgov.E007"]
