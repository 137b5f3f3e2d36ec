"""Collecting into a file, where no database is: the same collection, written down and signed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inventory.connectors import lines, sealed
from inventory.connectors.base import NOTES, Connector
from inventory.staging import Take, storable


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, and why it is not everything when it is not."""

    seal: sealed.Seal
    causes: list[dict[str, str]]
    events_until: datetime | None = None  # where the log was cut, by the platform's clock


def collect(
    connector: Connector,
    target: Path,
    *,
    key: Ed25519PrivateKey,
    collector: str,
    clock: Callable[[], datetime],
) -> Carried:
    """Collect everything into a signed bundle, or raise CollectionFailed and leave no file."""
    take = Take(expected_instance="")
    began = clock()
    with TemporaryFile(dir=target.parent) as packed:
        packer = sealed.Packer(packed)
        items: Any = connector.collect()
        with closing(items):  # whatever happens, the session is logged out
            for item in items:
                if isinstance(item, NOTES):
                    take.note(item)
                    packer.add(lines.bounded(item))
                else:
                    take.row(item)
                    packer.add(storable(item)[0])
        causes = take.causes()
        kinds = take.completeness().values()
        about = sealed.About(
            collected_at=began,
            finished_at=clock(),
            collector=collector,
            complete=not causes and all(kind["complete"] for kind in kinds),
            warnings=tuple(getattr(connector, "warnings", ())),
        )
        with sealed.placing(target) as whole:
            seal = packer.seal(whole, key=key, about=about)
        read = take.events_read
        cut = read.until if read is not None and read.is_cut else None
        return Carried(seal=seal, causes=causes, events_until=cut)
