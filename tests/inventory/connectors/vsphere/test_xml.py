from datetime import UTC, datetime

import pytest
from lxml import etree

from inventory.connectors.vsphere import xml
from inventory.connectors.vsphere.xml import Malformed, Ref, SoapFault, Withheld
from tests.inventory.connectors.vsphere.pages import (
    a_page,
    a_property,
    a_text,
    an_object,
    withheld,
)


def value_of(content: str, type_: str = "xsd:string") -> object:
    page = xml.page(a_page(an_object("vm-1", "VirtualMachine", a_property("p", content, type_))))
    return page.objects[0].values["p"]


@pytest.mark.parametrize(
    ("type_", "content", "expected"),
    [
        ("xsd:string", "true", "true"),
        ("xsd:boolean", "true", True),
        ("xsd:boolean", "0", False),
        ("xsd:boolean", "perhaps", None),
        ("xsd:int", "-7", -7),
        ("xsd:long", "9" * 4000, None),
        ("xsd:int", "seven", None),
        ("xsd:double", "0.5", 0.5),
        ("VirtualMachinePowerState", "poweredOn", "poweredOn"),
        ("AnEnumOfTomorrow", "surprise", "surprise"),
        ("Description", "", {"_type": "Description"}),
        ("ArrayOfString", "<string>a</string><string>b</string>", ["a", "b"]),
        ("ArrayOfString", "", []),
    ],
)
def test_a_value_is_read_as_the_type_it_names(type_: str, content: str, expected: object) -> None:
    assert value_of(content, type_) == expected


def test_a_device_is_passed_over_by_its_type_alone() -> None:
    content = (
        '<VirtualDevice xsi:type="VirtualKeyboard"><key>600</key></VirtualDevice>'
        '<VirtualDevice type="VirtualKeyboard"><key>601</key></VirtualDevice>'
        "<VirtualDevice><key>602</key><backing><name>VirtualKeyboard</name></backing></VirtualDevice>"
    )
    assert value_of(content, "ArrayOfVirtualDevice") == [
        {"key": "601"},
        {"key": "602", "backing": {"name": "VirtualKeyboard"}},
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T12:00:00Z", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00", datetime(2026, 3, 1, 12, tzinfo=UTC)),
        ("2026-03-01T12:00:00+02:00", datetime(2026, 3, 1, 10, tzinfo=UTC)),
        (
            "2026-03-01T12:00:00.123456789Z",
            datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC),
        ),
        ("yesterday", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_a_time_is_read_in_utc(text: str, expected: datetime | None) -> None:
    assert value_of(text, "xsd:dateTime") == expected


def test_an_object_keeps_its_type_and_makes_lists_of_what_repeats() -> None:
    found = value_of(
        "<key>4000</key><device>1</device><device>2</device><device>3</device>"
        '<backing xsi:type="SomeBacking"><network type="Network">network-7</network></backing>',
        "VirtualVmxnet3",
    )

    assert found == {
        "_type": "VirtualVmxnet3",
        "key": "4000",
        "device": ["1", "2", "3"],
        "backing": {"_type": "SomeBacking", "network": "network-7"},
    }


def test_a_reference_remembers_its_type() -> None:
    body = a_page(
        an_object(
            "vm-1",
            "VirtualMachine",
            '<propSet><name>runtime.host</name><val type="HostSystem"'
            ' xsi:type="ManagedObjectReference">host-9</val></propSet>',
        )
    )

    found = xml.page(body).objects[0].values["runtime.host"]

    assert (found, found.type) == ("host-9", "HostSystem")
    assert isinstance(found, Ref)


def test_withheld_properties_are_told_apart_from_unset_ones() -> None:
    [found] = xml.page(
        a_page(an_object("vm-1", "VirtualMachine", a_text("name", "a"), withheld("config.uuid")))
    ).objects

    assert found.values == {"name": "a"}
    assert found.withheld == {"config.uuid": Withheld("NoPermission", "System.Read")}


def test_a_property_without_a_value_is_unset() -> None:
    [found] = xml.page(
        a_page(an_object("vm-1", "VirtualMachine", "<propSet><name>guest</name></propSet>"))
    ).objects

    assert found.values == {}
    assert found.withheld == {}


HOSTILE = {
    "a NUL as a reference": ("a&#0;b", "a\ufffdb"),
    "a NUL in hexadecimal": ("a&#x0;b", "a\ufffdb"),
    "a lone surrogate as a reference": ("a&#xD800;b", "a\ufffdb"),
    "a number beyond Unicode": ("a&#x110000;b", "a\ufffdb"),
    "a control character": ("a\x01b", "a\ufffdb"),
    "an encoded surrogate": ("a\ud800b", "a\ufffd\ufffd\ufffdb"),
    "a right-to-left override": ("a\u202eb", "a\u202eb"),
    "a formula": ("=1+1", "=1+1"),
    "a token element as text": ("&lt;token&gt;x&lt;/token&gt;", "<token>x</token>"),
    "64 KiB": ("n" * 65536, "n" * 65536),
    "12 MiB": ("n" * 12 * 2**20, "n" * 12 * 2**20),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_text_arrives_as_text_and_spoils_nothing_around_it(case: str) -> None:
    written, expected = HOSTILE[case]
    body = a_page(
        an_object("vm-1", "VirtualMachine", a_property("name", written)),
        an_object("vm-2", "VirtualMachine", a_text("name", "innocent")),
    )

    first, second = xml.page(body).objects

    assert first.values["name"] == expected
    assert second.values["name"] == "innocent"
    first.values["name"].encode()  # no lone surrogate is left


def test_a_value_nested_too_deeply_is_withheld_and_the_rest_is_read() -> None:
    deep = "<a>" * 1900 + "x" + "</a>" * 1900

    [found] = xml.page(
        a_page(
            an_object("vm-1", "VirtualMachine", a_property("p", deep, "Thing"), a_text("q", "y"))
        )
    ).objects

    assert found.values == {"q": "y"}
    assert found.withheld == {"p": Withheld("TooDeep")}


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE a [<!ENTITY e "boom">]>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.2/a.dtd">',
        "<!-- Envelo",
    ],
)
def test_a_document_type_is_refused_unread(prolog: str) -> None:
    body = a_page(an_object("vm-1", "VirtualMachine", a_text("name", "a")))
    declared = body.replace(b"<soapenv:Envelope", prolog.encode() + b"<soapenv:Envelope", 1)

    with pytest.raises(Malformed):
        xml.page(declared)


def test_an_answer_cannot_choose_an_encoding_that_hides_a_document_type() -> None:
    body = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>'

    with pytest.raises(Malformed):
        xml.page(body.encode("utf-16"))


@pytest.mark.parametrize("cut", [0, 1, 100, 500, -1, -20])
def test_half_an_answer_is_never_taken_for_a_whole_one(cut: int) -> None:
    body = a_page(*(an_object(f"vm-{n}", "VirtualMachine", a_text("name", "a")) for n in range(9)))

    with pytest.raises(Malformed):
        xml.page(body[:cut])


def test_a_fault_tells_its_type_and_fields() -> None:
    body = (
        b'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"'
        b' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body><e:Fault>'
        b"<faultcode>ServerFaultCode</faultcode><faultstring>no</faultstring><detail>"
        b'<InvalidPropertyFault xmlns="urn:vim25" xsi:type="InvalidProperty">'
        b"<name>config.new</name></InvalidPropertyFault></detail></e:Fault></e:Body></e:Envelope>"
    )

    with pytest.raises(SoapFault) as caught:
        xml.page(body)

    assert caught.value.type == "InvalidProperty"
    assert caught.value.detail["name"] == "config.new"


def test_an_answer_without_a_result_holds_no_objects() -> None:
    body = a_page().replace(b"<returnval></returnval>", b"")

    assert xml.page(body) == xml.Page(token="", objects=[])


def test_what_is_written_into_a_request_is_read_back_as_written() -> None:
    text = "<a> & ]]> 'b' \"c\""

    assert etree.fromstring(f"<x>{xml.escape(text)}</x>").text == text
