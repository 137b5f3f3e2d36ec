"""Record the simulator's answers that the mapping tests read: python -m …vsphere.record"""

from pathlib import Path

from inventory.connectors.vsphere import tls
from inventory.connectors.vsphere.connector import VsphereConnector
from inventory.connectors.vsphere.transport import Answer, Transport
from tests.peers.vcsim import start_vcsim

FOLDER = Path(__file__).with_name("recorded")


def main() -> None:
    """Collect once, and keep the body of every answer with objects under the type it is about."""
    answered: dict[str, bytes] = {}
    ask = Transport.post

    def listening(self: Transport, method: str, envelope: bytes, *, soap_action: str) -> Answer:
        answer = ask(self, method, envelope, soap_action=soap_action)
        if method == "RetrievePropertiesEx":
            kind = envelope.split(b"<propSet><type>")[1].split(b"<")[0].decode()
            answered[kind] = answer.body
        return answer

    Transport.post = listening  # type: ignore[method-assign]
    with start_vcsim(cluster=1, host=1, standalone_host=0, vm=1) as vcenter:
        connector = VsphereConnector(
            url=vcenter.url,
            username=vcenter.username,
            password=vcenter.password,
            trust=tls.PinnedTrust(vcenter.cert_pem.read_text()),
        )
        for _ in connector.collect():
            pass
    for kind in (
        "VirtualMachine",
        "HostSystem",
        "ClusterComputeResource",
        "Network",
        "DistributedVirtualPortgroup",
        "DistributedVirtualSwitch",
        "Datastore",
    ):
        (FOLDER / f"{kind}.xml").write_bytes(answered[kind])


if __name__ == "__main__":
    main()
