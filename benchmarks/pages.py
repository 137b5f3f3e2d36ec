"""How long pages and the API take with 1,000,000 findings on 400,000 assets, for 50 people.

Run `python -m benchmarks.pages [findings [assets]]`. Each request is asked in turn as people who
see the whole estate and as people who see their teams, and compared with the smallest answer there
is. The aim is 100 ms at the 95th percentile and a dozen queries; 200 ms for the overview, a second
for what changed in 200 days, in which half of the estate was seen for the first time. Acts on many
findings follow (`benchmarks.acts`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from benchmarks import acts, estate

ROUNDS = 2  # each of the 50 people asks each address this often
AIM_MS, AIM_QUERIES = 100, 12
AIMS_MS = {"overview": 200, "what changed in 200 days": 1_000}  # of those that may take longer
PAST_DAYS, AIM_RATIO = 30, 2.0
# Lists that are asked for as of a moment too, which may take twice as long.
IN_TIME = (
    ("machines", "/inventory/vms/"),
    ("machines, text", "/inventory/vms/?q=vm-000777"),
    ("machines of a class", "/inventory/vms/?classification=internal"),
    ("machines by owner", "/inventory/vms/?sort=owner"),
    ("hosts", "/inventory/hosts/"),
    ("API assets", "/api/v1/assets/?kind=vm"),
)


def main(findings: int, assets: int) -> None:
    with estate.database():
        estate.fill(findings=findings, assets=assets)
        _measure()
        _compare()
        acts.measure()


def _measure() -> None:
    people = _people()
    everything = people["everything"][0]
    floor = _timed([lambda: everything.get("/health/live")] * 100)[1]
    print(f"{'request':<46}{'median':>10}{'p95':>10}{'p95 / floor':>13}{'queries':>9}  aim")
    for label, address in _cases(everything):
        for scope, clients in people.items():
            aim = AIMS_MS.get(label, AIM_MS)
            _report(f"{label} ({scope})", address, clients, floor, aim)


def _compare() -> None:
    """How much longer a list takes as of a moment than now."""
    moment = f"{datetime.now(UTC) - timedelta(days=PAST_DAYS):%Y-%m-%dT%H:%MZ}"
    print(f"{f'list, {PAST_DAYS} days ago':<46}{'now':>10}{'then':>10}{'then / now':>13}  aim")
    for scope, clients in _people().items():
        for label, address in IN_TIME:
            then = f"{address}{'&' if '?' in address else '?'}as_of={moment}"
            taken = []
            for each in (address, then):
                _ask(clients[0], each)
                taken.append(_timed([partial(_ask, client, each) for client in clients])[0])
            ratio = taken[1] / taken[0]
            print(
                f"{f'{label} ({scope})':<46}{taken[0] * 1000:>7.1f} ms{taken[1] * 1000:>7.1f} ms"
                f"{ratio:>12.1f}x  {'met' if ratio <= AIM_RATIO else f'MISSED ({AIM_RATIO:.0f}x)'}",
                flush=True,
            )


def _report(label: str, address: str, clients: list[Any], floor: float, aim: int) -> None:
    queries = 0

    def count(execute: Any, *arguments: Any) -> Any:
        nonlocal queries
        queries += 1
        return execute(*arguments)

    from django.db import connection

    _ask(clients[0], address)
    with connection.execute_wrapper(count):
        _ask(clients[0], address)
    asks = [partial(_ask, client, address) for client in clients * ROUNDS]
    median, p95 = _timed(asks)
    met = p95 * 1000 <= aim and queries <= AIM_QUERIES
    print(
        f"{label:<46}{median * 1000:>7.1f} ms{p95 * 1000:>7.1f} ms{p95 / floor:>12.0f}x"
        f"{queries:>9}  {'met' if met else f'MISSED ({aim} ms, {AIM_QUERIES} queries)'}",
        flush=True,
    )


def _ask(client: Any, address: str) -> None:
    answer = client.get(address)
    content = b"".join(answer) if answer.streaming else answer.content
    # Who may not see the one finding, or no exceptions at all: that answer counts too.
    assert answer.status_code in (200, 403, 404), (address, answer.status_code)
    assert content


def _people() -> dict[str, list[Any]]:
    """A browser for each person who may read findings, by what they see."""
    from django.test import Client

    from accounts.models import User

    found: dict[str, list[Any]] = {"everything": [], "teams": []}
    for user in User.objects.order_by("pk"):
        client = Client(raise_request_exception=True)
        client.force_login(user)
        found["everything" if user.sees_everything else "teams"].append(client)
    return found


def _cases(client: Any) -> list[tuple[str, str]]:
    from findings.models import Finding
    from inventory.models import Asset, Source

    finding = Finding.objects.filter(state="open", asset__kind="vm").order_by("pk")[0]
    machine = Asset.objects.filter(kind="vm").order_by("pk")[0]
    source = Source.objects.order_by("pk")[0]
    long_ago = datetime.now(UTC) - timedelta(days=200)
    deep = "/api/v1/findings/?page_size=100"
    for _ in range(20):
        deep = client.get(deep).json()["next"].partition("testserver")[2]
    cases = [
        ("overview", "/"),
        ("my work", "/work/"),
        ("trends", "/trends/"),
        ("findings", "/findings/"),
        ("findings, three filters", "/findings/?severity=high&kind=vm&classification=internal"),
        ("findings of one source", f"/findings/?source={source.pk}"),
        ("findings by priority", "/findings/?sort=priority"),
        ("findings, overdue", "/findings/?due=overdue"),
        ("findings, excepted", "/findings/?status=excepted"),
        ("findings, mine", "/findings/?assignee=me"),
        ("findings grouped by check", "/findings/?group=check"),
        ("findings, text", "/findings/?q=vm-000777"),
        ("findings, any state", "/findings/?state=any"),
        ("a finding", f"/findings/{finding.pk}/"),
        ("search", "/search/?q=vm-000777"),
        ("search, most machines", "/search/?q=vm"),
        ("search, an address", "/search/?q=10.1.2.9"),
        ("search, a network", "/search/?q=10.1.2.0/24"),
        ("search, a MAC address", "/search/?q=0050.5600.0309"),
        ("search, a note", "/search/?q=service+777"),
        ("exceptions", "/exceptions/"),
        ("an exception", "/exceptions/1/"),
        ("remediation", "/remediation/"),
        ("notifications", "/notifications/"),
        ("machines", "/inventory/vms/"),
        ("machines, text", "/inventory/vms/?q=vm-000777"),
        ("a machine", f"/inventory/assets/{machine.pk}/"),
        ("what changed in a day", "/inventory/changes/"),
        ("what changed in 200 days", f"/inventory/changes/?from={long_ago:%Y-%m-%dT%H:%MZ}"),
        ("policies", "/policies/"),
        ("checks", "/policies/checks/"),
        ("a check", "/policies/checks/vm-tools-version/"),
        ("answers", "/findings/answers/?outcome=fail"),
        ("sources", "/sources/"),
        ("API findings", "/api/v1/findings/"),
        ("API findings, filtered", "/api/v1/findings/?severity=high&state=open"),
        ("API findings, page 21", deep),
        ("API assets", "/api/v1/assets/?kind=vm"),
        ("API exceptions", "/api/v1/waivers/"),
        ("API search", "/api/v1/search/?q=10.1.2"),
    ]
    return [case for case in cases if client.get(case[1]).status_code == 200]


def _timed(calls: Sequence[Callable[[], object]]) -> tuple[float, float]:
    taken = []
    for call in calls:
        started = time.perf_counter()
        call()
        taken.append(time.perf_counter() - started)
    taken.sort()
    return taken[len(taken) // 2], taken[int(len(taken) * 0.95)]


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:]]
    main(*(numbers + [1_000_000, 400_000][len(numbers) :]))
