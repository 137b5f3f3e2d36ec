"""OpenID Connect: authorization code with PKCE, state and nonce; every token's signature counts."""

from __future__ import annotations

import base64
import hashlib
import secrets
import ssl
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode

import httpx
import msgspec
from django.core.cache import cache
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

from accounts.sso.claims import Asked, Claims, Refused, line, words
from accounts.sso.configuration import OpenId, is_safe_address

# Signatures by the provider's private key. None by a shared secret, and never "none".
ALGORITHMS = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
LEEWAY_SECONDS = 60
_TIMEOUT = httpx.Timeout(5.0)
_MAXIMUM_BYTES = 512 * 1024
_KEPT_SECONDS = 3600
_AWAY_SECONDS = 10


def address_for(provider: OpenId, *, callback: str, asked: Asked, state: str) -> tuple[str, Asked]:
    """Where to send the browser, and what it was asked with."""
    nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    query = {
        "client_id": provider.client_id,
        "response_type": "code",
        "redirect_uri": callback,
        "scope": " ".join(provider.scopes),
        "state": state,
        "nonce": nonce,
        "code_challenge": challenge.decode().rstrip("="),
        "code_challenge_method": "S256",
    }
    if asked.again is not None:
        query |= {"prompt": "login", "max_age": "0"}
    endpoint = _endpoint(_metadata(provider), "authorization_endpoint")
    joined = "&" if "?" in endpoint else "?"
    address = f"{endpoint}{joined}{urlencode(query)}"
    return address, _with(asked, nonce=nonce, verifier=verifier)


def claims_from(
    provider: OpenId, parameters: Mapping[str, str], *, callback: str, asked: Asked
) -> Claims:
    """What the provider says, verified, or raise Refused."""
    metadata = _metadata(provider)
    if "error" in parameters:
        raise Refused("provider-error", line(parameters["error"], 100))
    _same_issuer(provider, metadata, parameters)
    tokens = _redeem(provider, metadata, parameters.get("code", ""), callback, asked)
    claims = _verified(provider, metadata, str(tokens.get("id_token", "")), asked)
    return _claims(provider, _userinfo(provider, metadata, tokens, claims) | claims)


def _same_issuer(provider: OpenId, metadata: dict[str, Any], parameters: Mapping[str, str]) -> None:
    """RFC 9207: an answer of one provider is not taken for another's."""
    promised = metadata.get("authorization_response_iss_parameter_supported") is True
    said = parameters.get("iss")
    if (promised or said is not None) and said != provider.issuer:
        raise Refused("wrong-issuer")


def _redeem(
    provider: OpenId, metadata: dict[str, Any], code: str, callback: str, asked: Asked
) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": callback,
        "code_verifier": asked.verifier,
        "client_id": provider.client_id,
    }
    auth: httpx.Auth | None = None
    if provider.client_secret_file is not None:
        secret = provider.client_secret_file.read_text(encoding="utf-8").strip()
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        if "client_secret_basic" in methods:
            auth = httpx.BasicAuth(quote_plus(provider.client_id), quote_plus(secret))
        else:
            form["client_secret"] = secret
    return _json(
        provider, "POST", _endpoint(metadata, "token_endpoint"), data=form, **_given(auth=auth)
    )


def _verified(
    provider: OpenId, metadata: dict[str, Any], token: str, asked: Asked
) -> dict[str, Any]:
    registry = JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    try:
        try:
            decoded = jwt.decode(token, _keys(provider, metadata), registry=registry)
        except InvalidKeyIdError:  # the provider has changed its keys since
            keys = _keys(provider, metadata, anew=True)
            decoded = jwt.decode(token, keys, registry=registry)
        rules = jwt.JWTClaimsRegistry(
            now=int(time.time()),
            leeway=LEEWAY_SECONDS,
            iss={"essential": True, "value": provider.issuer},
            aud={"essential": True, "value": provider.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": asked.nonce},
        )
        rules.validate(decoded.claims)
    except (JoseError, ValueError, TypeError) as error:
        raise Refused("bad-token", str(error)) from error
    claims = dict(decoded.claims)
    if claims.get("azp", provider.client_id) != provider.client_id:
        raise Refused("bad-token", "azp")
    if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and "azp" not in claims:
        raise Refused("bad-token", "several audiences and no azp")
    return claims


def _userinfo(
    provider: OpenId, metadata: dict[str, Any], tokens: dict[str, Any], claims: dict[str, Any]
) -> dict[str, Any]:
    """What else it says of the same person: many providers keep groups out of the token."""
    if "userinfo_endpoint" not in metadata or not isinstance(tokens.get("access_token"), str):
        return {}
    said = _json(
        provider,
        "GET",
        _endpoint(metadata, "userinfo_endpoint"),
        headers={"Authorization": f"Bearer {tokens['access_token']}"},
    )
    if said.get("sub") != claims["sub"]:
        raise Refused("bad-token", "userinfo of somebody else")
    return said


def _claims(provider: OpenId, said: dict[str, Any]) -> Claims:
    subject = said["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise Refused("bad-token", "sub")
    at = said.get("auth_time")
    return Claims(
        subject=subject,
        groups=words(said.get(provider.groups)),
        username=line(said.get(provider.username), 100),
        full_name=line(said.get(provider.full_name), 150),
        email=line(said.get(provider.email), 254),
        factors=words(said.get("amr")) | words(said.get("acr")),
        authenticated_at=float(at) if isinstance(at, int | float) else None,
    )


# --- what is fetched ----------------------------------------------------------------------------


def _metadata(provider: OpenId) -> dict[str, Any]:
    found = _kept(provider, "metadata", f"{provider.issuer.rstrip('/')}/{_WELL_KNOWN}")
    if found.get("issuer") != provider.issuer:
        raise Refused("wrong-issuer", line(found.get("issuer"), 200))
    return found


def _keys(provider: OpenId, metadata: dict[str, Any], *, anew: bool = False) -> KeySet:
    found = _kept(provider, "keys", _endpoint(metadata, "jwks_uri"), anew=anew)
    return KeySet.import_key_set(found)  # type: ignore[arg-type]


def _kept(provider: OpenId, what: str, address: str, *, anew: bool = False) -> dict[str, Any]:
    key = f"sso:{provider.id}:{what}:{hashlib.sha256(address.encode()).hexdigest()[:16]}"
    found: dict[str, Any] | None = None if anew else cache.get(key)
    if found is not None:
        return found
    if cache.get(f"{key}:away"):
        raise Refused("provider-away", f"{address}, as a moment ago")
    try:
        found = _json(provider, "GET", address)
    except Refused:
        # Waiting for it again and again would keep threads from everybody else.
        cache.set(f"{key}:away", value=True, timeout=_AWAY_SECONDS)
        raise
    cache.set(key, found, _KEPT_SECONDS)
    return found


def _endpoint(metadata: dict[str, Any], name: str) -> str:
    address = metadata.get(name)
    if not isinstance(address, str) or not is_safe_address(address):
        raise Refused("bad-metadata", name)
    return address


def _json(provider: OpenId, method: str, address: str, **more: Any) -> dict[str, Any]:
    """An answer of the provider: an object, of a decent size, from where it was asked."""
    verify = _trust(provider)
    try:
        with (
            httpx.Client(timeout=_TIMEOUT, follow_redirects=False, verify=verify) as client,
            client.stream(method, address, **more) as response,
        ):
            body = b""
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _MAXIMUM_BYTES:
                    raise Refused("provider-error", "too long an answer")
            if response.status_code != httpx.codes.OK:
                raise Refused("provider-error", f"{address} answered {response.status_code}")
            found = httpx.Response(200, content=body).json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise Refused("provider-away", f"{address}: {error}") from error
    if not isinstance(found, dict):
        raise Refused("provider-error", f"{address} answered no object")
    return found


def _trust(provider: OpenId) -> Any:
    return True if provider.ca_file is None else ssl.create_default_context(cafile=provider.ca_file)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _with(asked: Asked, **changes: Any) -> Asked:
    return msgspec.structs.replace(asked, **changes)


_WELL_KNOWN = ".well-known/openid-configuration"
