"""Only methods on the list leave the process, whoever asks."""

from typing import Any

import pytest
from pyVmomi import vim as typed_vim

from inventory.connectors.base import EventCursor
from inventory.connectors.vsphere import methods
from inventory.connectors.vsphere.methods import MethodRefused
from tests.inventory.connectors.vsphere.conftest import Build
from tests.peers.fault_proxy import FaultProxy

pytestmark = pytest.mark.integration
vim: Any = typed_vim

SESSION = {"Login", "Logout"}
# Objects of our own session.
TEMPORARY = {
    "CreateCollectorForEvents",
    "CreateContainerView",
    "CreateFilter",
    "CreatePropertyCollector",
    "DestroyCollector",
    "DestroyPropertyCollector",
    "DestroyView",
}


def test_nothing_on_the_list_changes_the_platform() -> None:
    reading = ("Retrieve", "ContinueRetrieve", "CancelRetrieve", "Fetch", "Current", "Query")

    rest = methods.ALLOWED - SESSION - TEMPORARY - {"HostImageConfigGetAcceptance"}
    assert all(name.startswith((*reading, "Get", "ReadNext", "WaitFor")) for name in rest)


def test_a_call_outside_the_list_is_never_sent(proxy: FaultProxy, connector_to: Build) -> None:
    with connector_to(proxy)._open() as session:
        before = len(proxy.calls)
        machine = vim.VirtualMachine("vm-1", session._stub)
        manager = vim.SessionManager("SessionManager", session._stub)

        for call in (
            machine.PowerOff,
            machine.Destroy,
            lambda: machine.name,  # properties are read by a method of their own
            lambda: machine.MarkAsTemplate(),
            lambda: manager.TerminateSession(["x"]),
        ):
            with pytest.raises(MethodRefused):
                call()
        with pytest.raises(MethodRefused):
            session.bulk.call("PowerOffVM_Task", session.content.root_folder)

        assert len(proxy.calls) == before


def test_a_whole_collection_sends_only_what_is_on_the_list(
    proxy: FaultProxy, connector_to: Build
) -> None:
    connector = connector_to(proxy, page_size=2, events_since=EventCursor())
    connector.probe()
    for _ in connector.collect():
        pass

    assert "ReadNextEvents" in proxy.methods
    rest = {tuple(method.split(" ")) for method in proxy.methods if " " in method}
    assert proxy.methods - {" ".join(each) for each in rest} <= methods.ALLOWED
    assert rest == {
        ("POST", methods.REST_SESSION),
        ("DELETE", methods.REST_SESSION),
        ("GET", methods.REST_TAGS),
        ("GET", methods.REST_LIBRARIES),
    }
    assert proxy.methods >= {"Login", "Logout", "RetrievePropertiesEx", "DestroyView"}


def test_the_rest_interface_is_only_read() -> None:
    changing = {(verb, path) for verb, path in methods.REST_ALLOWED if verb != "GET"}

    assert changing == {
        ("POST", methods.REST_SESSION),
        ("DELETE", methods.REST_SESSION),
        ("POST", methods.REST_ATTACHED),  # asks; what it asks about stands in the body
    }


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("POST", methods.REST_TAGS),
        ("DELETE", f"{methods.REST_TAGS}/id:urn:vmomi:InventoryServiceTag:1:GLOBAL"),
        ("GET", "/rest/vcenter/vm"),
        ("GET", f"{methods.REST_TAGS}/id:x/../../../vcenter/vm"),
        ("POST", f"{methods.REST_ATTACHED.partition('?')[0]}?~action=attach"),
    ],
)
def test_a_rest_request_outside_the_list_is_never_sent(
    proxy: FaultProxy, connector_to: Build, verb: str, path: str
) -> None:
    with connector_to(proxy)._open() as session, session.rest() as rest:
        before = len(proxy.calls)

        with pytest.raises(MethodRefused):
            rest._transport.rest(verb, path, {})

        assert len(proxy.calls) == before
