from inventory.connectors.vsphere.mapping.alarms import alarm
from inventory.connectors.vsphere.mapping.licences import licence
from inventory.records import Alarm, Licence
from tests.inventory.connectors.vsphere.metadata import type_of
from tests.inventory.connectors.vsphere.pages import a_property, facts_of, withheld


def an_alarm(info: str) -> Alarm:
    return alarm(facts_of(a_property("info", info, "AlarmInfo"), ref="alarm-7", type_="Alarm"))


def test_the_property_read_exists_in_the_vsphere_api() -> None:
    assert type_of("Alarm", "info")


def test_an_alarm_tells_what_sets_it_off_however_that_is_nested() -> None:
    found = an_alarm(
        "<name>Permissions %2f roles</name><enabled>true</enabled>"
        '<expression xsi:type="OrAlarmExpression">'
        '<expression xsi:type="EventAlarmExpression"><eventType>EventEx</eventType>'
        "<eventTypeId>vim.event.PermissionAddedEvent</eventTypeId></expression>"
        '<expression xsi:type="AndAlarmExpression">'
        '<expression xsi:type="StateAlarmExpression"><operator>isEqual</operator>'
        "<type>VirtualMachine</type><statePath>runtime.powerState</statePath>"
        "<red>poweredOff</red></expression>"
        '<expression xsi:type="MetricAlarmExpression"><operator>isAbove</operator>'
        "<metric><counterId>2</counterId><instance/></metric><yellow>7500</yellow></expression>"
        "</expression></expression>"
        '<action xsi:type="GroupAlarmAction"/><entity type="Folder">group-d1</entity>'
    )

    assert found == Alarm(
        key="alarm-7",
        name="Permissions / roles",
        enabled=True,
        entity_ref="group-d1",
        when=(
            "counter 2 isAbove 7500",
            "runtime.powerState isEqual poweredOff",
            "vim.event.PermissionAddedEvent",
        ),
        acts=True,
    )


def test_an_event_that_has_to_say_more_is_told_with_it() -> None:
    found = an_alarm(
        '<expression xsi:type="EventAlarmExpression"><eventType>RoleAddedEvent</eventType>'
        "<comparisons><attributeName>role.name</attributeName><operator>equals</operator>"
        "<value>x</value></comparisons></expression>"
    )

    assert found.when == ("RoleAddedEvent and role.name equals x",)
    assert found.acts is False


def test_an_alarm_that_is_withheld_is_unknown() -> None:
    found = alarm(facts_of(withheld("info"), ref="alarm-7", type_="Alarm"))

    assert found == Alarm(key="alarm-7", name="alarm-7")


def test_a_licence_is_told_without_its_key() -> None:
    key = "AAAAA-BBBBB-CCCCC-DDDDD-EEEEE"
    found = licence(
        {
            "licenseKey": key,
            "editionKey": "esx.enterprisePlus.cpuPackageCoreLimited",
            "name": "vSphere 8 Enterprise Plus",
            "total": "32",
            "used": "16",
            "properties": [
                {"key": "ProductName", "value": "VMware ESX Server"},
                {"key": "expirationDate", "value": "2027-01-31T00:00:00Z"},
            ],
        }
    )

    assert found.key == "…-EEEEE"
    assert found.edition == "esx.enterprisePlus.cpuPackageCoreLimited"
    assert found.total == 32
    assert str(found.expires_at) == "2027-01-31 00:00:00+00:00"


def test_a_licence_key_that_is_short_is_hidden_whole() -> None:
    assert licence({"licenseKey": "secret", "name": "x"}) == Licence(key="…", name="x")
