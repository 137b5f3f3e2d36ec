"""Who is logged in to a vCenter."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from inventory.connectors.vsphere.mapping.facts import as_text, as_time
from inventory.parts import LoginSession

IDLE_AFTER: Final = timedelta(hours=1)


def sessions(found: Iterable[dict[str, Any]], *, own_key: str) -> tuple[LoginSession, ...]:
    """Everybody's sessions but the one that asks, whose last use is the platform's now, and those
    like it: a run that was killed left them behind.
    """
    told = list(found)
    times = [at for one in told if (at := as_time(one.get("lastActiveTime"))) is not None]
    now = max(times, default=None)
    own = {_whose(one) for one in told if as_text(one.get("key")) == own_key}
    others = [one for one in told if _whose(one) not in own]
    return tuple(sorted((_session(one, now) for one in others), key=lambda one: one.key))


def _whose(found: dict[str, Any]) -> tuple[str | None, ...]:
    return tuple(as_text(found.get(name)) for name in ("userName", "ipAddress", "userAgent"))


def _session(found: dict[str, Any], now: datetime | None) -> LoginSession:
    user, ip = as_text(found.get("userName")) or "", as_text(found.get("ipAddress"))
    login_at, used_at = as_time(found.get("loginTime")), as_time(found.get("lastActiveTime"))
    is_idle = None if now is None or used_at is None else now - used_at >= IDLE_AFTER
    moment = f"{login_at:%Y-%m-%dT%H:%M:%S.%f}" if login_at else ""
    who = f"{user}\0{ip or ''}".encode("utf-8", "replace")
    return LoginSession(
        key=f"{moment} {hashlib.blake2b(who, digest_size=4).hexdigest()}",
        user=user,
        login_at=login_at,
        ip=ip,
        agent=as_text(found.get("userAgent")),
        idle=is_idle,
        idle_since=used_at if is_idle else None,
    )
