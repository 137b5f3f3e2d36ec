"""The list of findings: filters, their opposites, pages, fragments, and the file."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.http import StreamingHttpResponse
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from audit.models import Entry
from findings.models import Finding
from inventory.models import Source
from inventory.records import Platform, VirtualMachine
from tests.factories import AssetFactory, FindingFactory, TeamFactory, UserFactory
from tests.findings.pages.visitors import signed_in

HOSTILE = "=cmd|' /C calc'!A0<script>alert(1)</script>\u202egnp.exe" + "x" * 65_000


def _ids(client: Client, address: str) -> set[int]:
    """Every finding on every page of a list."""
    found: list[int] = []
    query = address
    for _ in range(100):
        page = client.get(f"/findings/{query}").context["page"]
        found += [row.pk for row in page.rows]
        if not page.next_address:
            break
        query = page.next_address
    assert len(found) == len(set(found)), "a finding is on two pages"
    return set(found)


def _machine(name: str, *, classification: str | None = None) -> VirtualMachine:
    return VirtualMachine(
        platform=Platform.VSPHERE,
        uid=f"uid-{name[:50]}",
        ref="vm-1",
        name=name,
        classification=classification,
    )


def test_without_a_word_about_the_state_it_lists_what_is_open(analyst: Client) -> None:
    open_one = FindingFactory()
    FindingFactory(state="resolved", resolved_at=datetime.now(UTC), resolution="fixed")

    assert _ids(analyst, "") == {open_one.pk}


@pytest.mark.parametrize("sort", ["severity", "-opened", "opened", "due", "-updated"])
def test_pages_in_every_order_hold_each_finding_once(
    analyst: Client, halden: list[Source], sort: str
) -> None:
    FindingFactory(due_at=None)

    listed = _ids(analyst, f"?state=any&sort={sort}")

    assert listed == set(Finding.objects.values_list("pk", flat=True))
    assert len(listed) > 50


@pytest.mark.parametrize(
    "query",
    [
        "severity=high",
        "area=securing",
        "statement=IR-10",
        "check=vm-duplicate-mac",
        "kind=host",
        "classification=none",
        "classification=unknown",
        "classification=patient+data",
        "criticality=high",
        "due=overdue",
        "due=week&due=later",
        "state=resolved",
        "q=before",
        "team=Finance",
        "source=vc-oslo",
    ],
)
def test_a_filter_and_its_opposite_share_out_the_whole(
    analyst: Client, halden: list[Source], query: str
) -> None:
    name = query.partition("=")[0]
    everything = _ids(analyst, "?state=any")

    chosen = _ids(analyst, f"?state=any&{query}" if name != "state" else f"?{query}")

    assert 0 < len(chosen) < len(everything)
    if name not in ("q",):
        opposite = query.replace(f"{name}=", f"{name}__not=")
        prefix = "state=any&" if name != "state" else ""
        assert _ids(analyst, f"?{prefix}{opposite}") == everything - chosen


def test_two_values_of_one_filter_mean_either(analyst: Client, halden: list[Source]) -> None:
    either = _ids(analyst, "?severity=high&severity=medium")

    assert either == _ids(analyst, "?severity=high") | _ids(analyst, "?severity=medium")


def test_the_counts_are_those_of_the_list(analyst: Client, halden: list[Source]) -> None:
    context = analyst.get("/findings/?kind=vm").context

    assert context["counts"]["total"] == len(_ids(analyst, "?kind=vm"))
    assert context["counts"]["high"] == len(_ids(analyst, "?kind=vm&severity=high"))
    assert context["counts"]["overdue"] == len(_ids(analyst, "?kind=vm&due=overdue"))


@pytest.mark.parametrize(
    "query", ["severity=loud", "due=never", "opened_since=soon", "stale=perhaps&kind=ship"]
)
def test_a_filter_that_is_not_understood_lists_nothing_and_says_so(
    analyst: Client, query: str
) -> None:
    FindingFactory()

    response = analyst.get(f"/findings/?{query}")

    assert response.status_code == 200
    if "stale" not in query:
        assert response.context["counts"]["total"] == 0
    assert "not understood" in response.content.decode()


@pytest.mark.parametrize(
    "cursor", ["x", "AAAA", "WzEsMl0", "e30", "WzEsIngiLDJd", "%00", "W3siYXQiOiJ4In0sMSwyXQ"]
)
def test_a_cursor_that_is_not_ours_starts_over(analyst: Client, cursor: str) -> None:
    finding = FindingFactory()

    response = analyst.get(f"/findings/?after={cursor}")

    assert [row.pk for row in response.context["page"].rows] == [finding.pk]


def test_a_chip_can_be_removed_and_turned_round(analyst: Client, halden: list[Source]) -> None:
    chips = analyst.get("/findings/?severity=high&kind=vm").context["chips"]

    severity = next(chip for chip in chips if chip.label == "Severity")
    assert (severity.word, severity.value) == ("is", "High")
    assert _ids(analyst, severity.without) == _ids(analyst, "?kind=vm")
    assert _ids(analyst, severity.turned) == _ids(analyst, "?kind=vm&severity__not=high")


def test_removing_the_state_shows_every_state(analyst: Client, halden: list[Source]) -> None:
    [chip] = analyst.get("/findings/").context["chips"]

    assert _ids(analyst, chip.without) == _ids(analyst, "?state=any")


def test_htmx_gets_the_part_that_changes(analyst: Client) -> None:
    FindingFactory()

    part = analyst.get("/findings/", headers={"HX-Request": "true"})
    whole = analyst.get("/findings/")

    assert part.content.decode().lstrip().startswith('<div id="findings">')
    assert whole.content.decode().lstrip().lower().startswith("<!doctype html>")
    assert "HX-Request" in part["Vary"]


def test_it_takes_few_queries_whatever_the_size(
    analyst: Client, halden: list[Source], django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    analyst.get("/findings/")  # the first request begins the session
    with django_assert_max_num_queries(12):
        analyst.get("/findings/?kind=vm&source=vc-oslo&severity=high")


def test_what_belongs_to_another_team_is_not_there(halden: list[Source]) -> None:
    theirs = Finding.objects.filter(asset__team__name="Web").first()
    assert theirs is not None
    charlie = signed_in(
        UserFactory(roles=["analyst"], scope=User.Scope.TEAMS, teams=[TeamFactory()])
    )

    page = charlie.get("/findings/?state=any")

    assert page.context["counts"]["total"] == 0
    assert "Web" not in [label for menu in page.context["menus"] for _, label in menu["choices"]]
    assert "vc-oslo" not in page.content.decode()
    assert charlie.get(f"/findings/{theirs.pk}/").status_code == 404
    assert charlie.get("/findings/999999999/").status_code == 404


# --- hostile text -----------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["/findings/", "/findings/{pk}/", "/", "/search/?q=cmd"])
def test_a_hostile_name_is_shown_inert(analyst: Client, address: str) -> None:
    asset = AssetFactory(record=_machine(HOSTILE, classification="\u202e<b>"))
    finding = FindingFactory(asset=asset, message=f"{HOSTILE} is not as it should be.")

    html = analyst.get(address.format(pk=finding.pk)).content.decode()

    assert "<script>alert" not in html
    assert "\u202e" not in re.sub(r"<[^>]*>", "", html)  # a menu's value has to be exact
    assert "⟨U+202E⟩" in html
    if "{pk}" not in address:
        assert len(html) < 65_000


# --- the file ---------------------------------------------------------------------------------


def _rows(response: object) -> list[list[str]]:
    assert isinstance(response, StreamingHttpResponse)
    text = b"".join(response).decode().removeprefix("\ufeff")
    return list(csv.reader(io.StringIO(text)))


def test_the_file_holds_what_the_list_shows(analyst: Client, halden: list[Source]) -> None:
    header, *rows = _rows(analyst.get("/findings/export.csv?severity=high"))

    assert len(rows) == analyst.get("/findings/?severity=high").context["counts"]["total"]
    assert {row[header.index("Severity")] for row in rows} == {"high"}
    assert {row[header.index("State")] for row in rows} == {"open"}


def test_no_cell_of_the_file_is_a_formula(analyst: Client) -> None:
    asset = AssetFactory(record=_machine('=HYPERLINK("http://x")', classification="+1"))
    FindingFactory(asset=asset, message="-2+3", seen="\t=1", expected="＝1")

    _, row = _rows(analyst.get("/findings/export.csv"))

    assert {'\'=HYPERLINK("http://x")', "'+1", "'-2+3", "'\t=1", "'＝1"} <= set(row)


def test_that_a_file_was_taken_is_in_the_audit_log(analyst: Client) -> None:
    FindingFactory()

    analyst.get("/findings/export.csv?severity=medium")

    entry = Entry.objects.get(action="findings:finding:export")
    assert entry.after == {"filters": "severity=medium&status=to_do"}


def test_who_may_not_export_finds_no_file(db: None) -> None:
    viewer = signed_in(UserFactory(roles=["viewer"]))

    assert viewer.get("/findings/export.csv").status_code == 404
    assert "export.csv" not in viewer.get("/findings/").content.decode()


def test_recent_moments_narrow_the_list(analyst: Client) -> None:
    now = datetime.now(UTC)
    fresh = FindingFactory(opened_at=now - timedelta(hours=1))
    FindingFactory(opened_at=now - timedelta(days=9))

    since = (now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%MZ")
    assert _ids(analyst, f"?opened_since={since}") == {fresh.pk}
