"""Remedies of what is stored: the asset, how the check is set, the source it comes from."""

from typing import Any

import pytest

from inventory.models import Source
from policies import mending
from policies.models import CheckSetting
from policies.registry import get
from policies.remedy import Place
from tests.factories import AssetFactory, SourceFactory
from tests.policies.builders import a_host, a_vm

pytestmark = [pytest.mark.integration, pytest.mark.django_db]


def test_a_stored_finding_is_mended_with_the_names_of_its_source():
    source = SourceFactory.create(
        url="https://vc-1.halden.example:8443/sdk", attribute_mapping={"owner": "Owner"}
    )
    asset = AssetFactory.create(source=source, record=a_vm("web-1", ref="vm-7", owner=""))

    filled = mending.remedy_of(
        asset,
        get("vm-owner"),
        key="",
        evidence={},
        sentence="web-1 has no owner.",
        asked=mending.asked_now(),
        shows_address=True,
    )

    assert filled is not None
    assert filled.blanks == ("owner",)
    assert "Connect-VIServer -Server 'vc-1.halden.example' -Port 8443" in (filled.script or "")
    assert "$id = 'VirtualMachine-vm-7'" in (filled.script or "")
    assert "$attribute = 'Owner'" in (filled.script or "")


def test_the_value_is_what_the_organisation_set():
    CheckSetting.objects.create(check_id="host-account-lockout", params={"max_failures": 3})
    asset = AssetFactory.create(record=a_host("esx-01"))
    given: dict[str, Any] = {
        "key": "failures",
        "evidence": {},
        "sentence": "esx-01 never locks an account.",
        "asked": mending.asked_now(),
    }

    filled = mending.remedy_of(asset, get("host-account-lockout"), **given)
    task = mending.task_of(asset, get("host-account-lockout"), **given)

    assert "$value = 3" in ((filled and filled.commands) or "")
    assert task.found.asked("max_failures") == 3
    assert task.sentence == "esx-01 never locks an account."


def test_a_recorded_bundle_has_no_address():
    bundle = SourceFactory.build(connector=Source.Connector.BUNDLE, url="demo/halden.oslo.xz")
    odd = SourceFactory.build(url="https://vc-1.halden.example:99999/sdk")

    assert mending.place_of(bundle, shows_address=True).address == ""
    assert mending.place_of(odd, shows_address=True) == Place(
        name=odd.name, address="vc-1.halden.example", attributes=odd.attribute_mapping
    )


def test_where_the_platform_is_reached_is_not_told_unless_asked_for():
    source = SourceFactory.build(url="https://vc-1.halden.example:8443/sdk")

    assert mending.place_of(source).address == ""
    assert mending.place_of(source).port == 443


def test_how_checks_are_set_takes_one_query(django_assert_num_queries: Any):
    with django_assert_num_queries(1):
        mending.asked_now()
