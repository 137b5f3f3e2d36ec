"""The switches of theme and density: a form, a cookie, and back to where one was."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories import UserFactory


@pytest.mark.django_db
def test_a_choice_is_remembered_and_leads_back(client: Client) -> None:
    response = client.post(reverse("ui:theme"), {"theme": "dark", "next": "/findings/?a=1"})

    assert (response.status_code, response["Location"]) == (302, "/findings/?a=1")
    assert response.cookies["vmgov-theme"].value == "dark"
    assert 'data-bs-theme="dark"' in client.get("/accounts/login/").content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("back", ["//evil.example/", "https://evil.example/", "javascript:1"])
def test_it_never_leads_elsewhere(client: Client, back: str) -> None:
    response = client.post(reverse("ui:theme"), {"theme": "dark", "next": back})

    assert response["Location"] == "/"


@pytest.mark.django_db
def test_an_unknown_theme_is_not_kept(client: Client) -> None:
    response = client.post(reverse("ui:theme"), {"theme": '"><script>', "next": "/"})

    assert "vmgov-theme" not in response.cookies


@pytest.mark.django_db
def test_how_close_lines_stand_is_remembered(client: Client) -> None:
    response = client.post(reverse("ui:density"), {"density": "compact", "next": "/findings/"})

    assert (response.status_code, response["Location"]) == (302, "/findings/")
    assert response.cookies["vmgov-density"].value == "compact"
    client.force_login(UserFactory(roles=["analyst"]))
    assert 'data-density="compact"' in client.get("/findings/").content.decode()
