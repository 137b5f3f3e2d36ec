"""Signing in at a real SAML provider, and what becomes of assertions that are not right."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from re import search
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from zlib import decompress

import httpx
import pytest
import time_machine
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from django.test import Client
from lxml import etree

from accounts.models import RoleAssignment, User
from accounts.sso import configuration
from audit.models import Entry
from tests.accounts.test_sign_in import who
from tests.peers import identity

pytestmark = [pytest.mark.django_db, pytest.mark.integration]

ISSUER = "https://idp.halden.example"
HERE = "http://testserver/accounts/sso/saml-corp"
NAMES = {
    "saml": "urn:oasis:names:tc:SAML:2.0:assertion",
    "samlp": "urn:oasis:names:tc:SAML:2.0:protocol",
    "ds": "http://www.w3.org/2000/09/xmldsig#",
}
MULTI_FACTOR = "https://refeds.org/profile/mfa"


def key_pair(folder: Path, name: str) -> tuple[Path, Path]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.now(UTC) - timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    key_path, cert_path = folder / f"{name}.key", folder / f"{name}.pem"
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    cert_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return key_path, cert_path


def describe(path: Path, cert: Path, port: int) -> Path:
    """The metadata of the provider with this certificate on this port."""
    body = "".join(cert.read_text().splitlines()[1:-1])
    path.write_text(
        f"""<?xml version="1.0"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ISSUER}">
  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{NAMES["ds"]}"><ds:X509Data>
      <ds:X509Certificate>{body}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
      Location="http://127.0.0.1:{port}/sso"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>""",
        encoding="utf-8",
    )
    return path


@dataclass
class Provider:
    people: identity.People
    metadata: Path
    foreign: tuple[Path, Path]

    def put(self, login: str, *groups: str) -> None:
        self.people.put(login, *groups, uid=login, displayName=login.title(), mail=f"{login}@e.org")


@pytest.fixture(scope="module")
def _idp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    folder = tmp_path_factory.mktemp("idp")
    key, cert = key_pair(folder, "idp")
    port = identity.free_port()
    metadata = describe(folder / "metadata.xml", cert, port)
    people = identity.People(folder / "people.json")
    options = {"issuer": ISSUER, "key": str(key), "cert": str(cert), "people": str(people.path)}
    with identity.running("saml.mjs", port=port, **options):
        yield Provider(people, metadata, key_pair(folder, "foreign"))


@pytest.fixture
def idp(_idp: Provider, settings: Any) -> Provider:
    settings.SSO_PROVIDERS = configured(_idp)
    return _idp


def configured(idp: Provider, more: str = "") -> tuple[configuration.AnyProvider, ...]:
    return configuration.parse(
        f"""
        [[provider]]
        id = "saml-corp"
        kind = "saml"
        name = "Halden SAML"
        metadata_file = "{idp.metadata}"
        {more}
        [[provider.grants]]
        group = "vm-analysts"
        roles = ["analyst"]
        [[provider.grants]]
        group = "vm-operators"
        roles = ["operator"]
        """
    )


@dataclass
class Browser:
    ours: Client = field(default_factory=Client)

    def leave(self, query: str = "") -> str:
        response = self.ours.get(f"/accounts/sso/saml-corp/{query}")
        assert response.status_code == 302, response.content
        return str(response["Location"])

    def asked(self, login: str, **forged: Any) -> str:
        """Begin here, sign in there; the response that its page would post to us."""
        return answer(self.leave(), login, **forged)

    def post(self, encoded: str) -> Any:
        """As the provider's page does: from elsewhere, without our cookies; then by ourselves."""
        taken = Client().post("/accounts/sso/saml-corp/acs/", {"SAMLResponse": encoded})
        if taken.status_code != 302:
            return taken
        return self.ours.get(taken["Location"])


def answer(address: str, login: str, **forged: Any) -> str:
    page = httpx.get(f"{address}&login={login}&with={quote(json.dumps(forged))}", timeout=20)
    found = search(r'name="SAMLResponse"\s+value="([^"]+)"', page.text)
    assert found is not None, page.text[:300]
    return unescape(found[1])


def read(encoded: str) -> etree._Element:
    return etree.fromstring(base64.b64decode(encoded))


def written(document: etree._Element) -> str:
    return base64.b64encode(etree.tostring(document)).decode()


def only(document: etree._Element, path: str) -> etree._Element:
    found: list[etree._Element] = document.xpath(path, namespaces=NAMES)  # type: ignore[assignment]
    return found[0]


@pytest.fixture
def visitor() -> Browser:
    return Browser()


def test_a_person_signs_in_with_what_their_groups_give(idp: Provider, visitor: Browser):
    idp.put("anna", "vm-analysts", "everybody")

    response = visitor.post(answer(visitor.leave("?next=/findings/"), "anna"))

    assert response["Location"] == "/findings/"
    assert who(visitor.ours) == "anna@saml-corp"
    anna = User.objects.get()
    assert (anna.full_name, anna.email, anna.subject) == ("Anna", "anna@e.org", "anna")
    assert [a.role for a in RoleAssignment.objects.all()] == ["analyst"]


def test_a_group_that_is_gone_takes_its_role(idp: Provider, visitor: Browser):
    idp.put("anna", "vm-analysts")
    visitor.post(visitor.asked("anna"))
    idp.put("anna", "everybody")
    back = Browser()

    response = back.post(back.asked("anna"))

    assert response.status_code == 403
    assert b"none of your groups" in response.content
    assert not RoleAssignment.objects.exists()
    assert who(visitor.ours) is None


def test_the_context_counts_as_a_second_factor_where_that_is_configured(
    idp: Provider, settings: Any
):
    settings.REQUIRE_SECOND_FACTOR = True
    idp.put("ole", "vm-operators")
    plain, weak, strong = Browser(), Browser(), Browser()
    plain.post(plain.asked("ole", authnContextClassRef=MULTI_FACTOR))
    settings.SSO_PROVIDERS = configured(idp, f'second_factor = ["{MULTI_FACTOR}"]')
    weak.post(weak.asked("ole"))
    strong.post(strong.asked("ole", authnContextClassRef=MULTI_FACTOR))

    assert [who(b.ours) for b in (plain, weak, strong)] == [None, None, "ole@saml-corp"]


def test_showing_again_who_one_is_asks_for_a_new_sign_in(idp: Provider, visitor: Browser):
    idp.put("anna", "vm-analysts")
    visitor.post(visitor.asked("anna"))

    address = visitor.leave("?again=1")

    encoded = parse_qs(urlsplit(address).query)["SAMLRequest"][0]
    request = etree.fromstring(decompress(base64.b64decode(encoded), -15))
    assert request.get("ForceAuthn") == "true"
    assert request.get("AssertionConsumerServiceURL") == f"{HERE}/acs/"


def test_the_metadata_say_where_we_are(idp: Provider, client: Client):
    document = etree.fromstring(client.get("/accounts/sso/saml-corp/metadata/").content)

    assert document.get("entityID") == f"{HERE}/metadata/"
    assert f"{HERE}/acs/" in etree.tostring(document).decode()
    assert 'WantAssertionsSigned="true"' in etree.tostring(document).decode()


def test_an_assertion_works_once_and_in_the_browser_that_asked(idp: Provider, visitor: Browser):
    idp.put("anna", "vm-analysts")
    encoded = visitor.asked("anna")
    thief, bystander = Browser(), Browser()
    bystander.leave()

    assert thief.post(encoded).status_code == 403
    assert bystander.post(encoded).status_code == 403
    assert visitor.post(encoded).status_code == 302
    assert visitor.post(encoded).status_code == 403
    visitor.ours.post("/accounts/logout/")
    assert visitor.post(encoded).status_code == 403
    assert {who(b.ours) for b in (visitor, thief, bystander)} == {None}


def test_a_ticket_works_once(idp: Provider, visitor: Browser):
    idp.put("anna", "vm-analysts")
    encoded = visitor.asked("anna")
    taken = Client().post("/accounts/sso/saml-corp/acs/", {"SAMLResponse": encoded})

    assert visitor.ours.get(taken["Location"]).status_code == 302
    visitor.ours.post("/accounts/logout/")
    assert visitor.ours.get(taken["Location"]).status_code == 403
    assert visitor.ours.get("/accounts/sso/saml-corp/finish/").status_code == 403


def test_what_the_provider_begins_by_itself_is_refused(idp: Provider, visitor: Browser):
    idp.put("anna", "vm-analysts")
    visitor.leave()
    encoded = unasked(idp)

    assert read(encoded).get("InResponseTo") in (None, "")
    assert visitor.post(encoded).status_code == 403
    assert who(visitor.ours) is None


def test_an_envelope_does_not_make_it_asked_for(idp: Provider, visitor: Browser):
    """The envelope is not signed, so whoever holds an assertion can write in it what they like."""
    idp.put("anna", "vm-analysts")
    idp.put("mallory", "vm-analysts")
    document = read(unasked(idp))
    document.set("InResponseTo", read(visitor.asked("mallory")).get("InResponseTo", ""))

    assert visitor.post(written(document)).status_code == 403
    assert who(visitor.ours) is None


def unasked(idp: Provider) -> str:
    """A genuine response that nobody asked for."""
    address = f"{_sso(idp)}?unasked=1"
    return answer(address, "anna", recipient=f"{HERE}/acs/", audience=f"{HERE}/metadata/")


def _sso(idp: Provider) -> str:
    return str(only(etree.fromstring(idp.metadata.read_bytes()), "//*[@Location]").get("Location"))


WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"issuer": "https://evil.example"},
    "another audience": {"audience": "https://somebody-else.example"},
    "another recipient": {"recipient": "https://evil.example/acs"},
    "another destination": {"destination": "https://evil.example/acs"},
    "an answer to something else": {"inResponseTo": "_something-else"},
    "not signed": {"signAssertion": False},
    "only the envelope signed": {"signAssertion": False, "signResponse": True},
    "a failure": {"samlStatusCode": "urn:oasis:names:tc:SAML:2.0:status:Responder"},
    "run out": {"lifetimeInSeconds": -600},
    "signed by an old algorithm": {"signatureAlgorithm": "rsa-sha1"},
    "digested by an old algorithm": {"digestAlgorithm": "sha1"},
    "a passing name": {
        "nameIdentifierFormat": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
    },
}


@pytest.mark.parametrize("forged", WRONG.values(), ids=WRONG)
def test_an_assertion_that_is_not_meant_for_this_is_refused(
    idp: Provider, visitor: Browser, forged: dict[str, Any]
):
    idp.put("anna", "vm-analysts")

    response = visitor.post(visitor.asked("anna", **forged))

    assert response.status_code == 403
    assert who(visitor.ours) is None
    assert not User.objects.exists()


def test_an_assertion_signed_by_a_foreign_key_is_refused(idp: Provider, visitor: Browser):
    idp.put("anna", "vm-analysts")
    key, cert = idp.foreign

    assert visitor.post(visitor.asked("anna", key=str(key), cert=str(cert))).status_code == 403
    assert not User.objects.exists()
    assert Entry.objects.get(action="accounts:session:refuse-provider")


def change_a_group(document: etree._Element) -> None:
    only(document, "//saml:AttributeValue[text()='everybody']").text = "vm-operators"


def change_the_person(document: etree._Element) -> None:
    only(document, "//saml:NameID").text = "ole"


def take_the_signature(document: etree._Element) -> None:
    signature = only(document, "//ds:Signature")
    signature.getparent().remove(signature)


def add_a_second(document: etree._Element) -> None:
    evil = deepcopy(only(document, "//saml:Assertion"))
    evil.set("ID", "_evil")
    evil.remove(only(evil, "./ds:Signature"))
    change_the_person(evil)
    document.insert(0, evil)


def wrap_the_signed(document: etree._Element) -> None:
    """The signed assertion goes where nobody looks, one of ours takes its place."""
    signed = only(document, "//saml:Assertion")
    evil = deepcopy(signed)
    evil.set("ID", "_evil")
    change_the_person(evil)
    document.replace(signed, evil)
    holder = etree.SubElement(only(evil, "./ds:Signature"), f"{{{NAMES['ds']}}}Object")
    holder.append(signed)


def wrap_in_extensions(document: etree._Element) -> None:
    signed = only(document, "//saml:Assertion")
    evil = deepcopy(signed)
    evil.set("ID", "_evil")
    evil.remove(only(evil, "./ds:Signature"))
    change_the_person(evil)
    document.replace(signed, evil)
    extensions = etree.Element(f"{{{NAMES['samlp']}}}Extensions")
    extensions.append(signed)
    document.insert(1, extensions)


@pytest.mark.parametrize(
    "alter",
    [
        change_a_group,
        change_the_person,
        take_the_signature,
        add_a_second,
        wrap_the_signed,
        wrap_in_extensions,
    ],
)
def test_an_altered_assertion_is_refused(
    idp: Provider, visitor: Browser, alter: Callable[[etree._Element], None]
):
    idp.put("anna", "vm-analysts", "everybody")
    document = read(visitor.asked("anna"))
    alter(document)

    assert visitor.post(written(document)).status_code == 403
    assert who(visitor.ours) is None
    assert not User.objects.exists()


def test_a_stolen_assertion_does_not_fit_by_changing_the_envelope(idp: Provider):
    """The envelope is not signed: the assertion itself has to say which request it answers."""
    idp.put("anna", "vm-analysts")
    victim, thief = Browser(), Browser()
    document = read(victim.asked("anna"))
    mine = read(thief.asked("anna"))
    document.set("InResponseTo", mine.get("InResponseTo", ""))

    assert thief.post(written(document)).status_code == 403
    assert who(thief.ours) is None


def test_a_comment_does_not_cut_a_name(idp: Provider, visitor: Browser):
    idp.put("anna.evil", "vm-analysts")
    document = read(visitor.asked("anna.evil"))
    name = only(document, "//saml:NameID")
    name.text = "anna"
    comment = etree.Comment("x")
    comment.tail = ".evil"
    name.append(comment)

    visitor.post(written(document))

    assert not User.objects.filter(subject="anna").exists()


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + ']><r InResponseTo="x">&j;</r>'
)
FILE = '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/passwd">]><r>&f;</r>'


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "%%%",
        "AAAA",
        base64.b64encode(b"<a>").decode(),
        base64.b64encode(b"<a/>").decode(),
        base64.b64encode(BOMB.encode()).decode(),
        base64.b64encode(FILE.encode()).decode(),
        "A" * 400_000,
    ],
    ids=["nothing", "no base64", "no XML", "broken", "empty", "bomb", "file", "long"],
)
def test_what_is_no_answer_is_refused(idp: Provider, visitor: Browser, sent: str):
    visitor.ours.raise_request_exception = False
    visitor.leave()

    assert visitor.post(sent).status_code == 403


def test_an_assertion_does_not_outlive_its_time(idp: Provider, visitor: Browser):
    idp.put("anna", "vm-analysts")
    encoded = visitor.asked("anna", lifetimeInSeconds=60)

    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=10), tick=False):
        assert visitor.post(encoded).status_code == 403
    assert not User.objects.exists()
