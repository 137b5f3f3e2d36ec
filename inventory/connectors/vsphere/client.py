"""The session with a vCenter: log in, small calls, log out. The only file that knows pyVmomi.

pyVmomi gives the types and writes and reads the small calls; its HTTP code is not used, so every
byte passes the TLS context, the list of allowed methods and the bounds of `Transport`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

import msgspec
from lxml import etree
from pyVmomi import SoapAdapter, VmomiSupport
from pyVmomi import vim as typed_vim
from pyVmomi import vmodl as typed_vmodl

from inventory.connectors.base import CollectionFailed, SessionSink
from inventory.connectors.vsphere import rest, tls, xml
from inventory.connectors.vsphere.bulk import BulkReader
from inventory.connectors.vsphere.failures import SessionLost, TransportLost, session_lost
from inventory.connectors.vsphere.methods import require_allowed
from inventory.connectors.vsphere.transport import Endpoint, Session, Transport
from inventory.connectors.vsphere.views import Chosen, ContainerView, View
from inventory.connectors.vsphere.xml import Malformed, Ref

# pyVmomi makes its classes when they are first used; a type checker cannot know them.
vim: Any = typed_vim
vmodl: Any = typed_vmodl
soap: Any = SoapAdapter
vmomi: Any = VmomiSupport

_ENTITIES_A_CALL: Final = 100


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """The managers of a vCenter, and what it says about itself."""

    instance_uuid: str
    product: str
    version: str
    build: str
    api_version: str
    root_folder: Ref
    session_manager: Ref
    view_manager: Ref
    property_collector: Ref
    authorization_manager: Ref
    settings: Ref | None
    extension_manager: Ref | None
    custom_fields: Ref | None
    event_manager: Ref | None
    alarm_manager: Ref | None
    license_manager: Ref | None
    user_directory: Ref | None


class _Stub(soap.SoapStubAdapterBase):  # type: ignore[misc]
    """pyVmomi's serialiser over our transport."""

    def __init__(self, transport: Transport, version: str) -> None:
        super().__init__(version=version)
        self.requestContext = None
        self._transport = transport

    def InvokeMethod(self, mo: Any, info: Any, args: Any, outerStub: Any = None) -> Any:
        method = info.wsdlName
        require_allowed(method)
        request = self.SerializeRequest(mo, info, args)
        answer = self._transport.post(method, request, soap_action=self.versionId)
        if answer.status not in (200, 500):
            raise _unreadable(method, f"HTTP status {answer.status}")
        try:
            _require_whole(answer.body, method)  # pyVmomi would take half an answer for a whole one
            read = soap.SoapResponseDeserializer(outerStub or self).Deserialize(
                answer.body, info.result
            )
        except Exception as error:  # pyVmomi raises what it likes on what it does not expect
            raise _unreadable(method, type(error).__name__) from None
        if isinstance(read, vim.fault.NotAuthenticated):
            raise session_lost()
        if isinstance(read, Exception):
            raise read
        if answer.status != 200 or (read is None and info.result is not type(None)):
            raise _unreadable(method, "neither a result nor a fault")
        return read


class Client:
    """One session with one vCenter. `open` it, and it is logged out whatever happens."""

    def __init__(self, endpoint: Endpoint, *, page_size: int) -> None:
        self._page_size = page_size
        try:
            self._context = tls.context_for(endpoint.trust)
        except ValueError as error:
            raise CollectionFailed(
                str(error), code="bad-certificate", advice="Give the certificate as PEM text."
            ) from None
        self._endpoint = endpoint
        self._session = Session()
        self._transport = self._new_transport()

    @contextlib.contextmanager
    def open(
        self, *, username: str, password: str, sink: SessionSink | None = None
    ) -> Iterator[OpenSession]:
        """Log in and out again, or raise CollectionFailed.

        The sink is told the session's cookie, and an empty one once vCenter has ended the session.
        A vCenter that gives its cookie before the login has it told before, so that no moment is
        left in which a killed worker leaves a session behind that nobody knows.
        """
        bulk_transport = self._new_transport()
        try:
            stub = self._stub()
            content = _service_content(stub)
            manager = vim.SessionManager(content.sessionManager._moId, stub)
            told = _tell(sink, self._session.cookie, told="")
            try:
                key, account = self._login(manager, username, password)
            except CollectionFailed:
                _tell(sink, "", told=told)
                raise
            try:
                _tell(sink, self._session.cookie, told=told)
                yield OpenSession(
                    content=_content(content),
                    account=account,
                    key=key,
                    stub=stub,
                    transports=(self._transport, bulk_transport),
                    bulk=BulkReader(
                        bulk_transport,
                        soap_action=stub.versionId,
                        collector=_ref(content.propertyCollector),
                        page_size=self._page_size,
                    ),
                    rest=lambda: rest.logged_in(
                        Transport(self._endpoint, self._context, Session()),
                        username=username,
                        password=password,
                    ),
                )
            finally:
                if _logged_out(manager) and sink is not None:
                    sink("")
        finally:
            bulk_transport.close()
            self._transport.close()
            self._session.cookie = ""

    def end(self, cookie: str) -> bool:
        """Log out the session a killed run left behind; False if it was gone already."""
        self._session.cookie = cookie
        try:
            stub = self._stub()
            self._session.cookie = cookie  # an unauthenticated answer may have set another
            manager = vim.SessionManager(_service_content(stub).sessionManager._moId, stub)
            self._session.cookie = cookie
            manager.Logout()
        except SessionLost:
            return False
        finally:
            self._transport.close()
            self._session.cookie = ""
        return True

    def _new_transport(self) -> Transport:
        return Transport(self._endpoint, self._context, self._session)

    def _stub(self) -> _Stub:
        return _Stub(self._transport, _negotiate(self._transport))

    def _login(self, manager: Any, username: str, password: str) -> tuple[str, str]:
        try:
            session = manager.Login(username, password, None)
        except vim.fault.InvalidLogin:
            raise CollectionFailed(
                "vCenter refused the user name or the password.",
                code="login-refused",
                advice="Type the password again; check that the account is not locked or expired.",
            ) from None
        except vim.fault.NoPermission:
            raise CollectionFailed(
                f"The account {username} may not log in to vCenter.",
                code="no-rights",
                advice="Give the account the Read-only role on the vCenter object, propagated.",
            ) from None
        except vmodl.MethodFault as fault:
            raise CollectionFailed(
                f"vCenter refused the login ({type(fault).__name__.rpartition('.')[2]}).",
                code="login-refused",
                advice="Look at vCenter's log for the reason.",
            ) from None
        return session.key, session.userName


class OpenSession:
    """What can be asked of a vCenter while logged in."""

    def __init__(
        self,
        *,
        content: Content,
        account: str,
        key: str,
        stub: _Stub,
        bulk: BulkReader,
        transports: tuple[Transport, ...],
        rest: Callable[[], AbstractContextManager[rest.RestSession]],
    ) -> None:
        self.content = content
        self.account = account
        self.key = key
        self.bulk = bulk
        self.rest = rest  # a session of its own, on a connection of its own
        self._stub = stub
        self._transports = transports
        self._chosen: tuple[Ref, ...] | None = None

    @contextlib.contextmanager
    def choosing(self, refs: Sequence[Ref]) -> Iterator[None]:
        """Read only these objects inside the block, whatever is asked for."""
        self._chosen = tuple(refs)
        try:
            yield
        finally:
            self._chosen = None

    def drop_connections(self) -> None:
        """Close every connection, so that what comes next is asked over verified new ones."""
        for transport in self._transports:
            transport.close()

    @contextlib.contextmanager
    def view(self, *types: str) -> Iterator[View]:
        """Every object of these types; while objects are chosen, those of them alone."""
        if self._chosen is not None:
            yield Chosen([ref for ref in self._chosen if _is_one_of(ref, types)], self.bulk)
            return
        with self.container(*types) as view:
            yield view

    @contextlib.contextmanager
    def container(self, *types: str) -> Iterator[ContainerView]:
        """A list of every object of these types, destroyed at the end; `destroyed` says so."""
        manager = vim.view.ViewManager(self.content.view_manager, self._stub)
        root = vim.Folder(self.content.root_folder, self._stub)
        wanted = [vmomi.GetWsdlType(xml.VIM, name) for name in types]
        made = _small_call(lambda: manager.CreateContainerView(root, wanted, recursive=True))
        view = ContainerView(Ref(made._moId, "ContainerView"), self.bulk)
        try:
            yield view
        finally:
            with contextlib.suppress(CollectionFailed, vmodl.MethodFault):
                made.DestroyView()
                view.destroyed = True

    def privileges(self, refs: Sequence[Ref]) -> dict[Ref, frozenset[str]]:
        """What the account may do on each object, as vCenter says; raise CollectionFailed."""
        manager = vim.AuthorizationManager(self.content.authorization_manager, self._stub)
        held: dict[Ref, frozenset[str]] = {}
        for at in range(0, len(refs), _ENTITIES_A_CALL):
            entities = [
                getattr(vim, ref.type or "ManagedEntity")(ref, self._stub)
                for ref in refs[at : at + _ENTITIES_A_CALL]
            ]
            for answer in _small_call(
                lambda entities=entities: manager.FetchUserPrivilegeOnEntities(
                    entities, self.account
                )
            ):
                held[Ref(answer.entity._moId)] = frozenset(answer.privileges)
        return held


def _is_one_of(ref: Ref, types: Sequence[str]) -> bool:
    known = getattr(vim, ref.type, None)
    return known is not None and any(issubclass(known, getattr(vim, name)) for name in types)


def _negotiate(transport: Transport) -> str:
    """The newest API version both sides know, or raise CollectionFailed."""
    answer = transport.get(f"{transport.endpoint.path}/vimServiceVersions.xml")
    where = f"{transport.endpoint.host}:{transport.endpoint.port}"
    if answer.status != 200:
        raise _not_vcenter(where, f"it answered with HTTP status {answer.status}")
    try:
        offered = _offered_versions(answer.body)
    except (Malformed, etree.XMLSyntaxError):
        raise _not_vcenter(where, f"it answered with {_spoken(answer.content_type)}") from None
    for version in vmomi.GetServiceVersions("vim25"):
        if vmomi.versionIdMap[version] in offered:
            return str(version)
    raise CollectionFailed(
        f"{where} speaks no version of the vSphere API that this product knows.",
        code="api-version",
        advice="vCenter 6.5 or newer is needed.",
    )


def _offered_versions(document: bytes) -> set[str]:
    root = xml.parse_document(document)
    if root.tag != "namespaces":
        raise Malformed("not a list of versions")
    return {
        found.text or ""
        for namespace in root.iterfind("namespace")
        if namespace.findtext("name") == "urn:vim25"
        for found in namespace.iter("version")
    }


def _spoken(content_type: str) -> str:
    return {
        "text/html": "a web page",
        "application/json": "JSON",
        "text/plain": "plain text",
    }.get(content_type, "something that is not the vSphere API")


def _not_vcenter(where: str, what: str) -> CollectionFailed:
    return CollectionFailed(
        f"{where} is not a vCenter: {what}.",
        code="not-vcenter",
        advice="Give the address of vCenter Server; its SDK is at https://host/sdk.",
    )


def _service_content(stub: _Stub) -> Any:
    where = f"{stub._transport.endpoint.host}:{stub._transport.endpoint.port}"
    try:
        content = vim.ServiceInstance("ServiceInstance", stub).RetrieveContent()
    except TransportLost as error:
        if error.code == "malformed":
            raise _not_vcenter(where, "its answer is not one of the vSphere API") from None
        raise
    except vmodl.MethodFault:
        raise _not_vcenter(where, "it refused to describe itself") from None
    if content is None or content.sessionManager is None:  # an answer without a word in it
        raise _not_vcenter(where, "its answer is empty")
    return content


def _content(content: Any) -> Content:
    about = content.about
    if about.apiType != "VirtualCenter" or not about.instanceUuid:
        raise CollectionFailed(
            f"The server is {about.fullName or 'a single ESXi host'}, not a vCenter.",
            code="not-vcenter",
            advice="Add the vCenter that manages this host.",
        )
    return Content(
        instance_uuid=about.instanceUuid,
        product=about.fullName or about.name or "",
        version=about.version or "",
        build=about.build or "",
        api_version=about.apiVersion or "",
        root_folder=_ref(content.rootFolder),
        session_manager=_ref(content.sessionManager),
        view_manager=_ref(content.viewManager),
        property_collector=_ref(content.propertyCollector),
        authorization_manager=_ref(content.authorizationManager),
        settings=_optional_ref(content.setting),
        extension_manager=_optional_ref(content.extensionManager),
        custom_fields=_optional_ref(content.customFieldsManager),
        event_manager=_optional_ref(content.eventManager),
        alarm_manager=_optional_ref(content.alarmManager),
        license_manager=_optional_ref(content.licenseManager),
        user_directory=_optional_ref(content.userDirectory),
    )


def _ref(managed: Any) -> Ref:
    return Ref(managed._moId, managed._wsdlName)


def _optional_ref(managed: Any) -> Ref | None:
    return None if managed is None else _ref(managed)


def _small_call(call: Any) -> Any:
    """The call's result; a fault becomes the SoapFault bulk reads raise too."""
    try:
        return call()
    except vmodl.MethodFault as fault:
        raise xml.SoapFault(type(fault).__name__.rpartition(".")[2], fault.msg or "", {}) from None


def _tell(sink: SessionSink | None, cookie: str, *, told: str) -> str:
    """Tell the sink a cookie it does not know yet; returns what it knows now."""
    if sink is not None and cookie != told:
        sink(cookie)
    return cookie


def _logged_out(manager: Any) -> bool:
    """Log out; False if that failed, which must not hide why the run did.

    The cookie stays with whoever was told it, so that the next run ends what is left.
    """
    try:
        manager.Logout()
    except SessionLost:
        return True
    except (CollectionFailed, vmodl.MethodFault):
        return False
    return True


def _require_whole(body: bytes, method: str) -> None:
    """Raise Malformed unless the body is a whole answer to the method, or a whole fault."""
    with contextlib.suppress(xml.SoapFault):
        xml.result(body, to=method)


def _unreadable(method: str, what: str) -> TransportLost:
    return TransportLost(
        f"vCenter's answer to {method} could not be read: {what}.",
        code="malformed",
        advice="If it repeats, look at what stands between this machine and vCenter.",
    )
