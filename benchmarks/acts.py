"""How long one act on 5,000 findings takes, and its undoing, in the estate of `benchmarks.pages`.

The aim is two seconds, from what is chosen to the end of the transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

CHOSEN = 5_000
AIM_SECONDS = 2.0
MONTH = timedelta(days=30)


def measure() -> None:
    """Print each act with the time of doing and of undoing it. Needs the estate's database."""
    from findings.models import Finding
    from findings.triage import acts

    ids = tuple(Finding.objects.open().order_by("pk").values_list("pk", flat=True)[:CHOSEN])
    person, actor = _people()
    print(f"{f'act on {CHOSEN:,} findings':<46}{'done':>10}{'undone':>10}  aim")
    for label, act in (
        ("status", acts.SetStatus(to="in_progress")),
        ("assign", acts.Assign(to=person)),
        ("label", acts.AddLabel(label="measured")),
        ("due date", acts.SetDue(at=datetime.now(UTC) + MONTH, why="Measured.")),
        ("comment", acts.Say(text="Measured.")),
    ):
        _report(label, act, ids, actor)


def _people() -> tuple[str, Any]:
    """Somebody to assign to, and an analyst."""
    from accounts.models import User

    seeing = User.objects.filter(scope="all", role_assignments__role="analyst").order_by("pk")
    return seeing[1].username, seeing[0]


def _report(label: str, act: Any, ids: tuple[int, ...], user: Any) -> None:
    from findings.triage import bulk
    from findings.triage.deeds import Actor

    choice = bulk.Choice(ids=ids)

    def now() -> Actor:
        return Actor(user=user, now=datetime.now(UTC))

    done, result = _timed(lambda: bulk.do(act=act, choice=choice, actor=now()))
    undone, back = _timed(lambda: bulk.undo(bulk_id=result.act.pk, actor=now()))
    assert result.act.changed + sum(result.skipped.values()) == len(ids)
    assert back.restored == result.act.changed > len(ids) // 2, (label, result.skipped)
    met = max(done, undone) <= AIM_SECONDS
    print(
        f"{label:<46}{done:>8.2f} s{undone:>8.2f} s  "
        f"{'met' if met else f'MISSED ({AIM_SECONDS:.0f} s)'}",
        flush=True,
    )


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result
