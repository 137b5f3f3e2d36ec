"""What a role of an estate lets its holders do, for the checks of duties."""

from __future__ import annotations

from inventory.access.duties import Duty, duties
from inventory.records import Role
from policies.spec import Estate, FactMissing


def duties_of_role(role_id: int, estate: Estate) -> frozenset[Duty]:
    """What the role lets its holders do, or raise FactMissing."""
    held = estate.derived(_by_role).get(role_id)
    if held is None:
        raise FactMissing(f"the privileges of role {role_id}")
    return held


def _by_role(estate: Estate) -> dict[int, frozenset[Duty]]:
    return {
        int(role.uid): duties(role.privileges)
        for role in estate.of(Role)
        if role.privileges is not None
    }
