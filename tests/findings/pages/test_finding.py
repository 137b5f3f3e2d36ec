"""One finding: what was seen, what was expected, why, how to fix it here, and its history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.test import Client

from findings.models import FindingEvent
from policies import registry
from tests.factories import FindingFactory, SyncRunFactory

CHECK = "vm-duplicate-mac"


def test_it_says_what_was_seen_why_it_matters_and_how_to_fix_it_here(analyst: Client) -> None:
    check = registry.get(CHECK)
    finding = FindingFactory(check_id=CHECK, seen="00:50:56:aa:bb:cc twice", expected="once")

    html = analyst.get(f"/findings/{finding.pk}/").content.decode()

    assert "00:50:56:aa:bb:cc twice" in html
    assert "once" in html
    assert check.why.split(".", 1)[0].split("'")[0] in html
    assert "PowerCLI" in html
    assert f'href="/inventory/assets/{finding.asset_id}/"' in html
    assert f'href="/policies/checks/{CHECK}/"' in html


def test_its_history_names_the_run_that_saw_it(analyst: Client) -> None:
    finding = FindingFactory(check_id=CHECK)
    run = SyncRunFactory(source=finding.asset.source)
    FindingEvent.objects.create(
        finding=finding, kind="opened", at=datetime.now(UTC), run=run, message="Seen first."
    )

    html = analyst.get(f"/findings/{finding.pk}/").content.decode()

    assert f'href="/sources/runs/{run.pk}/"' in html
    assert "Seen first." in html


def test_what_can_no_longer_be_verified_says_so(analyst: Client) -> None:
    finding = FindingFactory(
        check_id=CHECK,
        stale_since=datetime.now(UTC) - timedelta(hours=3),
        stale_reason="The account may not read nics.",
    )

    html = analyst.get(f"/findings/{finding.pk}/").content.decode()

    assert "Not verifiable since" in html
    assert "The account may not read nics." in html


def test_a_finding_of_a_check_that_is_gone_still_opens(analyst: Client) -> None:
    finding = FindingFactory(check_id="vm-forgotten", evidence={"list": [1, {"a": None}]})

    response = analyst.get(f"/findings/{finding.pk}/")

    assert "is no longer shipped" in response.content.decode()


def test_the_drawer_is_a_part_and_not_a_page(analyst: Client) -> None:
    finding = FindingFactory(check_id=CHECK)

    part = analyst.get(f"/findings/{finding.pk}/", headers={"HX-Request": "true"})

    assert "<html" not in part.content.decode()
    assert "Open the page" in part.content.decode()
