"""SAML 2.0 as a service provider: signed assertions that answer what this browser asked, only."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.dateparse import parse_datetime
from lxml import etree
from onelogin.saml2.authn_request import OneLogin_Saml2_Authn_Request
from onelogin.saml2.constants import OneLogin_Saml2_Constants as Saml2
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from onelogin.saml2.response import OneLogin_Saml2_Response
from onelogin.saml2.settings import OneLogin_Saml2_Settings
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from accounts.sso.claims import Claims, Refused, line, words
from accounts.sso.configuration import Saml

MAXIMUM_LENGTH = 256 * 1024
_NAMES = {"saml": "urn:oasis:names:tc:SAML:2.0:assertion"}


class Here(NamedTuple):
    """Where this service is, as the provider knows it."""

    metadata: str
    consumer: str


def address_for(provider: Saml, *, here: Here, again: bool) -> tuple[str, str]:
    """Where to send the browser, and the id of the request that has to be answered."""
    settings = _settings(provider, here)
    request = OneLogin_Saml2_Authn_Request(settings, force_authn=again)
    destination = settings.get_idp_sso_url()
    address: str = OneLogin_Saml2_Utils.redirect(
        destination, {"SAMLRequest": request.get_request()}, _request_data(here)
    )
    return address, str(request.get_id())


def claims_from(provider: Saml, encoded: str, *, here: Here, request_id: str) -> Claims:
    """What the provider says, verified, or raise Refused.

    `request_id` is what this browser asked with: an assertion that answers nothing, or something
    else, is refused, wherever in it that is said.
    """
    settings = _settings(provider, here)
    try:
        response = OneLogin_Saml2_Response(settings, encoded)
        response.is_valid(_request_data(here), request_id, raise_exceptions=True)
        _answers(response, request_id)
        return _claims(provider, response)
    except (OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError) as error:
        raise Refused("bad-assertion", str(error)) from error
    except (ValueError, TypeError, LookupError, AttributeError, etree.Error) as error:
        raise Refused("bad-assertion", f"unreadable: {error}") from error


def metadata(provider: Saml, *, here: Here) -> bytes:
    """What the provider's administrator is given about this service."""
    document = _settings(provider, here).get_sp_metadata()
    return document if isinstance(document, bytes) else str(document).encode()


def request_answered(encoded: str) -> str:
    """Which request an answer says it is for; nothing of it is verified yet. Or raise Refused."""
    if not 0 < len(encoded) <= MAXIMUM_LENGTH:
        raise Refused("bad-assertion", "its length")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        document = etree.fromstring(base64.b64decode(encoded, validate=True), parser)
    except (ValueError, etree.Error) as error:
        raise Refused("bad-assertion", f"unreadable: {error}") from error
    return str(document.get("InResponseTo", ""))


def _answers(response: OneLogin_Saml2_Response, request_id: str) -> None:
    """The library compares where there is something to compare; here it has to be there."""
    if response.get_in_response_to() != request_id:
        raise Refused("unasked")
    document = response.get_xml_document()
    [assertion] = document.xpath("//saml:Assertion", namespaces=_NAMES)
    answered = assertion.xpath(
        "./saml:Subject/saml:SubjectConfirmation/saml:SubjectConfirmationData/@InResponseTo",
        namespaces=_NAMES,
    )
    if answered != [request_id]:
        raise Refused("unasked")


def _claims(provider: Saml, response: OneLogin_Saml2_Response) -> Claims:
    subject = line(response.get_nameid(), 300)
    name_format = response.get_nameid_format()
    if name_format == Saml2.NAMEID_TRANSIENT or not 0 < len(subject) <= 255:
        raise Refused("bad-assertion", "the name of the person is not a lasting one")
    said: dict[str, list[str]] = response.get_attributes()
    return Claims(
        subject=subject,
        groups=words(said.get(provider.groups)),
        username=line(said.get(provider.username), 100),
        full_name=line(said.get(provider.full_name), 150),
        email=line(said.get(provider.email), 254),
        factors=words(response.get_authn_contexts()),
        authenticated_at=_authenticated_at(response),
    )


def _authenticated_at(response: OneLogin_Saml2_Response) -> float | None:
    said = response.get_xml_document().xpath(
        "//saml:Assertion/saml:AuthnStatement/@AuthnInstant", namespaces=_NAMES
    )
    moments: list[datetime | None] = [parse_datetime(text) for text in said]
    known = [moment.timestamp() for moment in moments if moment is not None and moment.tzinfo]
    return min(known, default=None)


def _settings(provider: Saml, here: Here) -> OneLogin_Saml2_Settings:
    try:
        described = OneLogin_Saml2_IdPMetadataParser.parse(
            provider.metadata_file.read_bytes(), entity_id=provider.entity_id
        )
        return OneLogin_Saml2_Settings(_configured(described, here))
    except (OneLogin_Saml2_Error, OSError, KeyError, etree.Error) as error:
        raise Refused("bad-metadata", str(error)) from error


def _configured(described: dict[str, Any], here: Here) -> dict[str, Any]:
    return {
        "strict": True,
        "idp": described["idp"],
        "sp": {
            "entityId": here.metadata,
            "assertionConsumerService": {
                "url": here.consumer,
                "binding": Saml2.BINDING_HTTP_POST,
            },
            "NameIDFormat": Saml2.NAMEID_UNSPECIFIED,
        },
        "security": {
            "wantAssertionsSigned": True,
            "rejectDeprecatedAlgorithm": True,
            "requestedAuthnContext": False,
            "wantAttributeStatement": False,
            "allowRepeatAttributeName": True,
            "allowSingleLabelDomains": True,  # a name within an organisation may have no dot
            "signatureAlgorithm": Saml2.RSA_SHA256,
            "digestAlgorithm": Saml2.SHA256,
        },
    }


def _request_data(here: Here) -> dict[str, Any]:
    """The library compares the consumer's address with what the assertion is for."""
    scheme, _, rest = here.consumer.partition("://")
    host, _, path = rest.partition("/")
    return {
        "https": "on" if scheme == "https" else "off",
        "http_host": host,
        "script_name": f"/{path}",
        "get_data": {},
        "post_data": {},
    }
