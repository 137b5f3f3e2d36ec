"""Answers of vCenter as plain values: parsed strictly, bounded, with what cannot be read left out.

Parsing uses lxml, which releases the interpreter lock; decoding knows no types but the ones the
answer names, so an unknown type or enum value is kept as it came and is never a crash.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from lxml import etree

VIM: Final = "urn:vim25"
SOAP: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
_NAME: Final = f"{{{VIM}}}name"
_VALUE: Final = f"{{{VIM}}}val"
_NIL: Final = "{http://www.w3.org/2001/XMLSchema-instance}nil"
_BAD_REFERENCE: Final = re.compile(r"&#(?:[xX]([0-9a-fA-F]{1,8})|([0-9]{1,10}));")
_BAD_CHARACTER: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_REPLACEMENT: Final = "\ufffd"

Element = etree._Element


class Malformed(Exception):
    """An answer is not the XML it has to be."""


class Ref(str):
    """A managed object id that remembers its type."""

    __slots__ = ("type",)
    type: str

    def __new__(cls, value: str, type: str = "") -> Ref:
        made = super().__new__(cls, value)
        made.type = type
        return made


class SoapFault(Exception):
    """What vCenter answered instead of a result."""

    def __init__(self, type: str, message: str, detail: dict[str, Any]) -> None:
        super().__init__(f"{type}: {message[:200]}" if message else type)
        self.type = type
        self.message = message
        self.detail = detail


class Withheld(msgspec.Struct, frozen=True):
    """Why a property is missing: the fault, and the privilege it says is lacking."""

    fault: str
    privilege: str = ""


class ObjectContent(msgspec.Struct):
    """What one object said: values by property path, and the paths it withheld."""

    ref: Ref
    values: dict[str, Any]
    withheld: dict[str, Withheld]


class Page(msgspec.Struct):
    token: str
    objects: list[ObjectContent]


class ObjectUpdate(msgspec.Struct, frozen=True):
    """That an object came (enter), changed (modify) or is not listed any more (leave)."""

    ref: Ref
    kind: str
    values: dict[str, Any]  # of the properties that are asked for
    digest: bytes  # of all it says, when it came: an object may be listed anew without a change


class Updates(msgspec.Struct, frozen=True):
    version: str
    is_truncated: bool  # the rest comes with the next answer
    objects: list[ObjectUpdate]


def parse(body: bytes) -> Element:
    """The root of an answer, or raise Malformed. Characters XML does not allow become U+FFFD."""
    _refuse_doctype(body, before=b"Envelope")
    return _parse(body)


def parse_document(body: bytes) -> Element:
    """The root of a document that is not an answer, or raise Malformed."""
    _refuse_doctype(body, before=b"namespaces")
    return _parse(body)


def _parse(body: bytes) -> Element:
    try:
        return etree.fromstring(body, _parser())
    except etree.XMLSyntaxError:
        pass
    try:
        return etree.fromstring(_cleaned(body), _parser())
    except etree.XMLSyntaxError as error:
        raise Malformed(f"not well-formed at line {error.lineno}, column {error.offset}") from None


def result(body: bytes, *, to: str = "") -> Element:
    """The `…Response` element of an answer; raise SoapFault for a fault, Malformed otherwise.

    `to` names the method that has to be answered.
    """
    return _answer(parse(body), to=to)


def _answer(root: Element, *, to: str = "") -> Element:
    envelope_body = root.find(f"{{{SOAP}}}Body")
    if root.tag != f"{{{SOAP}}}Envelope" or envelope_body is None or len(envelope_body) == 0:
        raise Malformed("not a SOAP envelope")
    first = envelope_body[0]
    if first.tag == f"{{{SOAP}}}Fault":
        raise _fault(first)
    if to and first.tag != f"{{{VIM}}}{to}Response":
        raise Malformed("the answer to another question")
    return first


def page(body: bytes) -> Page:
    """The objects of one answer of RetrievePropertiesEx, or raise SoapFault or Malformed."""
    return page_of(parse(body))


def page_of(root: Element) -> Page:
    """The objects of a parsed answer of RetrievePropertiesEx, or raise SoapFault or Malformed."""
    returned = _answer(root).find(f"{{{VIM}}}returnval")
    if returned is None:
        return Page(token="", objects=[])  # how vCenter says that nothing matched
    return Page(
        token=returned.findtext(f"{{{VIM}}}token") or "",
        objects=[_object_content(found) for found in returned.iterfind(f"{{{VIM}}}objects")],
    )


def updates(body: bytes, *, told: frozenset[str]) -> Updates | None:
    """What one answer of WaitForUpdatesEx says, or raise SoapFault or Malformed.

    None: nothing has changed while it waited. Of values only those of the `told` properties are
    decoded: an answer can hold everything there is.
    """
    returned = result(body, to="WaitForUpdatesEx").find(f"{{{VIM}}}returnval")
    if returned is None:
        return None
    version = returned.findtext(f"{{{VIM}}}version")
    if not version:
        raise Malformed("an update without its version")
    return Updates(
        version=version,
        is_truncated=returned.findtext(f"{{{VIM}}}truncated") in ("true", "1"),
        objects=[
            _object_update(found, told)
            for of_filter in returned.iterfind(f"{{{VIM}}}filterSet")
            for found in of_filter.iterfind(f"{{{VIM}}}objectSet")
        ],
    )


def returned_values(body: bytes, *, method: str) -> Iterator[Any]:
    """Each `returnval` of an answer as a plain value, or raise SoapFault or Malformed."""
    for found in result(body, to=method).iterfind(f"{{{VIM}}}returnval"):
        yield value(found)


def value(element: Element) -> Any:
    """An element as str, int, bool, float, datetime, Ref, list or dict (with `_type` if named).

    A field that occurs more than once in an object becomes a list: read it with `many`.
    """
    return _value(element, element.items())


def many(found: Any) -> list[Any]:
    """A field that may occur several times as a list."""
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def moment(text: str) -> datetime | None:
    """An xsd:dateTime in UTC; one without a zone is UTC; None if it is not one."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except OverflowError:
        return None


def escape(text: str) -> str:
    """Text for an element of a request."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _value(element: Element, attributes: Sequence[tuple[Any, Any]]) -> Any:
    kind, reference = None, None
    for name, content in attributes:
        if name == _TYPE:
            kind = content.rpartition(":")[2]
        elif name == "type":
            reference = content
    if kind is not None and kind.startswith("ArrayOf"):
        return list(_elements(element))
    if len(element):
        return _fields(element, kind)
    return _leaf(element.text or "", kind, reference)


def _elements(array: Element) -> Iterator[Any]:
    for child in array:
        attributes = child.items()
        if not attributes:
            yield _fields(child, None) if len(child) else child.text or ""
        elif _PASSED_OVER.isdisjoint(attributes):
            yield _value(child, attributes)


def _fields(element: Element, kind: str | None) -> dict[str, Any]:
    fields: dict[str, Any] = {} if kind is None else {"_type": kind}
    for child in element:
        # Most of a page is plain leaves, so they are told apart without a call.
        if attributes := child.items():
            decoded = _value(child, attributes)
        else:
            decoded = _fields(child, None) if len(child) else child.text or ""
        name = _NAMES[child.tag]
        if name not in fields:
            fields[name] = decoded
        elif isinstance(present := fields[name], list):
            present.append(decoded)
        else:
            fields[name] = [present, decoded]
    return fields


def _leaf(text: str, kind: str | None, reference: str | None) -> Any:
    if reference is not None and (kind is None or kind == "ManagedObjectReference"):
        return Ref(text, reference)
    convert = _CONVERTERS.get(kind or "")
    if convert is not None:
        return convert(text)
    if kind is None or text:
        return text  # untyped text, a string, an enum value
    return {"_type": kind}  # an object without fields


def _boolean(text: str) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(text)


def _integer(text: str) -> int | None:
    try:
        return int(text) if len(text) <= 20 else None
    except ValueError:
        return None


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


_CONVERTERS: Final[dict[str, Callable[[str], Any]]] = {
    "boolean": _boolean,
    "byte": _integer,
    "short": _integer,
    "int": _integer,
    "long": _integer,
    "float": _number,
    "double": _number,
    "dateTime": moment,
    "string": str,
    "anyURI": str,
}


class _Names(dict[Any, str]):
    """Tags without their namespace, as many as an honest platform has."""

    def __missing__(self, tag: Any) -> str:
        name = str(tag).rpartition("}")[2]
        if len(self) < 10_000:
            self[tag] = name
        return name


_NAMES: Final = _Names()
# Devices every machine has and nobody asks about: most of what a page of machines is made of. Of
# controllers only those are read that disks can be shared through.
_PASSED_OVER: Final = frozenset(
    (_TYPE, name)
    for name in (
        "VirtualIDEController",
        "VirtualKeyboard",
        "VirtualMachineVMCIDevice",
        "VirtualMachineVideoCard",
        "VirtualPCIController",
        "VirtualPS2Controller",
        "VirtualPointingDevice",
        "VirtualSIOController",
    )
)


def _object_content(element: Element) -> ObjectContent:
    ref = Ref("")
    values: dict[str, Any] = {}
    withheld: dict[str, Withheld] = {}
    for child in element:
        name = _NAMES[child.tag]
        if name == "propSet":
            path, content = _name_and_value(child)
            if path and content is not None and content.get(_NIL) != "true":
                try:
                    values[path] = value(content)
                except RecursionError:
                    withheld[path] = Withheld("TooDeep")
        elif name == "missingSet":
            withheld[child.findtext(f"{{{VIM}}}path") or ""] = _reason(child)
        elif name == "obj":
            ref = Ref(child.text or "", child.get("type") or "")
    if not ref:
        raise Malformed("an object without its reference")
    return ObjectContent(ref, values, withheld)


def _object_update(element: Element, told: frozenset[str]) -> ObjectUpdate:
    obj, kind = element.find(f"{{{VIM}}}obj"), element.findtext(f"{{{VIM}}}kind")
    if obj is None or not obj.text or kind not in ("enter", "modify", "leave"):
        raise Malformed("an update without its object")
    values: dict[str, Any] = {}
    for change in element.iterfind(f"{{{VIM}}}changeSet"):
        path = change.findtext(_NAME) or ""
        content = change.find(_VALUE)
        if path in told and content is not None and content.get(_NIL) != "true":
            values[path] = value(content)
    said = etree.tostring(element) if kind == "enter" else b""
    digest = hashlib.blake2b(said, digest_size=16).digest() if said else b""
    return ObjectUpdate(Ref(obj.text, obj.get("type") or ""), kind, values, digest)


def _name_and_value(property_: Element) -> tuple[str | None, Element | None]:
    path, content = None, None
    for part in property_:
        if part.tag == _NAME:
            path = part.text
        elif part.tag == _VALUE:
            content = part
    return path, content


def _reason(missing: Element) -> Withheld:
    fault = missing.find(f"{{{VIM}}}fault/{{{VIM}}}fault")
    if fault is None:
        return Withheld("")
    return Withheld(
        (fault.get(_TYPE) or "").rpartition(":")[2], fault.findtext(f"{{{VIM}}}privilegeId") or ""
    )


def _fault(element: Element) -> SoapFault:
    detail = element.find("detail")
    message = element.findtext("faultstring") or ""
    if detail is None or len(detail) == 0:
        return SoapFault("Fault", message, {})
    decoded = value(detail[0])
    fields = decoded if isinstance(decoded, dict) else {}
    kind = fields.get("_type") or _NAMES[detail[0].tag].removesuffix("Fault")
    return SoapFault(kind, message, fields)


def _parser() -> etree.XMLParser:
    # huge_tree lifts libxml2's limit on one text; the size of a whole answer is bounded by the
    # transport, and entities cannot exist because a document type is refused. The fixed encoding
    # keeps an answer from choosing one in which that refusal could be talked around.
    return etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )


def _refuse_doctype(body: bytes, *, before: bytes) -> None:
    root = body.find(before)
    if b"<!" in body[: root if root >= 0 else len(body)]:
        raise Malformed("something other than the document")


def _cleaned(body: bytes) -> bytes:
    text = _BAD_CHARACTER.sub(_REPLACEMENT, body.decode("utf-8", "replace"))
    return _BAD_REFERENCE.sub(_legal_reference, text).encode("utf-8")


def _legal_reference(found: re.Match[str]) -> str:
    number = int(found[1], 16) if found[1] else int(found[2])
    legal = (
        number in (0x9, 0xA, 0xD)
        or 0x20 <= number <= 0xD7FF
        or 0xE000 <= number <= 0xFFFD
        or 0x10000 <= number <= 0x10FFFF
    )
    return found[0] if legal else _REPLACEMENT
