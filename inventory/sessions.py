"""Sessions a killed run may have left at the platform: remembered sealed, ended by the next run.

Ending somebody else's session takes a privilege that a read-only account lacks, so a run keeps its
own session cookie, sealed like a password, until it has logged out.
"""

from __future__ import annotations

import json
import logging
from base64 import b64decode, b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from django.db import connection, transaction

from inventory import ledger, secrets
from inventory.connecting import connect, destination_of
from inventory.connectors.base import CollectionFailed, SessionSink
from inventory.ledger import Claim
from inventory.models import Source, SyncRun, Watch
from inventory.watching import lease
from inventory.watching.lease import Held

log = logging.getLogger(__name__)
PURPOSE: dict[type, str] = {SyncRun: "session-cookie", Watch: "watch-cookie"}


@contextmanager
def remembering(held: Claim | Held) -> Iterator[SessionSink]:
    """A function that keeps the cookie of the session just opened; an empty one means it ended.

    It writes from a thread, and so over a connection, of its own: the caller's is busy with COPY.
    Both are ready beforehand, so that little time passes between a login and its note.
    """
    # `connection` is the calling thread's, so it is named inside the functions that threads call.
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="session") as pool:
        pool.submit(lambda: connection.ensure_connection()).result()
        try:
            yield lambda cookie: pool.submit(_keep, held, cookie).result()
        finally:
            pool.submit(lambda: connection.close()).result()


def _keep(held: Claim | Held, cookie: str) -> None:
    with transaction.atomic():
        row = lease.hold_row(held) if isinstance(held, Held) else ledger.hold_row(held)
        row.sealed_session = _sealed(row, cookie) if cookie else None
        row.save(update_fields=["sealed_session"])
    if isinstance(held, Held):  # it is open for days, and says nothing until its end
        connection.close()


def end_leftovers(source: Source) -> int:
    """Log out what earlier runs of this source left behind. Returns how many sessions that were."""
    runs = source.runs.filter(sealed_session__isnull=False)
    ended = 0
    for run in runs:
        ended += _end(run, source)
        SyncRun.objects.filter(pk=run.pk).update(sealed_session=None)
    return ended


def end_leftover_of_watch(source: Source) -> int:
    """Log out what the last watch over this source left behind. For who holds the watch now."""
    ended = 0
    for watch in Watch.objects.filter(source=source, sealed_session__isnull=False):
        ended += _end(watch, source)
        Watch.objects.filter(pk=watch.pk).update(sealed_session=None)
    return ended


def _end(row: SyncRun | Watch, source: Source) -> int:
    cookie = _opened(row, source)
    end_session = getattr(connect(source), "end_session", None)
    if not cookie or end_session is None:
        return 0
    try:
        end_session(cookie)
    except CollectionFailed as error:
        log.warning("A session of %s could not be ended: %s", row, error)
    return 1


def _sealed(row: SyncRun | Watch, cookie: str) -> bytes:
    sealed = secrets.seal(
        cookie, purpose=PURPOSE[type(row)], row_id=row.pk, to=destination_of(row.source)
    )
    return json.dumps(
        [
            sealed.key_id,
            b64encode(sealed.nonce).decode(),
            b64encode(sealed.ciphertext).decode(),
        ]
    ).encode()


def _opened(row: SyncRun | Watch, source: Source) -> str:
    """The cookie, or "" when the source's destination changed since: then it must not be sent."""
    key_id, nonce, ciphertext = json.loads(bytes(row.sealed_session or b"[]"))
    sealed = secrets.Sealed(key_id=key_id, nonce=b64decode(nonce), ciphertext=b64decode(ciphertext))
    try:
        return secrets.unseal(
            sealed, purpose=PURPOSE[type(row)], row_id=row.pk, to=destination_of(source)
        )
    except secrets.CannotOpen:
        return ""
