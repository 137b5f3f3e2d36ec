"""SOAP as the fault proxy reads and rewrites it."""

from lxml import etree

VIM = "{urn:vim25}"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
SOAP = "http://schemas.xmlsoap.org/soap/envelope/"


def parse(document: bytes) -> etree._Element:
    return etree.fromstring(document, etree.XMLParser(huge_tree=True, resolve_entities=False))


def unparse(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def method_of(request: bytes) -> str:
    """Return the name of the method a request calls."""
    try:
        body = parse(request).find(f"{{{SOAP}}}Body")
    except etree.XMLSyntaxError:
        return "?"
    return "?" if body is None or not len(body) else etree.QName(body[0]).localname


def not_authenticated(request: bytes) -> bytes:
    """Return the fault of a session that is no more."""
    kind, ref = _target(request)
    detail = f'<object type="{kind}">{ref}</object><privilegeId>System.View</privilegeId>'
    return _fault("NotAuthenticated", "The session is not authenticated.", detail)


def object_not_found(request: bytes) -> bytes:
    """Return the fault of an object that is no more."""
    kind, ref = _target(request)
    message = "The object has already been deleted or has not been completely created"
    return _fault("ManagedObjectNotFound", message, f'<obj type="{kind}">{ref}</obj>')


def _target(request: bytes) -> tuple[str, str]:
    """Return type and id of the object a request is made to."""
    this = parse(request).find(f".//{VIM}_this")
    return ("Folder", "group-d1") if this is None else (this.get("type", ""), this.text or "")


def _fault(name: str, message: str, detail: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<soapenv:Envelope xmlns:soapenv="{SOAP}" xmlns:xsi="{XSI}"><soapenv:Body><soapenv:Fault>'
        f"<faultcode>ServerFaultCode</faultcode><faultstring>{message}</faultstring><detail>"
        f'<{name}Fault xmlns="urn:vim25" xsi:type="{name}">{detail}</{name}Fault>'
        "</detail></soapenv:Fault></soapenv:Body></soapenv:Envelope>"
    ).encode()


def objects_of(root: etree._Element) -> list[etree._Element]:
    """Return the objects of a page of properties."""
    return root.findall(f".//{VIM}returnval/{VIM}objects")


def drop_token(root: etree._Element) -> bool:
    """Remove what says that another page follows; False if nothing did."""
    for page in root.iterfind(f".//{VIM}returnval"):
        token = page.find(f"{VIM}token")
        if token is not None:
            page.remove(token)
            return True
    return False


def repeat_page(root: etree._Element, before: bytes) -> bool:
    """Put the objects of the page before in place of this one's; False if this is a first page."""
    page = root.find(f".//{VIM}ContinueRetrievePropertiesExResponse/{VIM}returnval")
    if page is None or not before:
        return False
    for one in page.findall(f"{VIM}objects"):
        page.remove(one)
    page.extend(objects_of(parse(before)))
    return True


def withhold(root: etree._Element, path: str | None, ref: str | None, privilege: str) -> bool:
    """Move a property from the values to the missing ones; False if no object has it.

    Without a path it is the first property present; without a reference all objects that have it.
    """
    done = False
    for owner in [*objects_of(root), *root.iterfind(f".//{VIM}objectSet")]:
        obj = owner.find(f"{VIM}obj")
        if obj is None or ref not in {None, obj.text}:
            continue
        for value in [*owner.findall(f"{VIM}propSet"), *owner.findall(f"{VIM}changeSet")]:
            path = path or value.findtext(f"{VIM}name") or ""
            if value.findtext(f"{VIM}name") == path:
                owner.remove(value)
                owner.append(_missing(obj, path, privilege))
                done = True
    return done


def _missing(obj: etree._Element, path: str, privilege: str) -> etree._Element:
    message = "Permission to perform this operation was denied."
    return etree.fromstring(
        f'<missingSet xmlns="urn:vim25" xmlns:xsi="{XSI}"><path>{path}</path><fault>'
        f'<fault xsi:type="NoPermission"><object type="{obj.get("type")}">{obj.text}</object>'
        f"<privilegeId>{privilege}</privilegeId></fault>"
        f"<localizedMessage>{message}</localizedMessage></fault></missingSet>"
    )
