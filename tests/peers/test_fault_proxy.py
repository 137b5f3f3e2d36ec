"""Each fault is looked at from the other end of the wire."""

import http.client
import re
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.certificates import self_signed
from tests.peers.conftest import Connect, RawClient, Reply
from tests.peers.fault_proxy import Fault, FaultProxy
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = pytest.mark.integration

COLLECTOR = "PropertyCollector:propertyCollector"


@pytest.fixture
def client(proxy: FaultProxy, vcsim: Vcsim) -> Iterator[RawClient]:
    """A client that has logged in through the proxy; the proxy counts from after the login."""
    client = RawClient(proxy)
    assert client.log_in(vcsim.username, vcsim.password).status == 200
    proxy.clear()
    yield client
    client.close()


@pytest.fixture
def view(client: RawClient, proxy: FaultProxy) -> str:
    """A view of all VMs."""
    arguments = '<container type="Folder">group-d1</container><type>VirtualMachine</type>'
    made = client.call(
        "CreateContainerView", "ViewManager:ViewManager", arguments + "<recursive>1</recursive>"
    )
    proxy.clear()
    return found(made, "<returnval[^>]*>([^<]*)</returnval>")[0]


def first_page(client: RawClient, view: str, *paths: str) -> Reply:
    """Ask for two VMs a page."""
    wanted = "".join(f"<pathSet>{path}</pathSet>" for path in paths or ("name",))
    return client.call(
        "RetrievePropertiesEx",
        COLLECTOR,
        f"<specSet><propSet><type>VirtualMachine</type>{wanted}</propSet>"
        f'<objectSet><obj type="ContainerView">{view}</obj><skip>1</skip>'
        '<selectSet xsi:type="TraversalSpec"><type>ContainerView</type><path>view</path>'
        "</selectSet></objectSet></specSet><options><maxObjects>2</maxObjects></options>",
    )


def next_page(client: RawClient, page: Reply) -> Reply:
    [token] = found(page, "<token>([^<]*)</token>")
    return client.call("ContinueRetrievePropertiesEx", COLLECTOR, f"<token>{token}</token>")


def now(client: RawClient) -> Reply:
    return client.call("CurrentTime", "ServiceInstance:ServiceInstance")


def found(reply: Reply, pattern: str) -> list[str]:
    return re.findall(pattern, reply.body.decode())


def test_without_a_fault_answers_pass_and_calls_are_counted(
    client: RawClient, proxy: FaultProxy
) -> None:
    assert now(client).status == 200
    assert [(call.index, call.method, call.fault) for call in proxy.calls] == [
        (0, "CurrentTime", None)
    ]


def test_reset_tears_the_connection_down(client: RawClient, proxy: FaultProxy) -> None:
    injected = proxy.inject(Fault.RESET)
    with pytest.raises(ConnectionResetError):
        now(client)
    assert [call.method for call in injected.applied] == ["CurrentTime"]


def test_truncate_ends_before_the_promised_length(client: RawClient, proxy: FaultProxy) -> None:
    proxy.inject(Fault.TRUNCATE)
    with pytest.raises((http.client.IncompleteRead, ssl.SSLEOFError)):
        now(client)


@pytest.mark.parametrize(("fault", "status"), [(Fault.HTTP_500, 500), (Fault.HTTP_503, 503)])
def test_an_error_page_is_not_soap(
    client: RawClient, proxy: FaultProxy, fault: Fault, status: int
) -> None:
    proxy.inject(fault)
    answer = now(client)
    assert answer.status == status
    assert answer.body.startswith(b"<html>")


def test_empty_is_a_success_that_says_nothing(client: RawClient, proxy: FaultProxy) -> None:
    proxy.inject(Fault.EMPTY)
    answer = now(client)
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    ("fault", "name"),
    [
        (Fault.NOT_AUTHENTICATED, "NotAuthenticated"),
        (Fault.OBJECT_NOT_FOUND, "ManagedObjectNotFound"),
    ],
)
def test_a_soap_fault_names_itself(
    client: RawClient, proxy: FaultProxy, fault: Fault, name: str
) -> None:
    proxy.inject(fault)
    answer = now(client)
    assert answer.status == 500
    assert f'<{name}Fault xmlns="urn:vim25" xsi:type="{name}">'.encode() in answer.body
    assert b">ServiceInstance</obj" in answer.body


def test_no_permission_moves_the_property_of_one_object(
    client: RawClient, proxy: FaultProxy, view: str
) -> None:
    [first, second] = found(first_page(client, view), "<obj [^>]*>([^<]*)</obj>")
    proxy.inject(Fault.NO_PERMISSION, prop="config.uuid", obj=second)
    answer = first_page(client, view, "name", "config.uuid")
    refused, intact = (
        found(answer, f"<obj [^>]*>{ref}</obj>.*?</objects>") for ref in (second, first)
    )
    assert "<name>config.uuid</name>" in intact[0]
    assert "<name>config.uuid</name>" not in refused[0]
    assert "<missingSet><path>config.uuid</path>" in re.sub(
        r' xmlns(:\w+)?="[^"]*"', "", refused[0]
    )
    assert 'xsi:type="NoPermission"' in refused[0]


def test_no_permission_waits_for_an_answer_that_has_the_property(
    client: RawClient, proxy: FaultProxy, view: str
) -> None:
    injected = proxy.inject(Fault.NO_PERMISSION, prop="config.uuid")
    assert now(client).status == 200
    assert injected.applied == []
    first_page(client, view, "config.uuid")
    assert [call.index for call in injected.applied] == [1]


def test_drop_token_hides_that_more_pages_follow(
    client: RawClient, proxy: FaultProxy, view: str
) -> None:
    assert found(first_page(client, view), "<token>")
    proxy.inject(Fault.DROP_TOKEN, at=1)
    answer = first_page(client, view)
    assert not found(answer, "<token>")
    assert len(found(answer, "<objects>")) == 2


def test_duplicate_page_repeats_the_page_before_and_keeps_the_token(
    client: RawClient, proxy: FaultProxy, view: str
) -> None:
    proxy.inject(Fault.DUPLICATE_PAGE)
    first = first_page(client, view)
    second = next_page(client, first)
    third = next_page(client, second)
    refs = [found(page, "<obj [^>]*>([^<]*)</obj>") for page in (first, second, third)]
    assert refs[0] == refs[1]
    assert not set(refs[1]) & set(refs[2])


def test_stall_outlasts_an_impatient_client(proxy: FaultProxy) -> None:
    proxy.inject(Fault.STALL, seconds=30)
    impatient = RawClient(proxy, timeout=0.5)
    with pytest.raises(TimeoutError):
        now(impatient)
    impatient.close()


def test_stall_answers_in_the_end(client: RawClient, proxy: FaultProxy) -> None:
    proxy.inject(Fault.STALL, seconds=0.5)
    start = time.monotonic()
    assert now(client).status == 200
    assert time.monotonic() - start >= 0.5


def test_a_fault_strikes_the_chosen_call_only(client: RawClient, proxy: FaultProxy) -> None:
    proxy.inject(Fault.HTTP_503, at=1)
    assert [now(client).status for _ in range(3)] == [200, 503, 200]
    assert [call.fault for call in proxy.calls] == [None, Fault.HTTP_503, None]


def test_a_fault_strikes_the_chosen_method_so_many_times(
    client: RawClient, proxy: FaultProxy, view: str
) -> None:
    proxy.inject(Fault.EMPTY, method="CurrentTime", times=2)
    assert first_page(client, view).status == 200
    assert [bool(now(client).body) for _ in range(3)] == [False, False, True]


def test_a_fault_can_keep_the_request_from_the_vcenter(
    client: RawClient, proxy: FaultProxy, vcsim: Vcsim
) -> None:
    vcsim.forget_calls()
    proxy.inject(Fault.HTTP_503, forward=False)
    now(client)
    assert "CurrentTime" not in vcsim.calls()


def test_a_swapped_certificate_shows_on_the_next_connection(
    client: RawClient, proxy: FaultProxy, tmp_path: Path
) -> None:
    before = proxy.certificate
    proxy.swap_certificate(self_signed(tmp_path))
    assert now(client).status == 200  # the open connection goes on
    assert shown(proxy) == proxy.certificate.pem != before.pem


def test_dropped_connections_end(client: RawClient, proxy: FaultProxy, tmp_path: Path) -> None:
    proxy.swap_certificate(self_signed(tmp_path), drop=True)
    with pytest.raises((OSError, http.client.HTTPException)):
        now(client)


def test_another_vcenter_can_take_the_place(client: RawClient, proxy: FaultProxy) -> None:
    def identity() -> list[str]:
        answer = client.call("RetrieveServiceContent", "ServiceInstance:ServiceInstance")
        return found(answer, "<instanceUuid>([^<]*)</instanceUuid>")

    first = identity()
    with start_vcsim(cluster=0, standalone_host=0, vm=0, ds=0, pg=0, seed="another") as other:
        proxy.point_at(other)
        assert identity() == [other.instance_uuid] != first


def test_pyvmomi_works_through_the_proxy(connect: Connect, proxy: FaultProxy) -> None:
    content = connect(proxy)
    assert content.rootFolder.name == "Datacenters"
    assert {"Login", "RetrieveServiceContent"} <= proxy.methods


def shown(proxy: FaultProxy) -> str:
    context = ssl.create_default_context(cafile=str(proxy.cert_pem))
    with (
        socket.create_connection((proxy.host, proxy.port)) as plain,
        context.wrap_socket(plain, server_hostname=proxy.host) as secure,
    ):
        return ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True) or b"")
