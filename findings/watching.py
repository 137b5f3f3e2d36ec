"""Being told of changes, source by source: what a platform says has changed reaches the findings.

A watch begins by asking for a collection, for what was before it began; from then on it publishes
what it is told. Whatever it cannot be sure of makes it ask for a collection again. A watch that
ends for any reason leaves nothing half done: the next one begins anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial

from django.db.models import Q

from findings import pipeline
from inventory import ledger, sessions
from inventory.clock import database_now
from inventory.connecting import connect
from inventory.connectors.base import (
    Changes,
    CollectionFailed,
    EventCursor,
    Item,
    Unreadable,
    Watch,
    WatchForgotten,
)
from inventory.errors import LeaseLost, NotPossible, RunCancelled
from inventory.heartbeat import Pulse, beating
from inventory.models import Source, SyncRun
from inventory.watching import increments, lease, published
from inventory.watching.increments import NeedsCollection, NothingNew, Postponed
from inventory.watching.lease import Held
from policies.rejudging import Facts

log = logging.getLogger(__name__)
WAIT_SECONDS = 20  # how long the platform may think before it says that nothing changed
CATCHING_UP_SECONDS = 2  # how often a collection is looked for that tells what was before
EVENTS_EVERY = timedelta(seconds=15)
ASK_AGAIN_AFTER = timedelta(minutes=15)  # when the collection that was asked for came to nothing
TRIES = 5  # to read what is there and cannot be read yet, before a collection tells of it
LEAST_APART = timedelta(minutes=1)  # two collections without a change published in between

Stopping = Callable[[], bool]


def watch(held: Held, *, stopping: Stopping, opened: Callable[[Watch], None] | None = None) -> None:
    """Watch a source for as long as it is ours, and note why not when it ends.

    `opened` is given the open watch, so that another thread can interrupt it.
    """
    try:
        with beating(held) as pulse:
            _watch(held, pulse, stopping, opened or (lambda _: None))
        lease.end(held)
    except LeaseLost as reason:
        log.warning("Stopped: %s", reason)
    except RunCancelled:
        lease.end(held)
    except CollectionFailed as error:
        if stopping():
            lease.end(held)
        else:
            lease.fail(held, problem=str(error), advice=error.advice)
    except Exception as error:
        log.exception("The watch over source %s failed", held.source_id)
        lease.fail(held, problem=f"The watch itself failed: {type(error).__name__}.")


def _watch(held: Held, pulse: Pulse, stopping: Stopping, opened: Callable[[Watch], None]) -> None:
    source = Source.objects.get(pk=held.source_id)
    sessions.end_leftover_of_watch(source)
    with sessions.remembering(held) as sink:
        watching = getattr(connect(source, session_sink=sink), "watching", None)
        if watching is None:
            raise CollectionFailed("This platform cannot be watched.", code="not-supported")
        with watching() as platform:
            opened(platform)
            following = Following(held, platform)
            while not stopping():
                pulse.check()
                following.step()


class Following:
    """One watch over one source, step by step."""

    def __init__(self, held: Held, platform: Watch) -> None:
        self._held = held
        self._platform = platform
        self._facts = Facts()
        self._pending = Changes()
        self._since: datetime | None = None  # a collection has to have begun after this
        self._prepared_for: datetime | None = None  # the collection whose surroundings are known
        self._confirmed: datetime | None = None
        self._events_read: datetime | None = None
        self._has_begun = False
        self._tries = 0  # to read an object that could not be read
        self._in_vain = 0  # collections asked for since something was published
        self._ask_from: datetime | None = None

    @property
    def is_live(self) -> bool:
        return self._has_begun and self._since is None

    def step(self) -> None:
        """Wait for one answer of the platform and do what follows from it.

        Raise CollectionFailed or LeaseLost when the watch is over.
        """
        if not self._has_begun:
            self._begin()
        asked = datetime.now(UTC)
        try:
            self._pending |= self._platform.wait(
                WAIT_SECONDS if self.is_live and not self._pending else CATCHING_UP_SECONDS
            )
        except WatchForgotten as error:
            log.warning("Source %s: %s", self._held.source_id, error)
            self._has_begun = False
            return
        if self._pending.is_wide:
            self._need_collection("More changed than was told one by one.")
        if not self.is_live:
            self._catch_up()
        if self.is_live:
            self._publish(asked)

    def _begin(self) -> None:
        self._platform.begin()
        self._pending = Changes()
        self._has_begun = True
        self._need_collection("The watch begins.")

    def _need_collection(self, why: str) -> None:
        """What is told from now on counts once a collection has told what was before."""
        log.info("Source %s is collected: %s", self._held.source_id, why)
        self._since = lease.began(self._held)
        wait = LEAST_APART * (2 ** min(self._in_vain, 5) - 1)
        self._ask_from = self._since + min(wait, ASK_AGAIN_AFTER)
        self._in_vain += 1
        self._pending = Changes()  # what was told until now is among what the collection reads

    def _catch_up(self) -> None:
        """Look for a complete collection that began after us; ask for one if none will come."""
        runs = SyncRun.objects.collections().filter(source=self._held.source_id)
        if runs.filter(state=SyncRun.State.COMPLETE, started_at__gte=self._since).exists():
            self._prepare()
            lease.live(self._held)
            return
        now = database_now()
        if self._ask_from is not None and now < self._ask_from:
            return
        will_come = Q(state__in=[SyncRun.State.QUEUED, SyncRun.State.HELD])
        will_come |= Q(state=SyncRun.State.RUNNING, started_at__gte=self._since)
        if runs.filter(will_come).exists():
            return
        try:
            ledger.request_run(source=self._source(), by=None, now=now, asker="watch")
        except NotPossible as reason:
            raise CollectionFailed(str(reason), code="switched-off") from None
        self._ask_from = now + ASK_AGAIN_AFTER

    def _prepare(self) -> None:
        """Learn what has to be known beside the objects, no older than the newest collection."""
        self._prepared_for = self._source().published_at
        self._platform.prepare()
        self._since = None
        self._confirmed = None

    def _publish(self, asked: datetime) -> None:
        """Read what changed, with the events, and publish it; later, if a collection comes first.

        `asked` is when the platform was asked what had changed: all it told is in `pending`.
        """
        source = self._source()
        if source.published_at != self._prepared_for:
            if source.runs.filter(state=SyncRun.State.RUNNING).exists():
                return
            self._prepare()
        now = datetime.now(UTC)
        if not self._pending and not self._events_are_due(now):
            self._confirm(asked)
            return
        if increments.is_busy(source):
            return
        cursor = EventCursor(at=source.events_at, key=source.events_key, until=source.events_until)
        items = list(
            self._platform.read(
                self._pending, events_since=cursor, tags=partial(published.tags, source)
            )
        )
        try:
            pipeline.govern_changes(
                self._held, items, facts=self._facts, now=now, unchanged_until=self._confirmed
            )
        except Postponed as reason:
            log.info("%s", reason)
            return
        except NeedsCollection as reason:
            self._need_collection(str(reason))
            self._platform.settle()
            return
        except NothingNew:
            pass
        self._platform.settle()
        self._events_read = now
        self._pending = self._unread(source, items)
        self._settle(asked)

    def _settle(self, asked: datetime) -> None:
        """All that was told is published, but for what could not be read yet."""
        self._tries = self._tries + 1 if self._pending else 0
        if self._tries > TRIES:
            self._need_collection("An object that is there cannot be read.")
        elif not self._pending:
            self._in_vain = 0
            self._confirm(asked)

    def _unread(self, source: Source, items: list[Item]) -> Changes:
        """New objects that could not be read yet, as when they are being made: nobody knows what
        they would have said, so they are asked for again. Of others the last collection told.
        """
        odd = {item.ref for item in items if isinstance(item, Unreadable)}
        odd -= set(source.quarantine.filter(ref__in=odd).values_list("ref", flat=True))
        return Changes(touched=frozenset(ref for ref in self._pending.touched if ref in odd))

    def _confirm(self, until: datetime) -> None:
        self._confirmed = until
        lease.confirm(self._held, until=until)

    def _events_are_due(self, now: datetime) -> bool:
        return self._events_read is None or now - self._events_read >= EVENTS_EVERY

    def _source(self) -> Source:
        return Source.objects.get(pk=self._held.source_id)
