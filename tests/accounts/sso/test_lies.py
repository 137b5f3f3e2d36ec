"""Tokens that a certified provider would not make, from one that lies: each is refused."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.cache import cache
from django.test import Client
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from accounts.models import User
from accounts.sso import configuration
from audit.models import Entry

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

KEY = RSAKey.generate_key(2048, {"kid": "one"})
OTHER = RSAKey.generate_key(2048, {"kid": "one"})


class Liar:
    """Discovery, keys, a token and userinfo as the test wants them."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.userinfo: dict[str, Any] | None = None
        self.sign: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode(
            {"alg": "RS256", "kid": "one"}, claims, KEY
        )
        self.nonce = ""
        self.keys = KeySet([KEY])
        self.issuer = ""

    def answer(self, path: str) -> Any:
        if path.endswith("openid-configuration"):
            return {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                **({"userinfo_endpoint": f"{self.issuer}/me"} if self.userinfo else {}),
                **self.metadata,
            }
        if path == "/keys":
            return self.keys.as_dict(private=False)
        if path == "/me":
            return self.userinfo
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "anna",
            "aud": "vmgov",
            "exp": now + 300,
            "iat": now,
            "nonce": self.nonce,
            "groups": ["g"],
            **self.claims,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return {"access_token": "a", "token_type": "Bearer", "id_token": self.sign(claims)}


@pytest.fixture
def liar(settings: Any) -> Iterator[Liar]:
    cache.clear()
    playing = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.dumps(playing.answer(urlsplit(self.path).path)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    playing.issuer = f"http://127.0.0.1:{server.server_port}"
    settings.SSO_PROVIDERS = configuration.parse(
        f"""
        [[provider]]
        id = "corp"
        kind = "oidc"
        name = "Corp"
        issuer = "{playing.issuer}"
        client_id = "vmgov"
        [[provider.grants]]
        group = "g"
        roles = ["viewer"]
        """
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield playing
    server.shutdown()
    server.server_close()
    thread.join()


def come_back(client: Client, liar: Liar) -> Any:
    left = client.get("/accounts/sso/corp/")
    assert left.status_code == 302, left.content
    query = parse_qs(urlsplit(left["Location"]).query)
    liar.nonce = query["nonce"][0]
    return client.get("/accounts/sso/corp/callback/", {"code": "c", "state": query["state"][0]})


def is_in(client: Client) -> bool:
    return bool(client.get("/api/v1/me/").status_code == 200)


def test_the_truth_is_believed(client: Client, liar: Liar):
    assert come_back(client, liar)["Location"] == "/"
    assert is_in(client)


PAST, FUTURE = int(time.time()) - 3600, int(time.time()) + 3600
LIES: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "no issuer": {"iss": None},
    "another audience": {"aud": "somebody-else"},
    "other audiences": {"aud": ["somebody-else", "yet-another"]},
    "no audience": {"aud": None},
    "two audiences without azp": {"aud": ["vmgov", "somebody-else"]},
    "made for another party": {"azp": "somebody-else"},
    "another nonce": {"nonce": "of another browser"},
    "no nonce": {"nonce": None},
    "run out": {"exp": PAST},
    "never running out": {"exp": None},
    "not yet": {"nbf": FUTURE},
    "of tomorrow": {"iat": FUTURE},
    "nobody": {"sub": None},
    "an empty name": {"sub": ""},
    "a name that is none": {"sub": 7},
    "a name without end": {"sub": "x" * 256},
    "groups that are none": {"groups": {"g": True}},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_false_claim_is_refused(client: Client, liar: Liar, lie: dict[str, Any]):
    liar.claims = lie

    assert come_back(client, liar).status_code == 403
    assert not is_in(client)
    assert not User.objects.exists()
    assert Entry.objects.filter(action="accounts:session:refuse-provider").count() == 1


def _unsigned(claims: dict[str, Any]) -> str:
    from base64 import urlsafe_b64encode

    def part(value: Any) -> str:
        return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part({'alg': 'none'})}.{part(claims)}."


def _by_public_key(claims: dict[str, Any]) -> str:
    """The old trick: the public key, which everybody has, taken for a shared secret."""
    return jwt.encode(
        {"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(KEY.as_pem(private=False))
    )


SIGNATURES: dict[str, Callable[[dict[str, Any]], str]] = {
    "by another key": lambda c: jwt.encode({"alg": "RS256", "kid": "one"}, c, OTHER),
    "by an unknown key": lambda c: jwt.encode({"alg": "RS256", "kid": "two"}, c, OTHER),
    "none": _unsigned,
    "by the public key": _by_public_key,
    "altered": lambda c: jwt.encode({"alg": "RS256", "kid": "one"}, c, KEY)[:-8] + "AAAAAAAA",
    "no token": lambda c: "",
    "garbage": lambda c: "a.b.c",
}


@pytest.mark.parametrize("sign", SIGNATURES.values(), ids=SIGNATURES)
def test_a_false_signature_is_refused(
    client: Client, liar: Liar, sign: Callable[[dict[str, Any]], str]
):
    liar.sign = sign

    assert come_back(client, liar).status_code == 403
    assert not User.objects.exists()


def test_new_keys_are_fetched_when_they_are_needed(client: Client, liar: Liar):
    come_back(client, liar)
    client.post("/accounts/logout/")
    fresh = RSAKey.generate_key(2048, {"kid": "two"})
    liar.keys = KeySet([fresh])
    liar.sign = lambda c: jwt.encode({"alg": "RS256", "kid": "two"}, c, fresh)

    come_back(client, liar)

    assert is_in(client)


def test_userinfo_of_somebody_else_is_refused_and_beats_no_token(client: Client, liar: Liar):
    liar.userinfo = {"sub": "mallory", "groups": ["g"]}
    assert come_back(client, liar).status_code == 403

    cache.clear()
    liar.userinfo = {"sub": "anna", "groups": ["g"], "iss": "x", "nonce": "x"}
    assert come_back(client, liar)["Location"] == "/"
    assert is_in(client)


@pytest.mark.parametrize(
    "lie",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
    ],
    ids=str,
)
def test_false_metadata_is_refused(client: Client, liar: Liar, lie: dict[str, Any]):
    liar.metadata = lie

    assert client.get("/accounts/sso/corp/").status_code == 403
