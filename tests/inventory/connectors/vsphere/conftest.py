"""A simulated vCenter for the tests of this folder, and connectors to it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory.connectors.vsphere import tls
from inventory.connectors.vsphere.connector import VsphereConnector
from tests.peers.certificates import self_signed
from tests.peers.fault_proxy import FaultProxy
from tests.peers.vcsim import Vcsim, start_vcsim

Build = Callable[..., VsphereConnector]


@pytest.fixture(scope="module")
def vcenter() -> Iterator[Vcsim]:
    """A small estate for all tests of a module; a test that changes it puts it back."""
    with start_vcsim(cluster=1, host=2, standalone_host=1, vm=6, seed="connector") as running:
        yield running


@pytest.fixture
def proxy(vcenter: Vcsim, tmp_path: Path) -> Iterator[FaultProxy]:
    """The same estate behind a proxy that can spoil answers."""
    with FaultProxy(vcenter, self_signed(tmp_path)) as running:
        yield running


@pytest.fixture
def connector_to(vcenter: Vcsim) -> Build:
    """Make a connector to a peer that shows the certificate it pins."""

    def build(peer: Any = None, **options: Any) -> VsphereConnector:
        peer = peer or vcenter
        given = {
            "url": peer.url,
            "username": vcenter.username,
            "password": vcenter.password,
            "trust": tls.PinnedTrust(Path(peer.cert_pem).read_text()),
            **options,
        }
        return VsphereConnector(**given)

    return build
