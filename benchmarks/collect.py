"""What reading a vCenter costs beyond waiting for it: our collection against a bare HTTP client.

Run `python -m benchmarks.collect [machines]`. The bare client sends the same requests one after
the other and reads the answers without looking at them: that is the simulator's own speed.
pyVmomi then asks for the same properties of the machines and makes objects of them.
"""

from __future__ import annotations

import http.client
import re
import ssl
import sys
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

from pyVim.connect import Disconnect, SmartConnect
from pyVmomi import vim as typed_vim
from pyVmomi import vmodl as typed_vmodl

from inventory.connectors.vsphere import tls
from inventory.connectors.vsphere.connector import VsphereConnector
from inventory.connectors.vsphere.mapping import machines
from inventory.connectors.vsphere.transport import Answer, Transport
from inventory.records import VirtualMachine
from tests.peers.vcsim import Vcsim, start_vcsim

vim: Any = typed_vim
vmodl: Any = typed_vmodl

ROUNDS = 3
POOLS = 10
PAGE = 250
# What an answer hands out for the next request to name: the token of a page, the id of a view.
HANDLE = re.compile(rb"<token>([^<]+)</token>|<returnval type=\"ContainerView\">([^<]+)<")


class Exchange(NamedTuple):
    """One request as it was sent, and what its answer handed out."""

    envelope: bytes
    soap_action: str
    handle: bytes


class Timed(NamedTuple):
    result: int
    seconds: float
    processor_seconds: float


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
    for line in report(run(count)):
        print(line)


def run(count: int) -> dict[str, float]:
    """Seconds for each way, medians of rounds that take turns on one simulator."""
    per_pool = max(1, count // POOLS)
    with start_vcsim(
        cluster=POOLS - 1, host=4, standalone_host=1, vm=per_pool, pg=4, seed="bench"
    ) as vcenter:
        collect(vcenter)  # warm
        exchanges = recorded(vcenter)
        ours, bare = [], []
        for _ in range(ROUNDS):
            ours.append(timed(collect, vcenter))
            bare.append(timed(replay, vcenter, exchanges))
        pyvmomi = timed(with_pyvmomi, vcenter)
    return {
        "machines": ours[0].result,
        "mib": bare[0].result / 2**20,
        "ours": median(run.seconds for run in ours),
        "bare": median(run.seconds for run in bare),
        "pyvmomi": pyvmomi.seconds,
        "ours_cpu": median(run.processor_seconds for run in ours),
        "pyvmomi_cpu": pyvmomi.processor_seconds,
    }


def report(figures: dict[str, float]) -> list[str]:
    machines_a_second = figures["machines"] / figures["ours"]
    return [
        f"collect {figures['machines']:,.0f} machines ({figures['mib']:.0f} MiB): "
        f"{figures['ours']:.2f} s, {machines_a_second:,.0f} machines/s",
        f"  over a bare HTTP client with the same requests: "
        f"{figures['ours'] / figures['bare']:.2f} x ({figures['bare']:.2f} s; aim: at most 1.5)",
        f"  over pyVmomi reading the machines only: "
        f"{figures['ours'] / figures['pyvmomi']:.2f} x the time ({figures['pyvmomi']:.2f} s), "
        f"{figures['ours_cpu'] / figures['pyvmomi_cpu']:.2f} x the processor time "
        f"({figures['ours_cpu']:.2f} s against {figures['pyvmomi_cpu']:.2f} s)",
    ]


def timed(call: Any, *arguments: Any) -> Timed:
    start, processor_start = perf_counter(), process_time()
    result = call(*arguments)
    return Timed(result, perf_counter() - start, process_time() - processor_start)


def collect(vcenter: Vcsim) -> int:
    """Everything, as records; how many machines there were."""
    items = connector(vcenter).collect()
    return sum(isinstance(item, VirtualMachine) for item in items)


def connector(vcenter: Vcsim) -> VsphereConnector:
    return VsphereConnector(
        url=vcenter.url,
        username=vcenter.username,
        password=vcenter.password,
        trust=tls.PinnedTrust(vcenter.cert_pem.read_text()),
        page_size=PAGE,
    )


def recorded(vcenter: Vcsim) -> list[Exchange]:
    """The requests of one collection, in their order."""
    exchanges: list[Exchange] = []
    post = Transport.post

    def listening(self: Transport, method: str, envelope: bytes, *, soap_action: str) -> Answer:
        answer = post(self, method, envelope, soap_action=soap_action)
        exchanges.append(Exchange(envelope, soap_action, handle_in(answer.body)))
        return answer

    Transport.post = listening  # type: ignore[method-assign]
    try:
        collect(vcenter)
    finally:
        Transport.post = post  # type: ignore[method-assign]
    return exchanges


def handle_in(body: bytes) -> bytes:
    objects = body.find(b"<objects")
    found = HANDLE.search(body, 0, objects if objects >= 0 else len(body))
    return (found[1] or found[2]) if found else b""


def replay(vcenter: Vcsim, exchanges: list[Exchange]) -> int:
    """Send the same requests and throw the answers away; how many bytes they had."""
    connection = http.client.HTTPSConnection(
        vcenter.host,
        vcenter.port,
        context=ssl.create_default_context(cafile=str(vcenter.cert_pem)),
    )
    renamed: dict[bytes, bytes] = {}
    cookie, size = "", 0
    for exchange in exchanges:
        envelope = exchange.envelope
        for old, new in renamed.items():
            envelope = envelope.replace(old, new)
        headers = {"SOAPAction": exchange.soap_action, "Cookie": cookie}
        connection.request("POST", "/sdk", envelope, headers)
        response = connection.getresponse()
        body = response.read()
        assert response.status == http.client.OK, body[:500]
        if set_cookie := response.getheader("Set-Cookie"):
            cookie = set_cookie.split(";")[0]
        if exchange.handle:
            renamed[exchange.handle] = handle_in(body)
        size += len(body)
    connection.close()
    return size


def with_pyvmomi(vcenter: Vcsim) -> int:
    """The machines' properties as pyVmomi's objects; how many machines there were."""
    session: Any = SmartConnect(  # type: ignore[no-untyped-call]
        host=vcenter.host,
        port=vcenter.port,
        user=vcenter.username,
        pwd=vcenter.password,
        sslContext=ssl.create_default_context(cafile=str(vcenter.cert_pem)),
    )
    content = session.RetrieveContent()
    view = content.viewManager.CreateContainerView(
        content.rootFolder, [vim.VirtualMachine], recursive=True
    )
    query = vmodl.query.PropertyCollector
    spec = query.FilterSpec(
        propSet=[query.PropertySpec(type=vim.VirtualMachine, pathSet=list(machines.PATHS))],
        objectSet=[
            query.ObjectSpec(
                obj=view,
                skip=True,
                selectSet=[
                    query.TraversalSpec(
                        name="v", path="view", skip=False, type=vim.view.ContainerView
                    )
                ],
            )
        ],
    )
    collector = content.propertyCollector
    page = collector.RetrievePropertiesEx([spec], query.RetrieveOptions(maxObjects=PAGE))
    found = len(page.objects)
    while page.token:
        page = collector.ContinueRetrievePropertiesEx(page.token)
        found += len(page.objects)
    view.DestroyView()
    Disconnect(session)  # type: ignore[no-untyped-call]
    return found


if __name__ == "__main__":
    main()
