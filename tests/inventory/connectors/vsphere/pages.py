"""Answers of a vCenter, written by hand where the simulator has nothing to say."""

from pathlib import Path
from xml.sax.saxutils import escape

from inventory.connectors.vsphere import xml
from inventory.connectors.vsphere.mapping.estate import AttributeNames, Estate
from inventory.connectors.vsphere.mapping.facts import Facts

RECORDED = Path(__file__).with_name("recorded")
ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
    ' xmlns:xsd="http://www.w3.org/2001/XMLSchema"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><soapenv:Body>'
    '<RetrievePropertiesExResponse xmlns="urn:vim25"><returnval>{}</returnval>'
    "</RetrievePropertiesExResponse></soapenv:Body></soapenv:Envelope>"
)


def a_page(*objects: str, token: str = "") -> bytes:
    head = f"<token>{token}</token>" if token else ""
    return ENVELOPE.format(head + "".join(objects)).encode("utf-8", "surrogatepass")


def an_object(ref: str, type_: str, *properties: str) -> str:
    return f'<objects><obj type="{type_}">{ref}</obj>{"".join(properties)}</objects>'


def a_property(path: str, content: str, type_: str = "xsd:string") -> str:
    """A property whose content is XML already."""
    return f'<propSet><name>{path}</name><val xsi:type="{type_}">{content}</val></propSet>'


def a_text(path: str, content: str) -> str:
    return a_property(path, escape(content))


def withheld(path: str, *, fault: str = "NoPermission", privilege: str = "System.Read") -> str:
    return (
        f'<missingSet><path>{path}</path><fault><fault xsi:type="{fault}">'
        f"<privilegeId>{privilege}</privilegeId></fault><localizedMessage/></fault></missingSet>"
    )


def facts_of(*properties: str, ref: str = "vm-1", type_: str = "VirtualMachine") -> Facts:
    [content] = xml.page(a_page(an_object(ref, type_, *properties))).objects
    return Facts(content)


def recorded(type_: str) -> list[Facts]:
    """The simulator's answer about all its objects of a type."""
    return [Facts(found) for found in xml.page((RECORDED / f"{type_}.xml").read_bytes()).objects]


def an_estate(**attribute_names: str) -> Estate:
    return Estate(root="group-d1", attribute_names=AttributeNames(**attribute_names))
