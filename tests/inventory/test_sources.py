"""A stored password goes nowhere but where it was typed for."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from audit.models import Entry
from inventory import sources
from inventory.connecting import password_of
from inventory.connectors.base import CollectionFailed
from inventory.errors import NotPossible
from inventory.models import Credential, Source
from tests.factories import NOW, UserFactory

pytestmark = pytest.mark.django_db

SECRET = "canary-s3cret-of-the-vcenter"
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@pytest.fixture
def operator(db: None) -> User:
    return UserFactory(roles=["operator"])


def added(by: User, **fields: Any) -> Source:
    return sources.add(
        **{
            "by": by,
            "name": "vc-oslo",
            "url": "https://vc.example.org",
            "username": "reader",
            "password": SECRET,
            "trust": "system",
            "trust_pem": "",
            "attribute_mapping": {"owner": "Owner", "team": ""},
            "interval_minutes": 60,
            "now": NOW,
            **fields,
        }
    )


def test_a_source_keeps_its_password_sealed_and_opens_it_for_the_same_destination(
    operator: User,
) -> None:
    source = added(operator)

    assert source.url == "https://vc.example.org/sdk"
    assert source.attribute_mapping == {"owner": "Owner"}
    assert password_of(source) == SECRET
    with connection.cursor() as cursor:
        cursor.execute("SELECT ciphertext FROM inventory_credential")
        assert SECRET.encode() not in bytes(cursor.fetchone()[0])
    assert SECRET not in str(Entry.objects.values_list("before", "after"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "https://rogue.example.org/sdk"),
        ("url", "https://vc.example.org:8443/sdk"),
        ("trust", "pin"),
        ("trust_pem", PEM.replace("MIIB", "MIIC")),
    ],
)
def test_a_new_destination_needs_the_password_again_and_raw_sql_does_not_help(
    operator: User, field: str, value: str
) -> None:
    source = added(operator, trust="ca", trust_pem=PEM)

    with pytest.raises(NotPossible, match="typed again"):
        sources.change(source_id=source.pk, by=operator, now=NOW, **{field: value})
    Source.objects.filter(pk=source.pk).update(**{field: value})

    with pytest.raises(CollectionFailed, match="does not open"):
        password_of(Source.objects.get(pk=source.pk))


def test_a_ciphertext_moved_to_another_row_does_not_open(operator: User) -> None:
    one, other = added(operator), added(operator, name="vc-bergen")
    row = Credential.objects.get(source=one)
    Credential.objects.filter(source=other).update(
        key_id=row.key_id, nonce=row.nonce, ciphertext=row.ciphertext
    )

    with pytest.raises(CollectionFailed, match="does not open"):
        password_of(Source.objects.get(pk=other.pk))


def test_without_the_key_nothing_opens(operator: User, settings: Any) -> None:
    source = added(operator)
    settings.CREDENTIAL_KEYS = {"another": b"x" * 32}

    with pytest.raises(CollectionFailed, match="not in the key ring"):
        password_of(source)


def test_a_change_that_leads_to_the_same_place_keeps_the_password(operator: User) -> None:
    source = added(operator)

    source = sources.change(
        source_id=source.pk,
        by=operator,
        now=NOW,
        name="vc-oslo-1",
        url="https://VC.example.org:443/sdk",
    )

    assert password_of(source) == SECRET
    assert Entry.objects.values_list("before__name", flat=True).first() == "vc-oslo"


@pytest.mark.parametrize(
    "url",
    [
        "http://vc.example.org",
        "vc.example.org",
        "https://",
        "https://user:secret@vc.example.org",
        "https://vc.example.org:99999",
        "https://vc.example.org/sdk?x=1",
        "javascript:alert(1)",
    ],
)
def test_an_address_that_is_not_one_is_refused(operator: User, url: str) -> None:
    with pytest.raises(NotPossible):
        added(operator, url=url)


def test_two_sources_cannot_have_one_name(operator: User) -> None:
    added(operator)

    with pytest.raises(NotPossible, match="already"):
        added(operator, name="VC-Oslo")


def test_trust_by_certificate_needs_a_certificate(operator: User) -> None:
    with pytest.raises(NotPossible, match="PEM"):
        added(operator, trust="pin", trust_pem="")
