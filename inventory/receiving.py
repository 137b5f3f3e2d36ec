"""Files that are brought: what is accepted, where it waits, and how it becomes a run as any other.

The request only proves who made a file and keeps it, in pieces, beside a run in the ledger. A
worker reads it. What was kept is gone once it was read, or when the run is over in another way.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Any, BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.db import IntegrityError, transaction

from accounts.models import User
from accounts.permissions import Permission
from audit import trail
from inventory import doorbell
from inventory.connectors import lines, sealed, signing
from inventory.connectors.base import CollectionFailed, Connector
from inventory.connectors.rvtools import child, limits
from inventory.errors import NotPossible, Refused
from inventory.models import Source, SyncRun, UploadedPart

MOST_BYTES = 64 * 1024 * 1024
PART_BYTES = 1024 * 1024
LONGEST_FILE_NAME = 200
LONGEST_INSTANCE = 100
EARLIEST = datetime(2005, 1, 1, tzinfo=UTC)  # there was no vCenter with an API before
CLOCKS_DIFFER_BY = timedelta(minutes=10)
WIDEST_ZONE = timedelta(hours=14)  # a workbook's own clock is local, and says no zone

State = SyncRun.State
IN_VAIN = (State.FAILED, State.CANCELLED, State.QUARANTINED)


# --- bringing ---------------------------------------------------------------------------------


def receive(
    *,
    source: Source,
    file: IO[bytes],
    name: str,
    by: User | None,
    now: datetime,
    collected_at: datetime | None = None,
    wake_worker: bool = True,
) -> tuple[SyncRun, bool]:
    """The run that will read this file, and whether it is new; or raise NotPossible or Refused.

    The same file again is answered with the run it already had. `collected_at` says when a workbook
    was exported that does not say so itself.
    """
    source = Source.objects.get(pk=source.pk)
    if not source.takes_files:
        raise NotPossible(f"{source.name} is collected from its address; no file is taken for it.")
    if not source.is_enabled:
        raise NotPossible(f"{source.name} is switched off. Switch it on before uploading.")
    size, digest = _measured(file)
    before = source.runs.filter(upload__sha256=digest).exclude(state__in=IN_VAIN).first()
    if before is not None:
        return before, False
    try:
        said = READERS[source.connector](source, file, collected_at)
        if "collected_at" in said:
            _check_moment(source, datetime.fromisoformat(said["collected_at"]), now=now)
    except CollectionFailed as error:
        raise Refused(f"{error} {error.advice}".strip()) from error
    upload = {
        "file": lines.storable(name)[:LONGEST_FILE_NAME],
        "bytes": size,
        "sha256": digest,
        **said,
    }
    run = _queue(source, file, upload, by=by, now=now)
    if wake_worker:
        doorbell.ring(run.pk)
    return run, True


def _measured(file: IO[bytes]) -> tuple[int, str]:
    file.seek(0, 2)
    if file.tell() > MOST_BYTES:
        raise Refused(f"The file is larger than {MOST_BYTES // 1024**2} MiB.")
    if file.tell() == 0:
        raise Refused("The file is empty.")
    return sealed.measured(_binary(file))


def _bundle_says(source: Source, file: IO[bytes], _: datetime | None) -> dict[str, Any]:
    """Prove who made the bundle, that nobody changed it, and that it is of the same vCenter."""
    seal = sealed.verified(_binary(file), key=_trusted(source))
    _check_instance(source, seal.instance_uuid)
    return {
        "collected_at": seal.collected_at.isoformat(),
        "collector": lines.storable(seal.collector)[:LONGEST_FILE_NAME],
        "signed_by": signing.fingerprint(_trusted(source)),
    }


def _workbook_says(
    source: Source, file: IO[bytes], collected_at: datetime | None
) -> dict[str, Any]:
    """Look at the outside of a workbook alone: a worker reads it."""
    limits.check(_binary(file))
    if collected_at is None:
        return {}
    told = collected_at.isoformat()
    return {"told_at": told, "collected_at": told}


READERS: dict[str, Callable[[Source, IO[bytes], datetime | None], dict[str, Any]]] = {
    Source.Connector.BUNDLE: _bundle_says,
    Source.Connector.RVTOOLS: _workbook_says,
}


def _queue(
    source: Source, file: IO[bytes], upload: dict[str, Any], *, by: User | None, now: datetime
) -> SyncRun:
    """Keep the file beside a new run. The source is not locked: publishing may hold it for long."""
    try:
        with transaction.atomic():
            run = SyncRun.objects.create(
                source=source,
                requested_by=str(by) if by else "console",
                requested_at=now,
                upload=upload,
            )
            file.seek(0)
            for number, data in enumerate(iter(lambda: file.read(PART_BYTES), b"")):
                UploadedPart.objects.create(run=run, number=number, data=data)
            told = {"source": source.name, **upload}
            trail.record(by, Permission.RUN_START, run, after=told, at=now)
            return run
    except IntegrityError:  # one_queued_sync_per_source
        raise NotPossible(
            f"Another file of {source.name} waits to be read. Try again when that is done."
        ) from None


# --- reading, in a worker ---------------------------------------------------------------------


def connector_of(source: Source, *, now: datetime) -> Connector:
    """What reads the file of the run that is under way, or raise CollectionFailed.

    What the request proved is proven again: time has passed, and the database is not the request.
    """
    run = source.runs.filter(state=State.RUNNING).first()
    if run is None or not run.parts.exists():
        raise CollectionFailed(
            f"There is no file of {source.name} to read.",
            code="no-file",
            advice="Its facts are brought as files: upload one.",
        )
    file = _spooled(run)
    carried: sealed.CarriedConnector
    ahead = CLOCKS_DIFFER_BY
    if source.connector == Source.Connector.BUNDLE:
        carried = sealed.CarriedConnector(file, sealed.verified(file, key=_trusted(source)))
    else:
        carried = book = _workbook(source, run, file)
        ahead = WIDEST_ZONE if book.is_local_time else ahead
    _check_instance(source, carried.seal.instance_uuid)
    _check_moment(source, carried.seal.collected_at, now=now, ahead=ahead)
    carried.true_at = min(carried.true_at, now)
    return carried


def _workbook(source: Source, run: SyncRun, file: BinaryIO) -> child.WorkbookConnector:
    told = run.upload.get("told_at")
    read = child.read(
        file,
        attributes=source.attribute_mapping,
        collected_at=datetime.fromisoformat(told) if told else None,
    )
    upload = run.upload | {
        "collected_at": read.seal.collected_at.isoformat(),
        "collector": read.seal.collector,
        "not_read": read.not_read,
    }
    held = SyncRun.objects.filter(pk=run.pk, token=run.token, state=State.RUNNING)
    held.update(upload=upload)
    return read


def _spooled(run: SyncRun) -> BinaryIO:
    """The file, in one that has no name: whatever happens to this process, it does not stay."""
    file = TemporaryFile()  # noqa: SIM115  # whoever reads it outlives this function
    for number in range(run.parts.count()):
        file.write(run.parts.values_list("data", flat=True).get(number=number))
    file.seek(0)
    return _binary(file)


# --- what has to be so ------------------------------------------------------------------------


def _trusted(source: Source) -> Ed25519PublicKey:
    try:
        return signing.read_public(source.trusted_key)
    except ValueError:
        raise CollectionFailed(
            f"{source.name} trusts no key yet, so no bundle can be accepted.",
            code="no-key",
            advice="Put the collector's public key into the source.",
        ) from None


def _check_instance(source: Source, instance_uuid: str) -> None:
    """As a live run does; said at once, while the person is still there."""
    if not 0 < len(instance_uuid) <= LONGEST_INSTANCE:
        raise lines.malformed("it does not say of which vCenter it is")
    if source.instance_uuid and instance_uuid != source.instance_uuid:
        raise CollectionFailed(
            f"The file is of a different vCenter: its instance is {instance_uuid[:100]}, this "
            f"source knows {source.instance_uuid}.",
            code="other-server",
            advice="Add the other vCenter as a source of its own.",
        )


def _check_moment(
    source: Source, collected_at: datetime, *, now: datetime, ahead: timedelta = CLOCKS_DIFFER_BY
) -> None:
    """No going back in time, and none forward."""
    if collected_at < EARLIEST:
        raise lines.malformed("the moment it was collected at cannot be")
    if collected_at > now + ahead:
        raise CollectionFailed(
            f"The file says that it was collected at {collected_at:%F %T %Z}, which is still to "
            "come.",
            code="from-the-future",
            advice="Set the clock where it was collected, and collect again.",
        )
    newest = _newest(source)
    if newest is not None and collected_at <= newest:
        raise CollectionFailed(
            f"The file was collected at {collected_at:%F %T %Z}, and {source.name} already knows "
            f"what was true at {newest:%F %T %Z}.",
            code="older",
            advice="Bring a newer one; what is known does not go back in time.",
        )


def _newest(source: Source) -> datetime | None:
    """The moment of the newest facts, by the clock that their file was written by."""
    published = source.runs.filter(published_at__isnull=False)
    last = published.order_by("-published_at").values_list("upload", flat=True).first()
    if last and "collected_at" in last:
        return datetime.fromisoformat(last["collected_at"])
    return source.published_at


def _binary(file: IO[bytes]) -> BinaryIO:
    return file  # type: ignore[return-value]  # Django's files and temporary ones read as any other
