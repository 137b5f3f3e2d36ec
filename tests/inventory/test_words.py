"""Searching by the beginnings of words; hostile text is text."""

from __future__ import annotations

import pytest
from django.db.models import F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import User
from findings.models import Finding
from inventory import search, words
from inventory.models import Asset
from inventory.records import Kind
from inventory.values import values_of
from tests.factories import AssetFactory, FindingFactory, TeamFactory, UserFactory
from tests.policies.builders import a_vm

pytestmark = pytest.mark.django_db


def found(text: str) -> set[str]:
    return set(search.narrow(Asset.objects.all(), text).values_list("name", flat=True))


@pytest.mark.parametrize(
    "text", ["web-77", "WEB", "77", "web-77.example.org", "example", "77 web", "“web-77”,"]
)
def test_a_name_is_found_by_the_beginnings_of_its_words(text: str):
    AssetFactory(record=a_vm("web-77.example.org"))
    AssetFactory(record=a_vm("db-08.other.net"))

    assert found(text) == {"web-77.example.org"}


@pytest.mark.parametrize("text", ["eb-77", "ample", "web db", "", "  ", "…!", "'''"])
def test_what_begins_no_word_finds_nothing(text: str):
    AssetFactory(record=a_vm("web-77.example.org"))

    assert found(text) == set()


@given(st.text(max_size=80))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_is_an_operator_or_an_error(text: str):
    found(text.encode("utf-8", "ignore").decode())


@pytest.mark.parametrize("text", ["a & b", "a | !b", "'a':*", "\\", "x <-> y", "%", "\x00"])
def test_operators_are_read_as_text(text: str):
    AssetFactory(record=a_vm("harmless"))

    assert found(text) == set()


def test_a_finding_is_found_by_its_assets_new_name():
    finding = FindingFactory(asset=AssetFactory(record=a_vm("alpha")))

    assert _findings("alpha") == {finding.pk}
    Asset.objects.filter(pk=finding.asset_id).update(name="omega")
    assert (_findings("alpha"), _findings("omega")) == (set(), {finding.pk})


def test_a_finding_is_found_by_its_new_sentence():
    finding = FindingFactory(message="Firewall is open.")

    Finding.objects.filter(pk=finding.pk).update(message="Gone is the clock.")

    assert (_findings("firewall"), _findings("clock")) == (set(), {finding.pk})


def test_values_of_a_label_are_those_within_scope():
    mine, other = TeamFactory(), TeamFactory()
    for team, label in ((mine, "internal"), (mine, "public"), (other, "zebra"), (other, "")):
        AssetFactory(team=team, record=a_vm(uid=f"u-{label}", classification=label))
    everybody = UserFactory()
    alice = UserFactory(scope="teams", teams=[mine])

    def values(user: User) -> list[str]:
        return values_of(["classification"], kinds=[Kind.VM], user=user, most=9)["classification"]

    assert values(everybody) == ["internal", "public", "zebra"]
    assert values(alice) == ["internal", "public"]


def _findings(text: str) -> set[int]:
    return set(Finding.objects.filter(words.begin(F("words"), text)).values_list("pk", flat=True))
