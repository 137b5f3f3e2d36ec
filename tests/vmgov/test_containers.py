"""The compose file is sound, and each container may do as little as it can."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from vmgov.env import Env

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yml"
LASTING = ("web", "worker", "scheduler", "watcher", "database", "broker")
OURS = ("web", "worker", "scheduler", "watcher", "migrate")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


def test_the_compose_file_follows_its_schema():
    checked = subprocess.run(
        [
            *(sys.executable, "-m", "check_jsonschema"),
            *("--builtin-schema", "vendor.compose-spec", str(COMPOSE)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("name", LASTING)
def test_each_lasting_service_is_watched_and_confined(compose: dict[str, Any], name: str):
    service = compose["services"][name]

    assert service["healthcheck"]["test"]
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


@pytest.mark.parametrize("name", OURS)
def test_our_containers_are_nobody_special(compose: dict[str, Any], name: str):
    service = compose["services"][name]

    assert service["user"] == "10001:10001"
    assert "cap_add" not in service
    assert "volumes" not in service


def test_only_the_web_server_is_published_and_on_loopback_alone(compose: dict[str, Any]):
    published = {name: s["ports"] for name, s in compose["services"].items() if "ports" in s}

    assert list(published) == ["web"]
    assert all(port.startswith("127.0.0.1:") for port in published["web"])
    assert compose["networks"]["inside"]["internal"] is True
    for name in ("database", "broker"):
        assert compose["services"][name]["networks"] == ["inside"]


def test_every_variable_is_one_that_we_read(compose: dict[str, Any]):
    known = {name.upper() for name in Env.model_fields}

    for name in OURS:
        for variable in compose["services"][name]["environment"]:
            assert variable.removesuffix("_FILE") in known, variable


def test_secrets_are_files_and_never_values(compose: dict[str, Any]):
    for name in OURS:
        service = compose["services"][name]
        files = {
            Path(value).name
            for variable, value in service["environment"].items()
            if variable.endswith("_FILE")
        }
        assert files == set(service["secrets"])
        assert not {
            *("SECRET_KEY", "CREDENTIAL_KEYS", "TOKEN_PEPPER"),
            *("DATABASE_URL", "DATABASE_OWNER_URL"),
        } & set(service["environment"])
    assert {secret["file"] for secret in compose["secrets"].values()} == {
        f"./secrets/{name}" for name in compose["secrets"]
    }


def test_only_migrations_know_the_owner_of_the_schema(compose: dict[str, Any]):
    knowing = {
        name
        for name, service in compose["services"].items()
        if "database-owner-url" in service.get("secrets", ())
        or "DATABASE_OWNER_URL_FILE" in service.get("environment", ())
    }

    assert knowing == {"migrate"}


def test_the_image_runs_as_an_ordinary_user_and_copies_every_app():
    text = (ROOT / "Dockerfile").read_text()
    last_stage = text.rpartition("\nFROM ")[2]

    assert re.search(r"^USER 10001:10001$", last_stage, re.MULTILINE)
    assert "HEALTHCHECK" in last_stage
    assert "--require-hashes" in text
    for app in ("vmgov", "findings", "policies", "inventory", "accounts", "audit", "ui"):
        assert f"COPY {app} {app}\n" in last_stage
        assert f"\n!{app}\n" in (ROOT / ".dockerignore").read_text()
