"""Requests of one team's member, made up at random: the same seed makes the same ones.

They name the member's own things, the neighbour's, and things that were never there; in paths,
filters, orders, searches, exports and bodies, on pages and over the API.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from tests.twins.estate import CHECKS, MAC, Estate, Side

ABSENT = 987_654


@dataclass(frozen=True)
class Request:
    method: str
    address: str
    data: dict[str, Any] | None = None


# Not people and teams: who may do what is read by roles, not by scope.
LISTS = (
    "/",
    "/work/",
    "/trends/",
    "/search/",
    "/findings/",
    "/findings/export.csv",
    "/findings/checks/",
    "/findings/answers/",
    "/exceptions/",
    "/exceptions/export.csv",
    "/exceptions/ask/",
    "/remediation/",
    "/remediation/new/",
    "/remediation/poam.csv",
    "/notifications/",
    "/inventory/vms/",
    "/inventory/hosts/",
    "/inventory/vms/export.csv",
    "/inventory/addresses/",
    "/inventory/events/",
    "/inventory/vms/export/",
    "/inventory/changes/",
    "/inventory/changes/export/",
    "/policies/",
    "/sources/",
    "/settings/tokens/",
    "/api/v1/findings/",
    "/api/v1/assets/",
    "/api/v1/search/",
    "/api/v1/changes/",
    "/api/v1/sources/",
    "/api/v1/sync-runs/",
    "/api/v1/checks/",
    "/api/v1/statements/",
    "/api/v1/waivers/",
    "/api/v1/plans/",
    "/api/v1/saved-views/",
    "/api/v1/posture/",
    "/api/v1/trends/",
    "/api/v1/me/",
    "/api/v1/labels/",
    "/api/v1/events/",
    "/api/v1/stays/",
    "/api/v1/mac-holdings/",
)
DETAILS: tuple[tuple[str, str], ...] = (
    ("/findings/{}/", "finding"),
    ("/inventory/assets/{}/", "asset"),
    ("/inventory/assets/{}/timeline/", "asset"),
    ("/inventory/assets/{}/neighbours/", "asset"),
    ("/inventory/assets/{}/neighbours/?by=datastore", "asset"),
    ("/inventory/assets/{}/neighbours/?by=template", "asset"),
    ("/inventory/assets/{}/neighbours/?by=administrator", "asset"),
    ("/inventory/assets/{}/neighbours/?with=2", "asset"),
    ("/api/v1/assets/{}/neighbours/", "asset"),
    ("/api/v1/assets/{}/meetings/?with=2", "asset"),
    ("/api/v1/assets/{}/neighbours/?by=administrator", "asset"),
    ("/api/v1/assets/{}/administrators/", "asset"),
    ("/api/v1/assets/{}/lineage/", "asset"),
    ("/api/v1/stays/?vm={}", "asset"),
    ("/api/v1/stays/?place={}", "asset"),
    ("/api/v1/events/?vm={}", "asset"),
    ("/inventory/assets/{}/difference/?from=2020-01-01", "asset"),
    ("/exceptions/{}/", "waiver"),
    ("/remediation/{}/", "plan"),
    ("/remediation/{}/script.ps1", "plan"),
    ("/remediation/{}/poam.csv", "plan"),
    ("/exceptions/ask/?finding={}", "finding"),
    ("/exceptions/ask/?asset={}", "asset"),
    ("/remediation/new/?finding={}", "finding"),
    ("/api/v1/findings/{}/", "finding"),
    ("/api/v1/findings/{}/events/", "finding"),
    ("/api/v1/findings/{}/comments/", "finding"),
    ("/api/v1/assets/{}/", "asset"),
    ("/api/v1/assets/{}/history/", "asset"),
    ("/api/v1/waivers/{}/", "waiver"),
    ("/api/v1/plans/{}/", "plan"),
    ("/sources/{}/", "source"),
    ("/api/v1/sources/{}/", "source"),
)


class Maker:
    """Makes up requests about an estate with both teams in it."""

    def __init__(self, estate: Estate, seed: int) -> None:
        assert estate.away is not None
        self.dice = random.Random(seed)  # noqa: S311, the same seed makes the same requests
        self.sides = (estate.home, estate.away)
        self.ids: dict[str, list[int]] = {
            "finding": self._of(lambda side: [each.pk for each in side.findings]),
            "asset": self._of(lambda side: [each.pk for each in side.assets]),
            "waiver": [*self._of(lambda side: [side.waiver.pk]), estate.wide.pk],
            "plan": [*self._of(lambda side: [side.plan.pk]), estate.campaign.pk],
            "source": [source.pk for source in estate.sources],
            "team": self._of(lambda side: [side.team.pk]),
            "view": self._of(lambda side: [side.view.pk]),
        }

    def _of(self, find: Callable[[Side], list[int]]) -> list[int]:
        return [pk for side in self.sides for pk in find(side)]

    def some(self, what: str) -> int:
        return self.dice.choice([*self.ids[what], ABSENT])

    def make(self) -> Request:
        shape = self.dice.random()
        if shape < 0.55:
            return Request("get", f"{self.dice.choice(LISTS)}?{urlencode(self._query())}")
        if shape < 0.85:
            address, what = self.dice.choice(DETAILS)
            return Request("get", address.format(self.some(what)))
        return self._act()

    def _query(self) -> list[tuple[str, Any]]:
        word = self.dice.choice(("home", "away", "machine", "machine-away-1", "label-away", "nope"))
        possible: list[tuple[str, Any]] = [
            ("q", word),
            ("asset", self.some("asset")),
            ("team", self.dice.choice([*self.ids["team"], "home", "away", "none"])),
            ("source", self.dice.choice([*self.ids["source"], "vc-one"])),
            ("check", self.dice.choice(CHECKS).id),
            ("severity", self.dice.choice(("critical", "high", "medium", "low"))),
            ("state", self.dice.choice(("open", "resolved", "any"))),
            ("status", self.dice.choice(("new", "triaged", "excepted", "awaiting_proof"))),
            ("due", self.dice.choice(("overdue", "week", "later"))),
            ("assignee", self.dice.choice(("me", "none", "owner-away", "owner-home"))),
            ("label", self.dice.choice(("urgent", "label-away", "label-home"))),
            ("plan", self.some("plan")),
            ("waiver", self.some("waiver")),
            ("view", self.some("view")),
            ("finding", self.some("finding")),
            ("group", self.dice.choice(("check", "asset", "team", "statement", "assignee"))),
            ("sort", self.dice.choice(("severity", "-opened", "due", "priority", "name"))),
            ("ordering", self.dice.choice(("name", "-updated_at", "id"))),
            ("by", self.dice.choice(("team", "classification", "source", "check", "area"))),
            ("as_of", self.dice.choice(("2026-03-09", "2026-03-01", "2026-03-10T11:00Z"))),
            ("page_size", self.dice.choice((1, 5, 100))),
            ("outcome", self.dice.choice(("pass", "fail", "unknown"))),
            ("show", "all"),
            ("mac", MAC),
            ("at", "2026-03-09T00:00"),
            ("vm", self.some("asset")),
            ("what", self.dice.choice(("Cloned", "Powered on", "Moved"))),
            ("from", self.dice.choice(("2026-01-01", "2026-03-09T00:00"))),
            ("what", self.dice.choice(("appeared", "disappeared", "changed"))),
        ]
        return self.dice.sample(possible, self.dice.randint(0, 3))

    def _act(self) -> Request:
        finding, version = self.some("finding"), self.dice.randint(0, 3)
        acts: list[Request] = [
            Request(
                "patch", f"/api/v1/findings/{finding}/", {"status": "triaged", "version": version}
            ),
            Request("patch", f"/api/v1/findings/{finding}/", {"assignee": "owner-away"}),
            Request("patch", f"/api/v1/findings/{finding}/", {"labels": ["label-away"]}),
            Request("post", f"/api/v1/findings/{finding}/comments/", {"text": "@owner-away look"}),
            Request(
                "post",
                "/api/v1/findings/bulk/",
                {
                    "findings": [self.some("finding") for _ in range(3)],
                    "act": {"act": "status", "to": "triaged"},
                    "dry_run": True,
                },
            ),
            Request(
                "post",
                "/api/v1/findings/bulk/",
                {
                    "filter": urlencode(self._query()),
                    "act": {"act": "label", "label": "seen"},
                    "dry_run": True,
                },
            ),
            Request(
                "post",
                "/api/v1/waivers/",
                {
                    "scope": "finding",
                    "finding": finding,
                    "ground": "accepted",
                    "reason": "It is replaced.",
                    "expires_at": "2026-03-20T00:00:00Z",
                },
            ),
            Request(
                "post",
                "/api/v1/plans/",
                {"title": "A plan", "findings": [self.some("finding"), self.some("finding")]},
            ),
            Request(
                "post", f"/api/v1/waivers/{self.some('waiver')}/withdraw/", {"version": version}
            ),
            Request("post", f"/api/v1/sources/{self.some('source')}/sync/", {}),
        ]
        return self.dice.choice(acts)
