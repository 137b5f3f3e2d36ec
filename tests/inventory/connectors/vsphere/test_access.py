from datetime import timedelta

import pytest

from inventory.connectors.vsphere.mapping import access
from inventory.connectors.vsphere.xml import Ref
from tests.inventory.connectors.vsphere.pages import a_text, an_estate, facts_of

PERMISSION = {
    "entity": Ref("group-d1", "Folder"),
    "principal": "CORP\\admins",
    "group": "true",
    "roleId": "-1",
    "propagate": "true",
}


def test_a_grant_names_who_holds_what_on_which_entity() -> None:
    estate = an_estate()
    estate.add(facts_of(a_text("name", "Datacenters"), ref="group-d1", type_="Folder"))

    grant = access.grant(PERMISSION, estate, {-1: "Admin"})

    assert grant.name == "CORP\\admins: Admin on Datacenters"
    assert (grant.is_group, grant.role_id, grant.propagate) == (True, -1, True)
    assert (grant.entity_path, grant.entity_type, grant.at_root) == ("/", "Folder", True)


def test_a_grant_on_an_entity_nobody_may_see_keeps_its_reference() -> None:
    found = PERMISSION | {"entity": Ref("vm-9", "VirtualMachine"), "roleId": "77"}

    grant = access.grant(found, an_estate(), {})

    assert grant.name == "CORP\\admins: 77 on vm-9"
    assert (grant.entity_name, grant.entity_path, grant.role_name) == (None, None, None)
    assert grant.at_root is False


def test_grants_differ_by_entity_principal_and_whether_it_is_a_group() -> None:
    variants = (
        PERMISSION,
        PERMISSION | {"principal": "CORP\\other"},
        PERMISSION | {"group": "false"},
        PERMISSION | {"entity": Ref("group-d2", "Folder")},
    )
    uids = {access.grant(found, an_estate(), {}).uid for found in variants}

    assert len(uids) == 4
    changed = access.grant(PERMISSION | {"roleId": "-2"}, an_estate(), {})
    assert changed.uid in uids  # another role on the same entity is a change, not another grant


@pytest.mark.parametrize("missing", PERMISSION)
def test_a_grant_that_does_not_say_everything_is_refused(missing: str) -> None:
    found = {key: value for key, value in PERMISSION.items() if key != missing}

    with pytest.raises(ValueError, match="permission"):
        access.grant(found, an_estate(), {})


def test_privileges_of_a_role_are_sorted() -> None:
    role = access.role(
        {
            "roleId": "5",
            "name": "ops",
            "system": "false",
            "info": {"label": "Operators"},
            "privilege": ["VirtualMachine.Interact.PowerOn", "Host.Config.Network"],
        }
    )

    assert role.uid == "5"
    assert role.label == "Operators"
    assert role.privileges == ("Host.Config.Network", "VirtualMachine.Interact.PowerOn")


@pytest.mark.parametrize(
    ("skew", "minutes"),
    [
        (timedelta(seconds=59), 0),
        (timedelta(seconds=-59), 0),
        (timedelta(minutes=2, seconds=30), 2),
        (timedelta(minutes=-2, seconds=-30), -2),
        (None, None),
    ],
)
def test_a_clock_that_is_off_is_told_in_whole_minutes(
    skew: timedelta | None, minutes: int | None
) -> None:
    platform = access.platform_settings(
        instance_uuid="i-1",
        product="vCenter",
        version="8.0.3",
        build="1",
        api_version="8.0.3.0",
        skew=skew,
        settings=None,
        extensions=None,
    )

    assert platform.clock_ahead_minutes == minutes


def test_settings_without_secrets() -> None:
    platform = access.platform_settings(
        instance_uuid="i-1",
        product="vCenter",
        version="8.0.3",
        build="1",
        api_version="8.0.3.0",
        settings=[
            {"key": "event.maxAge", "value": 30},
            {"key": "VirtualCenter.VimPasswordExpirationInDays", "value": 30},
            {"key": "mail.smtp.password", "value": "hunter2"},
            {"key": "snmp.receiver.1.community", "value": "public"},
        ],
        extensions=None,
    )

    assert platform.settings == {
        "VirtualCenter.VimPasswordExpirationInDays": "30",
        "event.maxAge": "30",
    }
    assert platform.extensions is None
