"""Pages of policies: what is known of each statement, and how a check is set."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from inventory.models import Asset, Source
from policies import coverage, registry
from policies.forms import PREFIX, SettingForm
from policies.models import CheckSetting, Statement, Verdict
from tests.factories import AssetFactory, VerdictFactory
from tests.inventory.pages.world import HOSTILE, World, person
from tests.policies.builders import a_vm

SNAPSHOTS = "vm-snapshot-age"


def page(client: Client, path: str, **query: Any) -> str:
    answer = client.get(path, query)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html.partition("<main")[2] or html))


@pytest.fixture
def analyst(client: Client, world: World) -> Client:
    client.force_login(person("analyst"))
    return client


@pytest.fixture
def approver(client: Client, world: World) -> Client:
    client.force_login(person("approver"))
    return client


# --- what is known ----------------------------------------------------------------------------


def test_a_pass_is_an_evaluated_asset_about_which_nothing_else_is_said(world: World):
    tally = coverage.check_lines(person("viewer"))[SNAPSHOTS].tally

    assert (tally.passed, tally.failed, tally.unknown) == (1, 1, 2)
    assert tally.total == Asset.objects.filter(kind="vm").count()


def test_nothing_unevaluated_passes(world: World):
    Asset.objects.update(evaluated_at=None)

    lines = coverage.check_lines(person("viewer")).values()

    assert sum(line.tally.passed for line in lines) == 0
    assert sum(line.tally.unknown for line in lines) > 0


def test_what_is_gone_counts_nowhere(world: World):
    Asset.objects.filter(kind="vm").update(gone_at=world.now)

    assert coverage.check_lines(person("viewer"))[SNAPSHOTS].tally.total == 0


def test_a_check_that_is_switched_off_says_nothing(world: World):
    CheckSetting.objects.create(check_id=SNAPSHOTS, is_enabled=False)

    assert coverage.check_lines(person("viewer"))[SNAPSHOTS].tally.total == 0


def test_an_error_never_makes_a_statement_look_met(world: World):
    Verdict.objects.all().delete()
    Asset.objects.update(evaluated_at=world.now)
    VerdictFactory(asset=world["web-01"], check_id=SNAPSHOTS, outcome="error", reason="KeyError")

    line = coverage.check_lines(person("viewer"))[SNAPSHOTS]

    assert line.tally.worst == "error"
    assert line.not_known == 1


def test_counts_are_over_what_the_person_may_see(world: World):
    tally = coverage.check_lines(person("viewer", teams=(world.web,)))[SNAPSHOTS].tally

    assert (tally.passed, tally.failed, tally.unknown) == (1, 0, 1)


# --- the document -----------------------------------------------------------------------------


def test_the_document_reads_with_an_answer_for_every_statement(analyst: Client):
    html = page(analyst, "/policies/")

    assert html.count("<tr data-row>") == Statement.objects.count()
    assert "3 min ago" in html
    assert "Uncovered" in html
    assert "Security of virtual machines" in html


def test_the_numbers_of_the_sentence_are_those_of_the_lists(analyst: Client):
    html = page(analyst, "/policies/")

    for result in ("pass", "fail", "unknown", "uncovered"):
        [count] = re.findall(rf'<a href="\?result={result}">(\d+)</a>', html)
        assert page(analyst, "/policies/", result=result).count("<tr data-row>") == int(count)


def test_an_area_narrows_the_document(analyst: Client):
    html = page(analyst, "/policies/", area="scope")

    assert html.count("<tr data-row>") == Statement.objects.filter(area="scope").count()


def test_without_a_document_the_page_says_how_to_load_it(client: Client, db: None):
    client.force_login(person("viewer"))

    assert "load_policies" in page(client, "/policies/")


def test_stale_facts_are_said_to_be_stale(analyst: Client, world: World):
    Source.objects.update(published_at=world.now - timedelta(days=2))

    for path in ("/policies/", f"/policies/checks/{SNAPSHOTS}/", "/policies/checks/"):
        assert "These answers are about the facts of then." in page(analyst, path)


def test_every_statement_opens(analyst: Client):
    for code in Statement.objects.values_list("code", flat=True):
        page(analyst, f"/policies/{code}/")


def test_an_uncovered_statement_says_that_nobody_knows_by_a_check(analyst: Client):
    uncovered = page(analyst, "/policies/", result="uncovered")
    [code, *_] = re.findall(r'data-open href="/policies/([^/"]+)/"', uncovered)

    assert "No check covers it" in page(analyst, f"/policies/{code}/")


def test_an_unknown_statement_or_check_is_absent(analyst: Client):
    for path in ("/policies/NO-1/", "/policies/checks/vm-no/", "/policies/checks/vm-no/settings/"):
        assert analyst.get(path).status_code == 404


def test_the_export_has_a_line_for_every_statement(analyst: Client):
    answer = analyst.get("/policies/export/")
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    lines = list(csv.DictReader(io.StringIO(text)))

    assert len(lines) == Statement.objects.count()
    assert {line["Result"] for line in lines} >= {"uncovered", "fail"}


# --- a check ----------------------------------------------------------------------------------


def test_every_check_opens(analyst: Client):
    for check in registry.all_checks():
        html = page(analyst, f"/policies/checks/{check.id}/")
        assert check.title in html.replace("&#x27;", "'").replace("&amp;", "&")


def test_a_check_says_how_it_is_mended_with_its_blanks_empty(analyst: Client):
    page = analyst.get("/policies/checks/vm-secure-boot/").content.decode()

    assert "<h3>When it has BIOS firmware</h3>" in page
    assert "There is no script: a guest installed for BIOS" in page
    assert "Plan a new machine with EFI firmware" in page
    assert "VirtualMachine.Config.Settings on the machine." in page
    assert "$id = &#x27;«managed object id of the virtual machine»&#x27;" in page


def test_a_check_tells_what_it_says_of_whom_and_why_it_cannot_tell(analyst: Client, world: World):
    html = page(analyst, f"/policies/checks/{SNAPSHOTS}/")
    text = text_of(html)

    assert "1 fail, 1 pass, 2 cannot be told." in text
    assert ">db-pay-02<" in html
    assert "Snapshots1web-01" in text.replace(" ", "")
    assert "It has not been evaluated since its facts changed." in text
    assert f'href="/findings/?state=open&amp;check={SNAPSHOTS}"' in html


def test_a_member_of_a_team_is_shown_no_other_teams_assets(client: Client, world: World):
    client.force_login(person("viewer", teams=(world.web,)))
    [code, *_] = registry.get(SNAPSHOTS).statements

    html = page(client, f"/policies/checks/{SNAPSHOTS}/") + page(client, f"/policies/{code}/")

    assert "db-pay-02" not in html
    assert "lab-old" not in html


def test_hostile_reasons_are_text(analyst: Client, world: World):
    Verdict.objects.filter(check_id=SNAPSHOTS).update(reason=HOSTILE)

    html = page(analyst, f"/policies/checks/{SNAPSHOTS}/")

    assert "<script>alert" not in html
    assert "\u202e" not in html


# --- setting a check --------------------------------------------------------------------------


def posted(check_id: str, **fields: Any) -> dict[str, Any]:
    """The form as it stands, with some fields changed."""
    form = SettingForm(registry.get(check_id), None)
    data = {name: form[name].value() for name in form.fields}
    data = {
        name: ("on" if value else None) if isinstance(value, bool) else value
        for name, value in data.items()
    }
    return {k: v for k, v in (data | fields).items() if v is not None}


def test_the_form_of_every_check_opens_and_saves_unchanged(approver: Client):
    for check in registry.all_checks():
        path = f"/policies/checks/{check.id}/settings/"
        page(approver, path)

        answer = approver.post(path, posted(check.id))

        assert answer.status_code == 302, (check.id, answer.context["form"].errors)
        assert CheckSetting.objects.get(check_id=check.id).params == {}


def test_an_approver_sets_a_parameter_and_sees_it_beside_the_default(approver: Client):
    name = next(f for f in registry.get(SNAPSHOTS).params.__struct_fields__ if "days" in f)

    approver.post(
        f"/policies/checks/{SNAPSHOTS}/settings/",
        posted(SNAPSHOTS, **{PREFIX + name: "30", "severity": "critical"}),
    )

    text = text_of(page(approver, f"/policies/checks/{SNAPSHOTS}/"))
    assert CheckSetting.objects.get(check_id=SNAPSHOTS).params == {name: 30}
    assert "by default" in text
    assert "Critical" in text


def test_parts_of_a_value_stand_between_commas_and_a_bad_one_is_explained(approver: Client):
    path = "/policies/checks/host-port-group-vlan/settings/"

    refused = approver.post(path, posted("host-port-group-vlan", param_reserved="1, x"))
    approver.post(path, posted("host-port-group-vlan", param_reserved="1, 1\r\n4000, 4094\r\n"))

    assert "Whole numbers only" in refused.content.decode()
    setting = CheckSetting.objects.get(check_id="host-port-group-vlan")
    assert setting.params == {"reserved": [[1, 1], [4000, 4094]]}


def test_values_by_name_are_typed_one_a_line(approver: Client):
    path = "/policies/checks/vm-recovery-point/settings/"

    refused = approver.post(path, posted("vm-recovery-point", param_max_age_hours="high: 3"))
    approver.post(path, posted("vm-recovery-point", param_max_age_hours="high = 12"))

    assert "Each line reads" in refused.content.decode()
    setting = CheckSetting.objects.get(check_id="vm-recovery-point")
    assert setting.params == {"max_age_hours": {"high": 12}}


@pytest.mark.parametrize("value", ["-1", "soon", "1e9", "9" * 30])
def test_a_bad_number_is_explained_beside_its_field(approver: Client, value: str):
    name = next(f for f in registry.get(SNAPSHOTS).params.__struct_fields__ if "days" in f)

    answer = approver.post(
        f"/policies/checks/{SNAPSHOTS}/settings/", posted(SNAPSHOTS, **{PREFIX + name: value})
    )

    assert answer.status_code == 200
    assert PREFIX + name in answer.context["form"].errors
    assert not CheckSetting.objects.exists()


def test_a_list_is_typed_one_a_line(approver: Client):
    approver.post(
        "/policies/checks/host-time/settings/",
        posted("host-time", param_approved_servers=" ntp1.halden.example \n\nntp2.halden.example"),
    )

    assert CheckSetting.objects.get(check_id="host-time").params == {
        "approved_servers": ["ntp1.halden.example", "ntp2.halden.example"]
    }


def test_switching_a_check_off_is_said_wherever_it_stands(approver: Client):
    approver.post(f"/policies/checks/{SNAPSHOTS}/settings/", posted(SNAPSHOTS, is_enabled=None))

    assert "Switched off" in page(approver, f"/policies/checks/{SNAPSHOTS}/")
    assert "Switched off" in page(approver, "/policies/checks/")


@pytest.mark.parametrize("role", ["viewer", "analyst", "operator", "auditor", "remediator"])
def test_nobody_else_sets_a_check(client: Client, world: World, role: str):
    client.force_login(person(role))

    assert client.post(f"/policies/checks/{SNAPSHOTS}/settings/", {}).status_code == 404
    assert "Set this check" not in page(client, f"/policies/checks/{SNAPSHOTS}/")


# --- cost -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["/policies/", "/policies/checks/", f"/policies/checks/{SNAPSHOTS}/", "/policies/SEC-6/"],
)
def test_pages_cost_no_more_for_more_assets(
    analyst: Client, world: World, path: str, django_assert_max_num_queries: Any
):
    for n in range(40):
        asset = AssetFactory(source=world.source, record=a_vm(f"m{n}", uid=f"u{n}", ref=f"r{n}"))
        VerdictFactory(asset=asset, check_id=SNAPSHOTS)

    with django_assert_max_num_queries(20):
        page(analyst, path)
