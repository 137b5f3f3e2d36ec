"""An act, ready to be done by somebody: what it takes, whom it spares and why, what it changes.

Every deed works on rows that are locked, and gives one reason why it leaves a finding alone, or
none. One finding and five thousand go the same way, in a handful of statements.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeAlias
from urllib.parse import urlsplit

import msgspec

from accounts.errors import NotPossible
from accounts.models import Team, User
from accounts.permissions import Permission
from findings import rules, status
from findings.announcing import outbox
from findings.announcing.outbox import Topic
from findings.models import Comment, Finding, FindingEvent, Label
from findings.priority import due_at
from findings.triage import acts, people, writing
from findings.triage.acts import Act
from findings.triage.errors import NotAllowed
from findings.triage.people import Reader

Event: TypeAlias = FindingEvent.Kind
BATCH = 1_000
LONGEST_POSTPONEMENT = timedelta(days=366)
_TICKET_KEY = re.compile(r"#?[A-Za-z0-9][A-Za-z0-9_./#-]{0,99}")
_ORDER = list(Finding.Triage.values)
NOTHING_NEW = "It is so already."
IS_RESOLVED = "It is resolved."


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts, when, and within which permissions of theirs (None: all they hold)."""

    user: User
    now: datetime
    within: frozenset[str] | None = None

    def may(self, permission: Permission) -> bool:
        return self.user.may(permission) and (self.within is None or permission in self.within)


class Done(msgspec.Struct, kw_only=True):
    """What an act did: what each changed finding was before, and why others were left alone."""

    changed: list[Finding] = []
    before: dict[int, dict[str, Any]] = {}
    skipped: Counter[str] = msgspec.field(default_factory=Counter)


class Deed:
    """One act in somebody's hands. Making one raises NotAllowed or NotPossible."""

    permission: ClassVar[Permission] = Permission.FINDING_TRIAGE
    kind: ClassVar[Event]
    only_open: ClassVar[bool] = True
    counts: ClassVar[bool] = True  # as a version: what only adds contradicts nobody
    why: str = ""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        if not actor.may(self.permission):
            raise NotAllowed("Your role does not let you do this to findings.")

    @property
    def words(self) -> str:
        """What is done, as in “62 findings: assigned to Kari”."""
        raise NotImplementedError

    def look(self, findings: Sequence[Finding]) -> None:
        """Read what is needed about all of them, once."""

    def objection(self, finding: Finding) -> str:
        """Why this one is left alone; empty: it is not."""
        raise NotImplementedError

    def values(self, finding: Finding) -> dict[str, Any]:
        """The columns that change, and what to."""
        return {}

    def before(self, finding: Finding) -> dict[str, Any]:
        """What undoing restores, as JSON holds it."""
        return {name: _plain(getattr(finding, name)) for name in self.values(finding)}

    def tell(self, finding: Finding) -> tuple[Event, str, dict[str, Any]]:
        """The event: kind, words, and from what to what."""
        changed = {
            name: [_plain(getattr(finding, name)), _plain(value)]
            for name, value in self.values(finding).items()
        }
        return self.kind, self.why, changed

    def beside(self, findings: Sequence[Finding]) -> None:
        """Write what is in other tables."""

    def announce(self, findings: Sequence[Finding], **detail: Any) -> None:
        """Tell the people whom it concerns."""


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


class StatusDeed(Deed):
    permission = Permission.FINDING_WORK
    kind = Event.TRIAGE

    def __init__(self, act: acts.SetStatus, actor: Actor) -> None:
        super().__init__(actor)
        self.to: str = act.to
        self.why = act.why.strip()
        self.sorts = actor.may(Permission.FINDING_TRIAGE)

    @property
    def words(self) -> str:
        return f"status set to “{Finding.Triage(self.to).label}”"

    def objection(self, finding: Finding) -> str:
        if finding.triage == self.to:
            return NOTHING_NEW
        if not status.may_move(finding, self.to):
            was, to = Finding.Triage(finding.triage).label, Finding.Triage(self.to).label
            return f"It does not go from “{was}” to “{to}”."
        if not self.sorts and _ORDER.index(self.to) < _ORDER.index(finding.triage):
            return "Only somebody who sorts findings moves one back."
        return ""

    def values(self, finding: Finding) -> dict[str, Any]:
        claims = self.to == Finding.Triage.AWAITING_PROOF
        return {"triage": self.to, "claimed_at": self.actor.now if claims else None}

    def tell(self, finding: Finding) -> tuple[Event, str, dict[str, Any]]:
        kind = Event.CLAIMED if self.to == Finding.Triage.AWAITING_PROOF else Event.TRIAGE
        return kind, self.why, {"triage": [finding.triage, self.to]}


class AssignDeed(Deed):
    kind = Event.ASSIGNED

    def __init__(self, act: acts.Assign, actor: Actor) -> None:
        super().__init__(actor)
        self.username, self.why = act.to, act.why.strip()
        self.reader: Reader | None = None
        if act.to is not None:
            self.reader = people.by_username([act.to], known_by=actor.user).get(act.to.lower())

    @property
    def words(self) -> str:
        if self.username is None:
            return "assigned to nobody"
        return f"assigned to {self.reader.user if self.reader else self.username}"

    @property
    def person_id(self) -> int | None:
        return self.reader.user.pk if self.reader else None

    def objection(self, finding: Finding) -> str:
        # One sentence for whoever does not exist, is disabled or may not see it.
        if self.username is not None and (self.reader is None or not self.reader.sees(finding)):
            return f"“{self.username}” is nobody who may see it."
        return NOTHING_NEW if finding.assignee_id == self.person_id else ""

    def values(self, finding: Finding) -> dict[str, Any]:
        return {"assignee_id": self.person_id}

    def tell(self, finding: Finding) -> tuple[Event, str, dict[str, Any]]:
        name = self.reader.user.username if self.reader else None
        return self.kind, self.why, {"assignee": name}

    def announce(self, findings: Sequence[Finding], **detail: Any) -> None:
        if self.reader is not None:
            _announce(
                Topic.FINDING_ASSIGNED, findings, self.actor, to=[self.reader.user.pk], **detail
            )


class TakeDeed(Deed):
    permission = Permission.FINDING_WORK
    kind = Event.ASSIGNED
    words = "assigned to you"

    def __init__(self, act: acts.Take, actor: Actor) -> None:
        super().__init__(actor)

    def objection(self, finding: Finding) -> str:
        if finding.assignee_id == self.actor.user.pk:
            return NOTHING_NEW
        return "" if finding.assignee_id is None else "Somebody else has it."

    def values(self, finding: Finding) -> dict[str, Any]:
        return {"assignee_id": self.actor.user.pk}

    def tell(self, finding: Finding) -> tuple[Event, str, dict[str, Any]]:
        return self.kind, self.why, {"assignee": self.actor.user.username}


class GiveBackDeed(Deed):
    permission = Permission.FINDING_WORK
    kind = Event.ASSIGNED
    words = "given back"

    def __init__(self, act: acts.GiveBack, actor: Actor) -> None:
        super().__init__(actor)
        self.why = act.why.strip()
        self.taken: set[int] = set()

    def look(self, findings: Sequence[Finding]) -> None:
        mine = [f.pk for f in findings if f.assignee_id == self.actor.user.pk]
        taken = Finding.objects.taken_by(self.actor.user).filter(pk__in=mine)
        self.taken = set(taken.values_list("pk", flat=True))

    def objection(self, finding: Finding) -> str:
        if finding.assignee_id is None:
            return NOTHING_NEW
        if finding.assignee_id != self.actor.user.pk:
            return "Somebody else has it."
        return "" if finding.pk in self.taken else "Somebody gave it to you."

    def values(self, finding: Finding) -> dict[str, Any]:
        return {"assignee_id": None}

    def tell(self, finding: Finding) -> tuple[Event, str, dict[str, Any]]:
        return self.kind, self.why, {"assignee": None}


class TeamDeed(Deed):
    kind = Event.ASSIGNED

    def __init__(self, act: acts.AssignTeam, actor: Actor) -> None:
        super().__init__(actor)
        self.why = act.why.strip()
        self.team: Team | None = None
        if act.to is not None:
            self.team = teams_known_to(actor.user).filter(pk=_id(act.to)).first()
            if self.team is None:
                raise NotPossible("There is no such team.")

    @property
    def words(self) -> str:
        return f"assigned to team {self.team}" if self.team else "assigned to no team"

    @property
    def team_id(self) -> int | None:
        return self.team.pk if self.team else None

    def objection(self, finding: Finding) -> str:
        return NOTHING_NEW if finding.assigned_team_id == self.team_id else ""

    def values(self, finding: Finding) -> dict[str, Any]:
        return {"assigned_team_id": self.team_id}

    def tell(self, finding: Finding) -> tuple[Event, str, dict[str, Any]]:
        name = self.team.name if self.team else None
        return self.kind, self.why, {"team": self.team_id, "team_name": name}

    def announce(self, findings: Sequence[Finding], **detail: Any) -> None:
        if self.team is not None:
            members = people.readers().filter(teams=self.team).values_list("pk", flat=True)
            _announce(Topic.FINDING_ASSIGNED, findings, self.actor, to=sorted(members), **detail)


class DueDeed(Deed):
    kind = Event.DUE

    def __init__(self, act: acts.SetDue, actor: Actor) -> None:
        super().__init__(actor)
        self.at, self.why = act.at, act.why.strip()
        if not self.why:
            raise NotPossible("Say why the due date is another.")
        if self.at is not None:
            if self.at.tzinfo is None:
                raise NotPossible("Say the due date with its zone.")
            if not actor.now < self.at <= actor.now + LONGEST_POSTPONEMENT:
                raise NotPossible("A due date lies ahead, within a year.")
        self.rules = rules.current() if self.at is None else None

    @property
    def words(self) -> str:
        return f"due on {self.at.astimezone(UTC):%Y-%m-%d}" if self.at else "due as the rules say"

    def objection(self, finding: Finding) -> str:
        values = self.values(finding)
        same = all(getattr(finding, name) == values[name] for name in ("due_at", "due_by_hand"))
        return NOTHING_NEW if same else ""

    def values(self, finding: Finding) -> dict[str, Any]:
        at = self.at
        if self.rules is not None:
            at = due_at(self.rules, finding.priority, start=finding.opened_at)
        # A warning is for one due date. What was missed once stays missed.
        return {"due_at": at, "due_by_hand": self.at is not None, "warned_at": None}


class LabelDeed(Deed):
    kind = Event.LABELLED
    only_open = False

    def __init__(self, act: acts.AddLabel | acts.RemoveLabel, actor: Actor) -> None:
        super().__init__(actor)
        self.adds = isinstance(act, acts.AddLabel)
        name = " ".join(act.label.split())
        if not name or not name.isprintable():
            raise NotPossible("A label is a word or a few.")
        self.label = Label.objects.filter(name__iexact=name).first() or Label(name=name)
        self.having: set[int] = set()

    @property
    def words(self) -> str:
        return f"label “{self.label}” {'added' if self.adds else 'removed'}"

    def look(self, findings: Sequence[Finding]) -> None:
        if not self.label._state.adding:
            rows = Finding.labels.through.objects.filter(
                label=self.label, finding__in=[finding.pk for finding in findings]
            )
            self.having = set(rows.values_list("finding_id", flat=True))

    def objection(self, finding: Finding) -> str:
        return NOTHING_NEW if (finding.pk in self.having) == self.adds else ""

    def before(self, finding: Finding) -> dict[str, Any]:
        return {"label": [str(self.label), not self.adds]}

    def tell(self, finding: Finding) -> tuple[Event, str, dict[str, Any]]:
        return self.kind, "", {"added" if self.adds else "removed": str(self.label)}

    def beside(self, findings: Sequence[Finding]) -> None:
        through = Finding.labels.through.objects
        if not self.adds:
            through.filter(label=self.label, finding__in=[f.pk for f in findings]).delete()
            return
        if self.label._state.adding:
            Label.objects.bulk_create([self.label], ignore_conflicts=True)
            self.label = Label.objects.get(name__iexact=self.label.name)
        through.bulk_create(
            (Finding.labels.through(finding=finding, label=self.label) for finding in findings),
            batch_size=BATCH,
            ignore_conflicts=True,
        )


class TicketDeed(Deed):
    kind = Event.TICKET
    only_open = False

    def __init__(self, act: acts.LinkTicket, actor: Actor) -> None:
        super().__init__(actor)
        self.ticket = checked_ticket(act.ticket)

    @property
    def words(self) -> str:
        return f"ticket {self.ticket}" if self.ticket else "ticket taken away"

    def objection(self, finding: Finding) -> str:
        return NOTHING_NEW if finding.ticket == self.ticket else ""

    def values(self, finding: Finding) -> dict[str, Any]:
        return {"ticket": self.ticket}


class SayDeed(Deed):
    permission = Permission.FINDING_WORK
    kind = Event.COMMENTED
    only_open = False
    counts = False

    def __init__(self, act: acts.Say, actor: Actor) -> None:
        super().__init__(actor)
        self.text = checked_text(act.text)
        self.named = people.by_username(people.mentioned_in(self.text), known_by=actor.user)
        self.comments: list[Comment] = []

    @property
    def words(self) -> str:
        return "commented"

    def objection(self, finding: Finding) -> str:
        return ""

    def before(self, finding: Finding) -> dict[str, Any]:
        return {"comment": True}

    def told(self, finding: Finding) -> list[Reader]:
        return [reader for reader in self.named.values() if reader.sees(finding)]

    def tell(self, finding: Finding) -> tuple[Event, str, dict[str, Any]]:
        return self.kind, "", {}

    def beside(self, findings: Sequence[Finding]) -> None:
        self.comments = Comment.objects.bulk_create(
            (
                Comment(
                    finding=finding,
                    by=self.actor.user,
                    at=self.actor.now,
                    text=self.text,
                    mentions=[reader.user.username for reader in self.told(finding)],
                )
                for finding in findings
            ),
            batch_size=BATCH,
        )

    def announce(self, findings: Sequence[Finding], **detail: Any) -> None:
        mentioned: defaultdict[int, list[Finding]] = defaultdict(list)
        for finding in findings:
            for reader in self.told(finding):
                mentioned[reader.user.pk].append(finding)
        for person, theirs in mentioned.items():
            _announce(Topic.FINDING_MENTIONED, theirs, self.actor, to=[person], **detail)
        concerned: defaultdict[int, list[Finding]] = defaultdict(list)
        for finding in findings:
            if finding.assignee_id is not None and finding.assignee_id not in mentioned:
                concerned[finding.assignee_id].append(finding)
        for person, theirs in concerned.items():
            _announce(Topic.FINDING_COMMENTED, theirs, self.actor, to=[person], **detail)


_DEEDS: dict[type[Any], type[Any]] = {
    acts.SetStatus: StatusDeed,
    acts.Assign: AssignDeed,
    acts.Take: TakeDeed,
    acts.GiveBack: GiveBackDeed,
    acts.AssignTeam: TeamDeed,
    acts.SetDue: DueDeed,
    acts.AddLabel: LabelDeed,
    acts.RemoveLabel: LabelDeed,
    acts.LinkTicket: TicketDeed,
    acts.Say: SayDeed,
}


def prepare(act: Act, actor: Actor) -> Deed:
    """The act in this person's hands, or raise NotAllowed or NotPossible."""
    deed: Deed = _DEEDS[type(act)](act, actor)
    return deed


def permission_for(act: Act) -> Permission:
    """The permission without which nobody does this."""
    permission: Permission = _DEEDS[type(act)].permission
    return permission


def kind_of(act: Act) -> Event:
    kind: Event = _DEEDS[type(act)].kind
    return kind


def only_open(act: Act) -> bool:
    """Whether it is done to open findings alone."""
    return bool(_DEEDS[type(act)].only_open)


def sort_out(deed: Deed, findings: Sequence[Finding]) -> tuple[list[Finding], Counter[str]]:
    """Which of them the deed would change, and why not the others."""
    deed.look(findings)
    willing, skipped = [], Counter[str]()
    for finding in findings:
        closed = deed.only_open and finding.state != Finding.State.OPEN
        reason = IS_RESOLVED if closed else deed.objection(finding)
        if reason:
            skipped[reason] += 1
        else:
            willing.append(finding)
    return willing, skipped


def carry_out(deed: Deed, findings: Sequence[Finding]) -> Done:
    """Do it to rows that the caller has locked, in the caller's transaction."""
    willing, skipped = sort_out(deed, findings)
    done = Done(changed=willing, skipped=skipped)
    if not willing:
        return done
    done.before = {finding.pk: deed.before(finding) for finding in willing}
    actor = deed.actor
    events = []
    for finding in willing:
        kind, message, detail = deed.tell(finding)
        events.append(
            FindingEvent(
                finding=finding,
                kind=kind,
                at=actor.now,
                by=actor.user,
                message=message,
                detail=detail,
            )
        )
    values = {finding.pk: deed.values(finding) for finding in willing}
    written_at = writing.write(values, counts=deed.counts)
    for finding in willing:
        for name, value in values[finding.pk].items():
            setattr(finding, name, value)
        finding.version += deed.counts
        finding.updated_at = written_at
    deed.beside(willing)
    FindingEvent.objects.bulk_create(events, batch_size=BATCH)
    return done


def _announce(
    topic: Topic, findings: Sequence[Finding], actor: Actor, *, to: list[int], **detail: Any
) -> None:
    """One announcement, however many findings: nobody wants five thousand letters."""
    if not to or not findings:
        return
    first = min(findings, key=lambda finding: (finding.priority, finding.pk))
    if len(findings) > 1:
        detail["count"] = len(findings)
    outbox.announce(
        topic,
        subject_type="finding",
        subject_id=first.pk,
        by=actor.user,
        at=actor.now,
        detail={"to": to, **detail},
    )


def teams_known_to(user: User) -> Any:
    """The teams a person may name: their own unless they see the whole estate."""
    return Team.objects.all() if user.sees_everything else Team.objects.filter(members=user)


def checked_ticket(text: str) -> str:
    """An https address without a password in it, or a ticket's number; or raise NotPossible."""
    ticket = text.strip()
    if not ticket or _TICKET_KEY.fullmatch(ticket):
        return ticket
    try:
        parts = urlsplit(ticket)
        is_address = parts.scheme == "https" and bool(parts.hostname) and not parts.username
    except ValueError:
        is_address = False
    if not is_address or not ticket.isprintable() or any(letter.isspace() for letter in ticket):
        raise NotPossible("A ticket is an https address or a number such as SEC-123.")
    return ticket


def checked_text(text: str) -> str:
    """What somebody wrote, or raise NotPossible when there is nothing in it."""
    written = text.replace("\x00", "").replace("\r\n", "\n").strip()
    if not written:
        raise NotPossible("Write something first.")
    if len(written) > acts.LONGEST_TEXT:
        raise NotPossible(f"A comment holds at most {acts.LONGEST_TEXT:,} letters.")
    return written


def _id(number: int) -> int:
    return number if 0 <= number < 2**63 else 0
