"""What can happen: people act through pages and API, the estate moves, time passes, SQL is tried.

A step is a name and some numbers; what they mean follows from the world alone. So a walk can be
replayed, and shortened by leaving steps out.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import time_machine
from django.core.cache import cache
from django.db import DatabaseError, connection, transaction

from accounts import people
from accounts.models import RoleAssignment, User
from accounts.roles import Role
from findings.models import Finding, Waiver
from findings.waivers import covering, ending
from inventory.models import Asset
from policies.models import Verdict
from tests.factories import FindingFactory
from tests.findings.walking.invariants import Broken, Row, Watch
from tests.findings.walking.world import (
    CHECKS,
    CONTROL,
    LONGEST_WALK,
    SEVERITIES,
    START,
    Person,
    World,
    give_token,
)

T = TypeVar("T")
Step = tuple[str, int, int, int, int]
PENDING = ("requested", "in_review")
_MADE = re.compile(r"^/exceptions/(\d+)/$")
_CLEAR_AFTER = 200  # requests, so that no throttle is met while the clock stands still


def walk_of(seed: int, length: int) -> list[Step]:
    """The steps of a seed. A longer walk begins as the shorter one."""
    rng = random.Random(seed)  # noqa: S311
    names, weights = list(WEIGHTS), list(WEIGHTS.values())
    return [
        (
            rng.choices(names, weights)[0],
            rng.randrange(2**16),
            rng.randrange(2**16),
            rng.randrange(2**16),
            rng.randrange(2**16),
        )
        for _ in range(length)
    ]


class Walk:
    """One world, and what was accepted in it."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller
        self.world = World()
        self.watch = Watch()
        self.done: Counter[str] = Counter()
        self.asked = 0

    def take(self, step: Step) -> None:
        """Do it, and look at everything; or raise Broken."""
        name, *numbers = step
        self.asked += 1
        if self.asked % _CLEAR_AFTER == 0:
            cache.clear()
        getattr(self, name)(*numbers)
        self.watch.look()

    # --- helpers ------------------------------------------------------------------------------

    def person(self, n: int, *likely: str) -> Person:
        """Anybody; three times in four somebody of whom it is likely."""
        if likely and n % 4:
            return self.world.named[_pick(likely, n // 4)]
        return _pick(self.world.people, n)

    def waiver(self, n: int) -> int:
        """Mostly one that was asked for lately."""
        found = list(self.watch.rows)
        if not found:
            return 1
        return _pick(found[-8:], n // 4) if n % 4 else _pick(found, n // 4)

    def subject(self, act: str, n: int) -> int:
        """Mostly one to which this can be done."""
        wanted = ("approved",) if act in _LATER else PENDING
        fitting = [row.id for row in self.watch.rows.values() if row.status in wanted]
        return _pick(fitting, n // 4) if fitting and n % 4 else self.waiver(n)

    def likely(self, act: str, pk: int) -> tuple[str, ...]:
        """Who would do this to this exception."""
        row = self.watch.rows.get(pk)
        if act == "withdraw" and row is not None:
            return (self.world.names[row.requested_by_id],)
        return ASKERS if act == "extend" else DECIDERS

    def version(self, person: Person, pk: int, n: int) -> int:
        """Mostly the one they saw; else the present one, as after looking again."""
        if n % 4 == 0 and pk in person.seen:
            return person.seen[pk]
        row = self.watch.rows.get(pk)
        return 0 if row is None else row.version

    def now(self) -> datetime:
        return datetime.now(UTC)

    def end(self, n: int) -> datetime:
        days = (1, 1, 2, 5, 12, 20, 30, 31, 90, 180, 400)[n % 11]
        return self.now().replace(second=0, microsecond=0) + timedelta(days=days)

    def judge(self, source_id: int) -> None:
        with transaction.atomic():
            covering.cover(source_id=source_id, now=self.now())

    def answered(self, response: Any, *expected: int) -> int:
        code: int = response.status_code
        if code >= 500 or code == 429 or (expected and code not in expected):
            raise Broken(f"{code}: {response.content[:300]!r}")
        return code

    def entitled(self, person: Person, act: str, before: Row, version: int) -> None:
        """Raise Broken unless this person might do this to this exception as it was."""
        user = User.objects.get(pk=person.user.pk)
        roles = set(RoleAssignment.objects.filter(user=user).values_list("role", flat=True))
        asker = User.objects.get(pk=before.requested_by_id)
        decides = act in ("review", "approve", "reject")
        needed = {"approver"} if decides or act == "revoke" else {"analyst", "remediator"}
        problems = {
            "inactive": not user.is_active,
            "without the role": not roles & needed,
            "on another version": before.version != version,
            "on one's own": decides and user.pk == asker.pk,
            "with two accounts": decides
            and user.email != ""
            and user.email.lower() == asker.email.lower(),
            "for somebody else": act == "withdraw" and user.pk != asker.pk,
            "too late": before.status not in (("approved",) if act in _LATER else PENDING),
            "after the end": act in _LATER and before.expires_at <= self.now(),
            "out of sight": not self.sees(user, before),
        }
        if wrong := [name for name, is_so in problems.items() if is_so]:
            raise Broken(f"{person.name} could {act} exception {before.id} {wrong}")

    def sees(self, user: User, waiver: Row | None) -> bool:
        """Whether this person may know of it; of one made just now, from its row."""
        if waiver is None:
            return False
        if user.scope == "all":
            return True
        mine = set(user.teams.values_list("pk", flat=True))
        if waiver.finding_id:
            return Finding.objects.get(pk=waiver.finding_id).team_id in mine
        if waiver.asset_id:
            return Asset.objects.get(pk=waiver.asset_id).team_id in mine
        limited = waiver.teams is not None and set(waiver.teams) <= mine
        return limited or waiver.requested_by_id == user.pk

    def accepted(self, act: str, person: Person, before: Row, version: int) -> None:
        self.entitled(person, act, before, version)
        self.done[act] += 1
        self.watch.recorded += 1
        self.watch.accepted[before.id] += 1
        person.seen[before.id] = version + 1

    def made(self, person: Person, pk: int) -> None:
        """Somebody asked: it is theirs, and about nothing that they do not see."""
        row = Waiver.objects.get(pk=pk)
        user = User.objects.get(pk=person.user.pk)
        if row.requested_by_id != user.pk or pk in self.watch.rows:
            raise Broken(f"{person.name} asked and exception {pk} came of it")
        if user.scope == "teams":
            mine = set(user.teams.values_list("pk", flat=True))
            about = row.finding or row.asset
            teams = {about.team_id} if about is not None else set(row.teams or [0])
            if not teams <= mine:
                raise Broken(f"{person.name} asked about what they do not see")
        person.seen[pk] = 0

    # --- the API --------------------------------------------------------------------------------

    def look(self, a: int, b: int, *_: int) -> None:
        person, pk = self.person(a), self.waiver(b)
        answer = person.asks("get", f"waivers/{pk}/")
        if self.answered(answer, 200, 401, 403, 404) == 200:
            person.seen[pk] = answer.json()["version"]
            row = self.watch.rows[pk]
            if not self.sees(User.objects.get(pk=person.user.pk), row):
                raise Broken(f"{person.name} reads exception {pk} of others")
            counts = row.starts_at <= self.now() < row.expires_at and row.lapsed_since is None
            told = answer.json()["state"] == "effective"
            if told != (row.status == "approved" and counts):
                raise Broken(f"exception {pk} is said to be {answer.json()['state']}")

    def look_through(self, a: int, b: int, *_: int) -> None:
        person = self.person(a)
        state = ("effective", "pending", "expired", "overlapping", "unused", "lapsed")[b % 6]
        answer = person.asks("get", f"waivers/?state={state}")
        if self.answered(answer, 200, 401, 403) == 200:
            user = User.objects.get(pk=person.user.pk)
            for told in answer.json()["results"]:
                if not self.sees(user, self.watch.rows.get(told["id"])):
                    raise Broken(f"{person.name} is told of exception {told['id']}")

    def look_for_hidden(self, a: int, *_: int) -> None:
        """What the list of findings calls excepted is what is covered at this moment."""
        person = self.person(a)
        answer = person.asks("get", "findings/?status=excepted&page_size=500")
        if self.answered(answer, 200, 401, 403) != 200:
            return
        told = {row["id"] for row in answer.json()["results"]}
        user = User.objects.get(pk=person.user.pk)
        hidden = Finding.objects.visible_to(user).excepted(now=self.now())
        if told != set(hidden.values_list("pk", flat=True)):
            raise Broken("the list of findings calls others excepted")

    def ask(self, a: int, b: int, c: int, d: int) -> None:
        person = self.person(a, *ASKERS)
        said = {
            "ground": "accepted",
            "reason": f"Because {d}.",
            "expires_at": self.end(d).isoformat(),
            **self._about(b, c),
        }
        if c % 5 == 0:
            said["control_check_id"] = CONTROL
        if c % 7 == 0:
            said["starts_at"] = (self.now() + timedelta(days=d % 10)).isoformat()
        answer = person.asks("post", "waivers/", said)
        if self.answered(answer, 201, 400, 401, 403) == 201:
            self.done["ask"] += 1
            self.watch.recorded += 1
            self.made(person, answer.json()["id"])

    def _about(self, b: int, c: int) -> dict[str, Any]:
        finding = _pick(self.world.findings, c)
        return (
            {"finding": finding.pk},
            {"finding": finding.pk},
            {"asset": finding.asset_id},
            {"asset": finding.asset_id, "check": finding.check_id},
            {"check": finding.check_id},
            {"query": f"severity={finding.severity}&kind=vm"},
            {"query": f"team=Web&check={finding.check_id}"},
        )[b % 7]

    def act(self, a: int, b: int, c: int, d: int) -> None:
        """Review, approve, reject, withdraw, revoke or extend, with a version of some age."""
        name = _pick(ACTS, c)
        pk = self.subject(name, b)
        person = self.person(a, *self.likely(name, pk))
        version, before = self.version(person, pk, d), self.watch.rows.get(pk)
        said: dict[str, Any] = {} if name == "review" else {"reason": f"Because {d}."}
        if name == "extend":
            end = before.expires_at if before else self.now()
            said["expires_at"] = (end + timedelta(days=(5, 30, 200)[d % 3])).isoformat()
        if name == "approve" and d % 4 == 0:
            said["expires_at"] = self.end(d // 4).isoformat()
        headers = {"if-match": f'"{version}"'} if d % 2 else {}
        if not headers:
            said["version"] = version
        answer = person.asks("post", f"waivers/{pk}/{name}/", said, **headers)
        code = self.answered(answer, 200, 201, 400, 401, 403, 404, 409, 412)
        if code < 300 and before is not None:
            self._came(name, person, before, version, answer.json()["id"])

    def _came(self, name: str, person: Person, before: Row, version: int, made: int) -> None:
        self.accepted(name, person, before, version)
        if name == "extend":
            self.made(person, made)
        if name == "revoke":
            self._count_followers(before.id)

    def _count_followers(self, pk: int) -> None:
        """What followed on it is revoked in the same act."""
        for later in self.watch.rows.values():
            if later.extends_id == pk and later.status == "approved":
                self.watch.recorded += 1
                self.watch.accepted[later.id] += 1
                self._count_followers(later.id)

    def forge(self, a: int, b: int, c: int, *_: int) -> None:
        """Fields that are not the caller's to set are refused, by name."""
        person, pk = self.person(a), self.waiver(b)
        field, value = _pick(FORGED, c)
        said = {
            "finding": _pick(self.world.findings, b).pk,
            "ground": "accepted",
            "reason": "x",
            "expires_at": self.end(1).isoformat(),
            field: value,
        }
        self.answered(person.asks("post", "waivers/", said), 400, 401, 403)
        act = {"version": self.version(person, pk, 1), "reason": "x", field: value}
        self.answered(person.asks("post", f"waivers/{pk}/approve/", act), 400, 401, 403, 404)
        for method in ("put", "patch", "delete"):
            answer = person.asks(method, f"waivers/{pk}/", {field: value})
            self.answered(answer, 401, 403, 405)

    def sort(self, a: int, b: int, c: int, d: int) -> None:
        """Triage: an accepted change makes the next version, an overtaken one makes none."""
        person, finding = self.person(a), _pick(self.world.findings, b)
        row = Finding.objects.get(pk=finding.pk)
        version = max(0, row.version - (1 if d % 4 == 0 else 0))
        said = ({"status": ("new", "triaged", "in_progress")[c % 3]}, {"ticket": f"T-{c % 50}"})[
            c % 2
        ]
        answer = person.asks("patch", f"findings/{finding.pk}/", {**said, "version": version})
        code = self.answered(answer, 200, 400, 401, 403, 404, 409, 412)
        after = Finding.objects.values_list("version", flat=True).get(pk=finding.pk)
        if code == 200 and version != row.version:
            raise Broken(f"{person.name} changed finding {finding.pk} on an older version")
        if after - row.version not in ((0, 1) if code == 200 else (0,)):
            raise Broken(f"finding {finding.pk} went from version {row.version} to {after}")
        self.done["sort"] += code == 200

    # --- pages ----------------------------------------------------------------------------------

    def open_page(self, a: int, b: int, c: int, *_: int) -> None:
        person, pk = self.person(a), self.waiver(b)
        finding = _pick(self.world.findings, b)
        path = (f"/exceptions/{pk}/", "/exceptions/", f"/findings/{finding.pk}/")[c % 3]
        answer = person.opens(path)
        code = self.answered(answer, 200, 302, 404)
        if code == 200 and c % 3 == 0:
            row = self.watch.rows[pk]
            if not self.sees(User.objects.get(pk=person.user.pk), row):
                raise Broken(f"{person.name} opens exception {pk} of others")
            person.seen[pk] = row.version

    def ask_on_page(self, a: int, b: int, c: int, d: int) -> None:
        person = self.person(a, *ASKERS)
        said = {
            "ground": "compensated",
            "reason": f"Because {d}.",
            "controls_said": "A firewall.",
            "ends_on": f"{self.end(d):%Y-%m-%d}",
            **self._about(b, c),
        }
        answer = person.sends("/exceptions/ask/", said)
        code = self.answered(answer, 200, 302, 404)
        if code == 302 and (made := _MADE.match(answer["Location"])):
            self.done["ask on page"] += 1
            self.watch.recorded += 1
            self.made(person, int(made[1]))

    def act_on_page(self, a: int, b: int, c: int, d: int) -> None:
        name = _pick(ACTS, c)
        pk = self.subject(name, b)
        person = self.person(a, *self.likely(name, pk))
        version, before = self.version(person, pk, d), self.watch.rows.get(pk)
        said: dict[str, Any] = {"version": version, "reason": f"Because {d}."}
        if name == "extend" and before is not None:
            later = before.expires_at + timedelta(days=(5, 30, 200)[d % 3])
            said |= {"ground": "accepted", "ends_on": f"{later:%Y-%m-%d}"}
        if name == "approve" and before is not None:
            said["ends_on"] = f"{before.expires_at:%Y-%m-%d}"
        answer = person.sends(f"/exceptions/{pk}/{name}/", said)
        code = self.answered(answer, 200, 302, 404, 409)
        made = _MADE.match(answer["Location"]) if code == 302 else None
        if made and before is not None:
            self._came(name, person, before, version, int(made[1]))
            self.done["act on page"] += 1

    # --- raw SQL, as the application's own role -------------------------------------------------

    def try_sql(self, a: int, b: int, c: int, *_: int) -> None:
        """Each of these is refused by the database, whatever the code would have said."""
        person, pk = self.person(a), self.waiver(b)
        row = self.watch.rows.get(pk)
        if row is None:
            return
        sql, is_wrong = _pick(FORBIDDEN, c)
        if not is_wrong(row, person):
            return
        finding = _pick(self.world.findings, b)
        names: dict[str, Any] = {
            "id": pk,
            "person": person.user.pk,
            "finding": finding.pk,
            "now": self.now(),
        }
        names["asker"] = row.requested_by_id
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql, names)
                changed = cursor.rowcount
        except DatabaseError:
            self.done["refused by the database"] += 1
            return
        if changed:
            raise Broken(f"the database let {sql!r} happen to exception {pk}")

    # --- the estate, people and time ------------------------------------------------------------

    def fix_or_find_again(self, a: int, *_: int) -> None:
        finding = Finding.objects.get(pk=_pick(self.world.findings, a).pk)
        is_open = finding.state == "open"
        Finding.objects.filter(pk=finding.pk).update(
            state="resolved" if is_open else "open", resolved_at=self.now() if is_open else None
        )
        self.judge(finding.source_id or 0)

    def find(self, a: int, b: int, c: int, *_: int) -> None:
        if len(self.world.findings) < 40:
            asset = _pick(self.world.assets, a)
            made = FindingFactory(
                asset=asset, check_id=CHECKS[b % 3], severity=_pick(SEVERITIES, c)
            )
            self.world.findings.append(made)
            self.judge(asset.source_id)

    def grow_graver(self, a: int, b: int, *_: int) -> None:
        finding, rank = _pick(self.world.findings, a), b % 5
        Finding.objects.filter(pk=finding.pk).update(severity=SEVERITIES[rank], severity_rank=rank)
        self.judge(finding.asset.source_id)

    def judge_control(self, a: int, b: int, *_: int) -> None:
        asset = _pick(self.world.assets, a)
        Verdict.objects.filter(asset=asset, check_id=CONTROL).delete()
        if b % 2:
            outcome = ("fail", "unknown", "error")[b // 2 % 3]
            Verdict.objects.create(asset=asset, check_id=CONTROL, outcome=outcome, since=self.now())
        self.judge(asset.source_id)

    def give_machine(self, a: int, b: int, *_: int) -> None:
        asset = _pick(self.world.assets, a)
        team = (self.world.web, self.world.labs, None)[b % 3]
        Asset.objects.filter(pk=asset.pk).update(team=team)

    def change_roles(self, a: int, b: int, *_: int) -> None:
        person = self.person(a)
        role = (Role.APPROVER, Role.ANALYST)[b % 2]
        held = RoleAssignment.objects.filter(user=person.user, role=role).exists()
        if held:
            people.revoke_role(user_id=person.user.pk, role=role, by=None)
        elif person.name not in ("vera", "twin"):
            people.grant_role(user_id=person.user.pk, role=role, by=None)
        give_token(person)

    def shut_out_or_let_in(self, a: int, *_: int) -> None:
        person = _pick([self.world.people[3], self.world.people[8]], a)
        if User.objects.get(pk=person.user.pk).is_active:
            people.disable(user_id=person.user.pk, by=None)
        else:
            people.enable(user_id=person.user.pk, by=None)
            give_token(person)
            person.signed_in_at = 0

    def change_teams(self, a: int, b: int, *_: int) -> None:
        person = self.person((1, 6, 7)[a % 3])
        teams = ([self.world.web], [self.world.labs], [self.world.web, self.world.labs], [])[b % 4]
        people.set_teams(user_id=person.user.pk, teams=teams, by=None)

    def wait(self, a: int, b: int, *_: int) -> None:
        """Some time, or exactly until something begins or ends, or the moment before it does."""
        now = self.now()
        if now - START > LONGEST_WALK:
            return
        lengths = (60, 600, 3600, 7200, 86_400, 3 * 86_400)
        then = now + timedelta(seconds=_pick(lengths, a))
        if b % 2:
            ahead = Waiver.objects.filter(expires_at__gt=now, expires_at__lt=now + LONGEST_WALK / 4)
            edges = sorted(ahead.values_list("expires_at", flat=True))
            if edges:
                then = edges[0] - timedelta(microseconds=b // 2 % 2)
        if then - START <= LONGEST_WALK:
            self.traveller.move_to(max(then, now))

    def tick(self, *_: int) -> None:
        ending.tick(now=self.now())


def _pick(some: Sequence[T], n: int) -> T:
    return some[n % len(some)]


ASKERS = ("ana", "rem", "bo", "tim", "dis")
DECIDERS = ("pia", "per", "bo", "tess", "twin", "dis", "pia")
ACTS = (
    "approve",
    "approve",
    "approve",
    "review",
    "reject",
    "withdraw",
    "revoke",
    "extend",
    "extend",
)
_LATER = ("revoke", "extend")
FORGED: tuple[tuple[str, Any], ...] = (
    ("status", "approved"),
    ("decided_by", 1),
    ("requested_by", 1),
    ("at_most", 99),
    ("reviewer", 1),
    ("approved_count", 9),
    ("teams", [1]),
    ("gravest", 0),
    ("due_after", "restart"),
    ("lapsed_since", None),
)
Wrong = Callable[[Row, Person], bool]
_DECIDE = (
    "UPDATE findings_waiver SET status = 'approved', decided_by_id = {who}, decided_at = %(now)s,"
    " at_most = 9, gravest = 0, version = version + 1 WHERE id = %(id)s"
)
FORBIDDEN: tuple[tuple[str, Wrong], ...] = (
    (_DECIDE.format(who="%(asker)s"), lambda row, person: True),
    (_DECIDE.format(who="NULL"), lambda row, person: True),
    (_DECIDE.format(who="%(person)s"), lambda row, person: row.status not in PENDING),
    (
        "UPDATE findings_waiver SET expires_at = expires_at + interval '1 day' WHERE id = %(id)s",
        lambda row, person: True,
    ),
    (
        "UPDATE findings_waiver SET requested_by_id = %(person)s WHERE id = %(id)s",
        lambda row, person: row.requested_by_id != person.user.pk,
    ),
    ("DELETE FROM findings_waiver WHERE id = %(id)s", lambda row, person: True),
    ("DELETE FROM findings_waiverevent WHERE waiver_id = %(id)s", lambda row, person: True),
    (
        "UPDATE findings_waiver SET at_most = 999 WHERE id = %(id)s",
        lambda row, person: row.status == "approved",
    ),
    (
        "UPDATE findings_waiver SET status = 'requested' WHERE id = %(id)s",
        lambda row, person: row.status not in PENDING,
    ),
    (
        "INSERT INTO findings_waivercover (waiver_id, finding_id, since)"
        " VALUES (%(id)s, %(finding)s, %(now)s)",
        lambda row, person: row.status != "approved",
    ),
    (
        "INSERT INTO findings_waiver (scope, finding_id, check_id, query, ground, reason, controls,"
        " control_check_id, evidence, due_after, status, requested_by_id, requested_at,"
        " decided_by_id, decided_at, decision, end_reason, starts_at, expires_at, asked_count,"
        " at_most, gravest, version) SELECT 'finding', %(finding)s, '', '', 'accepted', 'x', '',"
        " '', '', 'keep', 'approved', %(asker)s, %(now)s, %(person)s, %(now)s, '', '', %(now)s,"
        " %(now)s + interval '9 days', 1, 1, 0, 0",
        lambda row, person: True,
    ),
)

# Name → how often. Requests cost most of the time; half of them go through the API.
WEIGHTS: dict[str, int] = {
    "look": 6,
    "look_through": 2,
    "look_for_hidden": 2,
    "ask": 10,
    "act": 22,
    "forge": 1,
    "sort": 3,
    "open_page": 1,
    "ask_on_page": 1,
    "act_on_page": 4,
    "try_sql": 20,
    "fix_or_find_again": 3,
    "find": 2,
    "grow_graver": 2,
    "judge_control": 3,
    "give_machine": 2,
    "change_roles": 2,
    "shut_out_or_let_in": 1,
    "change_teams": 2,
    "wait": 8,
    "tick": 3,
}
