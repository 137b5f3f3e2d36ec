"""Signing in at an organisation's provider: out to it, back from it, and in or not."""

from __future__ import annotations

import logging
import secrets
import time
from importlib import import_module
from typing import Any

import msgspec
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from accounts import second_factor, sso
from accounts.access import SignedInRequest, public, signed_in
from accounts.models import User
from accounts.roles import SEPARATED
from accounts.sso import admission
from accounts.sso.claims import Asked, Claims, Refused
from accounts.sso.configuration import AnyProvider, OpenId, Saml

log = logging.getLogger(__name__)

_SESSION_KEY = "sso"
_AT_ONCE = 5  # tabs in which one may be under way
_UNDER_WAY_SECONDS = 15 * 60
_TICKET_SECONDS = 60


@public
@require_GET
def start(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Send the browser to the provider, and remember what it was asked."""
    provider = _provider(provider_id)
    wants_again = "again" in request.GET
    if isinstance(request.user, User) and not wants_again:
        return redirect("/")
    asked = Asked(
        provider=provider.id,
        asked_at=time.time(),
        next=_safe_next(request),
        again=request.user.pk if wants_again and isinstance(request.user, User) else None,
    )
    try:
        if isinstance(provider, OpenId):
            key = secrets.token_urlsafe(32)
            address, asked = _protocol("openid").address_for(
                provider, callback=_callback(request, provider), asked=asked, state=key
            )
        else:
            address, key = _protocol("saml").address_for(
                provider, here=_here(request, provider), again=asked.again is not None
            )
    except Refused as refusal:
        return _refuse(request, provider, refusal)
    _remember(request, key, asked)
    return redirect(address)


@public
@require_GET
def callback(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Back from a provider of OpenID Connect."""
    provider = _provider(provider_id, OpenId)
    asked = None
    try:
        asked = _recall(request, request.GET.get("state", ""), provider)
        claims = _protocol("openid").claims_from(
            provider, request.GET.dict(), callback=_callback(request, provider), asked=asked
        )
        return _let_in(request, provider, asked, claims)
    except Refused as refusal:
        return _refuse(request, provider, refusal, is_noted=asked is not None)


@public
@csrf_exempt  # it comes from the provider's page; what it must carry is looked at in `finish`
@require_POST
def consume(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Take what a provider of SAML has the browser post, and have the browser come by itself.

    A post from elsewhere comes without our session; only with it can we tell who asked.
    """
    provider = _provider(provider_id, Saml)
    encoded = request.POST.get("SAMLResponse", "")
    try:
        _protocol("saml").request_answered(encoded)
    except Refused as refusal:
        return _refuse(request, provider, refusal)
    ticket = secrets.token_urlsafe(32)
    cache.set(f"sso:ticket:{ticket}", encoded, _TICKET_SECONDS)
    address = reverse("accounts:sso-finish", kwargs={"provider_id": provider.id})
    return redirect(f"{address}?ticket={ticket}")


@public
@require_GET
def finish(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """Back from a provider of SAML, with our session."""
    provider = _provider(provider_id, Saml)
    ticket = f"sso:ticket:{request.GET.get('ticket', '')[:100]}"
    encoded: str = cache.get(ticket, "")
    cache.delete(ticket)
    asked = None
    try:
        if not encoded:
            raise Refused("unasked")
        request_id = _protocol("saml").request_answered(encoded)
        asked = _recall(request, request_id, provider)
        claims = _protocol("saml").claims_from(
            provider, encoded, here=_here(request, provider), request_id=request_id
        )
        return _let_in(request, provider, asked, claims)
    except Refused as refusal:
        return _refuse(request, provider, refusal, is_noted=asked is not None)


@public
@require_GET
def metadata(request: HttpRequest, provider_id: str) -> HttpResponseBase:
    """What the administrator of a SAML provider needs to know of us."""
    provider = _provider(provider_id, Saml)
    document = _protocol("saml").metadata(provider, here=_here(request, provider))
    return HttpResponse(document, content_type="application/samlmetadata+xml")


@signed_in
def again(request: SignedInRequest) -> HttpResponseBase:
    """Whoever has neither password nor second factor here shows who they are at their provider."""
    provider = sso.provider(request.user.provider)
    if provider is None:
        raise Http404
    address = reverse("accounts:sso-start", kwargs={"provider_id": provider.id})
    context = {"provider": provider, "address": address, "next": _safe_next(request)}
    return render(request, "account/sso_again.html", context)


def _let_in(
    request: HttpRequest, provider: AnyProvider, asked: Asked, claims: Claims
) -> HttpResponseBase:
    user = admission.admit(provider, claims)
    here = request.user.pk if isinstance(request.user, User) else None
    if asked.again is not None and not asked.again == here == user.pk:
        raise Refused("somebody-else")
    record_authentication(
        request,
        user,
        second_factor.SSO,
        at=min(claims.authenticated_at or 0.0, time.time()),
        provider=provider.id,
        second_factor=bool(claims.factors & set(provider.second_factor)),
    )
    response: HttpResponseBase = perform_login(request, user, redirect_url=asked.next or None)
    return response


def _refuse(
    request: HttpRequest, provider: AnyProvider, refusal: Refused, *, is_noted: bool = False
) -> HttpResponse:
    """Say that it did not work. What strangers can send at will stays out of the audit log."""
    log.warning("Nobody was let in from %s: %s", provider.id, refusal)
    if is_noted and not refusal.is_recorded:
        admission.record_refusal(provider.id, refusal)
    separation = next((s for s in SEPARATED if refusal.detail == f"{s.one} and {s.other}"), None)
    context = {"provider": provider, "reason": refusal.reason, "separation": separation}
    return render(request, "account/sso_refused.html", context, status=403)


def _provider(provider_id: str, kind: type[AnyProvider] | None = None) -> Any:
    found = sso.provider(provider_id)
    if found is None or (kind is not None and not isinstance(found, kind)):
        raise Http404
    return found


def _protocol(name: str) -> Any:
    """Loaded when somebody comes: it is in the extra `sso`."""
    return import_module(f"accounts.sso.{name}")


def _callback(request: HttpRequest, provider: AnyProvider) -> str:
    path = reverse("accounts:sso-callback", kwargs={"provider_id": provider.id})
    return request.build_absolute_uri(path)


def _here(request: HttpRequest, provider: AnyProvider) -> Any:
    return _protocol("saml").Here(
        metadata=request.build_absolute_uri(
            reverse("accounts:sso-metadata", kwargs={"provider_id": provider.id})
        ),
        consumer=request.build_absolute_uri(
            reverse("accounts:sso-acs", kwargs={"provider_id": provider.id})
        ),
    )


def _safe_next(request: HttpRequest) -> str:
    wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
    return wanted if wanted and get_adapter(request).is_safe_url(wanted) else ""


def _remember(request: HttpRequest, key: str, asked: Asked) -> None:
    under_way = _under_way(request)
    under_way[key] = msgspec.to_builtins(asked)
    newest = sorted(under_way.items(), key=lambda item: item[1]["asked_at"])[-_AT_ONCE:]
    request.session[_SESSION_KEY] = dict(newest)


def _recall(request: HttpRequest, key: str, provider: AnyProvider) -> Asked:
    """What was asked with this key, which is then used up; or raise Refused."""
    under_way = _under_way(request)
    found = under_way.pop(key, None)
    request.session[_SESSION_KEY] = under_way
    if found is None or found["provider"] != provider.id:
        raise Refused("unasked")
    return msgspec.convert(found, Asked)


def _under_way(request: HttpRequest) -> dict[str, dict[str, Any]]:
    oldest = time.time() - _UNDER_WAY_SECONDS
    kept: dict[str, dict[str, Any]] = request.session.get(_SESSION_KEY, {})
    return {key: asked for key, asked in kept.items() if asked["asked_at"] > oldest}
