"""What reading a vCenter costs beyond waiting for it: our collection against a bare HTTP client.

Run `python -m benchmarks.collect [machines]`. The bare client sends the same requests one after
the other and reads the answers without looking at them: that is the simulator's own speed, which
is everybody's floor. So pyVmomi is compared without the simulator: it makes its objects, and we our
records, of the same pages of machines.
"""

from __future__ import annotations

import http.client
import re
import ssl
import sys
from statistics import median
from time import perf_counter, process_time
from typing import Any, NamedTuple

from pyVmomi import SoapAdapter, VmomiSupport
from pyVmomi import vmodl as typed_vmodl

from inventory.connectors.base import EventCursor
from inventory.connectors.vsphere import tls, xml
from inventory.connectors.vsphere.connector import VsphereConnector
from inventory.connectors.vsphere.mapping import machines
from inventory.connectors.vsphere.mapping.estate import AttributeNames, Estate
from inventory.connectors.vsphere.mapping.facts import Facts
from inventory.connectors.vsphere.transport import Answer, Transport
from inventory.records import VirtualMachine
from tests.peers.vcsim import Vcsim, start_vcsim

soap: Any = SoapAdapter
vmomi: Any = VmomiSupport
vmodl: Any = typed_vmodl

ROUNDS = 3
POOLS = 10
PAGE = 250
AIM_OVER_BARE, AIM_FASTER = 1.3, 5.0
MACHINE = b'<objects><obj type="VirtualMachine">'
# What an answer hands out for the next request to name: the token of a page, the id of a view or
# of a collector of events.
HANDLE = re.compile(
    rb"<token>([^<]+)</token>|<returnval type=\"(?:ContainerView|EventHistoryCollector)\">([^<]+)<"
)


class Exchange(NamedTuple):
    """One request as it was sent, and what its answer handed out; of machines, the answer too."""

    envelope: bytes
    soap_action: str
    handle: bytes
    page: bytes


class Timed(NamedTuple):
    result: int
    seconds: float
    processor_seconds: float


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    for line in report(run(count)):
        print(line, flush=True)


def simulated(count: int) -> Vcsim:
    """A vCenter with so many machines on a few hosts, whose making is in its log of events."""
    per_pool = max(1, count // POOLS)
    return start_vcsim(
        cluster=POOLS - 1, host=4, standalone_host=1, vm=per_pool, pg=4, seed="bench"
    )


def run(count: int) -> dict[str, float]:
    """Seconds for each way, medians of rounds that take turns on one simulator."""
    with simulated(count) as vcenter:
        exchanges = recorded(vcenter)  # warms as well
        pages = [each.page for each in exchanges if each.page]
        exchanges = [each._replace(page=b"") for each in exchanges]
        ours, bare = [], []
        for _ in range(ROUNDS):
            ours.append(timed(collect, vcenter))
            bare.append(timed(replay, vcenter, exchanges))
    decoded = [timed(records_of, pages) for _ in range(ROUNDS)]
    objects = timed(objects_of, pages)
    assert decoded[0].result == objects.result == ours[0].result
    return {
        "machines": ours[0].result,
        "mib": bare[0].result / 2**20,
        "ours": median(run.seconds for run in ours),
        "bare": median(run.seconds for run in bare),
        "ours_cpu": median(run.processor_seconds for run in ours),
        "decoded": median(run.processor_seconds for run in decoded),
        "pyvmomi": objects.processor_seconds,
    }


def report(figures: dict[str, float]) -> list[str]:
    machines_a_second = figures["machines"] / figures["ours"]
    over_bare, faster = figures["ours"] / figures["bare"], figures["pyvmomi"] / figures["decoded"]
    return [
        f"collect {figures['machines']:,.0f} machines ({figures['mib']:.0f} MiB): "
        f"{figures['ours']:.2f} s, {machines_a_second:,.0f} machines/s, "
        f"{figures['ours_cpu']:.2f} s of them on a processor",
        f"  over a bare HTTP client with the same requests: {over_bare:.2f} x "
        f"({figures['bare']:.2f} s)  "
        f"{verdict(f'{AIM_OVER_BARE} x', is_met=over_bare <= AIM_OVER_BARE)}",
        f"  decoding beside pyVmomi's, in processor time: {faster:.1f} times as fast "
        f"({figures['decoded']:.2f} s against {figures['pyvmomi']:.2f} s)  "
        f"{verdict(f'{AIM_FASTER:.0f} times', is_met=faster >= AIM_FASTER)}",
    ]


def verdict(aim: str, *, is_met: bool) -> str:
    return "met" if is_met else f"MISSED ({aim})"


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
        events_since=EventCursor(),
    )


def recorded(vcenter: Vcsim) -> list[Exchange]:
    """The requests of one collection, in their order."""
    exchanges: list[Exchange] = []
    post = Transport.post

    def listening(self: Transport, method: str, envelope: bytes, *, soap_action: str) -> Answer:
        answer = post(self, method, envelope, soap_action=soap_action)
        page = answer.body if MACHINE in answer.body else b""
        exchanges.append(Exchange(envelope, soap_action, handle_in(answer.body), page))
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


def records_of(pages: list[bytes]) -> int:
    """Our records of the machines on these pages; how many there were."""
    estate = Estate(root="", attribute_names=AttributeNames())
    found = 0
    for page in pages:
        for content in xml.page(page).objects:
            machines.machine(Facts(content), estate)
            found += 1
    return found


def objects_of(pages: list[bytes]) -> int:
    """pyVmomi's objects of the machines on these pages; how many there were."""
    stub = soap.SoapStubAdapter("127.0.0.2", version=vmomi.newestVersions.GetName("vim"))
    result = vmodl.query.PropertyCollector.RetrieveResult
    found = 0
    for page in pages:
        found += len(soap.SoapResponseDeserializer(stub).Deserialize(page, result).objects)
    return found


if __name__ == "__main__":
    main()
