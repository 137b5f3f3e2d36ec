"""An OpenID provider that runs here, and a browser that signs in there and comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from django.test import Client

from accounts.sso import configuration
from accounts.sso.configuration import AnyProvider
from tests.peers import identity

CALLBACK = "http://testserver/accounts/sso/corp/callback/"
GRANTS = """
[[provider.grants]]
group = "vm-analysts"
roles = ["analyst"]
teams = ["Web", "There is no such team"]
[[provider.grants]]
group = "vm-auditors"
roles = ["auditor"]
whole_estate = true
[[provider.grants]]
group = "vm-operators"
roles = ["operator"]
whole_estate = true
[[provider.grants]]
group = "vm-approvers"
roles = ["approver"]
[[provider.grants]]
group = "vm-admins"
roles = ["user-admin"]
"""


@dataclass
class Corp:
    """The provider: its people, and what an operator writes down about it."""

    issuer: str
    people: identity.People
    secret: Path
    more: str = ""

    def configured(self, **changes: str) -> tuple[AnyProvider, ...]:
        lines = {
            "id": '"corp"',
            "kind": '"oidc"',
            "name": '"Halden ID"',
            "issuer": f'"{self.issuer}"',
            "client_id": '"vmgov"',
            "client_secret_file": f'"{self.secret}"',
            "scopes": '["openid", "profile", "email", "groups"]',
            **changes,
        }
        text = "\n".join(f"{name} = {value}" for name, value in lines.items() if value)
        return configuration.parse(f"[[provider]]\n{text}\n{GRANTS}")


@pytest.fixture(scope="session")
def _corp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Corp]:
    folder = tmp_path_factory.mktemp("corp")
    secret = folder / "secret"
    secret.write_text("a secret: with % and +\n", encoding="utf-8")
    people = identity.People(folder / "people.json")
    port = identity.free_port()
    client = {
        "client_secret": "a secret: with % and +",
        "redirect_uris": [CALLBACK],
        "response_types": ["code"],
        "grant_types": ["authorization_code"],
    }
    clients = [{**client, "client_id": "vmgov"}, {**client, "client_id": "somebody-elses"}]
    with identity.running("oidc.mjs", port=port, people=str(people.path), clients=clients):
        yield Corp(issuer=f"http://127.0.0.1:{port}", people=people, secret=secret)


@pytest.fixture
def corp(_corp: Corp, settings: Any) -> Corp:
    settings.SSO_PROVIDERS = _corp.configured()
    return _corp


@dataclass
class Browser:
    """Ours and theirs: a client of this application and one that walks through the provider."""

    ours: Client = field(default_factory=Client)
    theirs: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=20))

    def leave(self, query: str = "") -> str:
        """Begin here; the address of the provider that we are sent to."""
        response = self.ours.get(f"/accounts/sso/corp/{query}")
        assert response.status_code == 302, response.content
        return str(response["Location"])

    def walk(self, address: str, login: str, amr: str = "pwd") -> str:
        """Sign in there; the address that the provider sends the browser back to."""
        for _ in range(10):
            response = self.theirs.get(address)
            if response.status_code == 200 and "/interaction/" in str(response.url):
                response = self.theirs.get(f"{response.url}?login={login}&amr={amr}")
            assert response.is_redirect, response.text
            address = str(response.next_request.url) if response.next_request else ""
            if address.startswith("http://testserver/"):
                return address
        raise AssertionError(f"lost at {address}")

    def arrive(self, address: str, **changed: str | None) -> Any:
        """Come back with that address, some of its parameters changed."""
        parts = urlsplit(address)
        query: dict[str, Any] = dict(parse_qsl(parts.query)) | changed
        query = {name: value for name, value in query.items() if value is not None}
        return self.ours.get(parts.path, query)

    def sign_in(self, login: str, amr: str = "pwd", query: str = "") -> Any:
        return self.arrive(self.walk(self.leave(query), login, amr))


@pytest.fixture
def a_visitor() -> Iterator[Callable[[], Browser]]:
    made: list[Browser] = []

    def make() -> Browser:
        made.append(Browser())
        return made[-1]

    yield make
    for visitor in made:
        visitor.theirs.close()


@pytest.fixture
def visitor(a_visitor: Callable[[], Browser]) -> Browser:
    return a_visitor()
