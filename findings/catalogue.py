"""What findings need to know of checks: their titles, their areas, how they are mended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from inventory.records import Platform
from policies import registry
from policies.models import Area, Statement
from policies.spec import Check

# The four areas people work in; the scope of the policy itself has no machines.
AREAS = (Area.SEGREGATION, Area.SECURING, Area.MONITORING, Area.CHANGE)


def check_or_none(check_id: str) -> Check | None:
    """The check, also under a former id; None when it is no longer shipped."""
    try:
        return registry.get(check_id)
    except KeyError:
        return None


def title_of(check_id: str) -> str:
    check = check_or_none(check_id)
    return check.title if check else check_id


def names_of(check: Check) -> tuple[str, ...]:
    """The ids under which rows of this check may be kept."""
    return (check.id, *check.aliases)


def checks_by_area() -> dict[str, list[Check]]:
    """Area → its checks. A check that serves statements of two areas is in both. One query."""
    areas = dict(Statement.objects.values_list("code", "area"))
    found: defaultdict[str, list[Check]] = defaultdict(list)
    for check in registry.all_checks():
        for area in sorted({areas[code] for code in check.statements if code in areas}):
            found[area].append(check)
    return found


def names_in_areas(areas: Iterable[str]) -> list[str]:
    by_area = checks_by_area()
    return [name for area in areas for check in by_area.get(area, []) for name in names_of(check)]


def names_for_statements(codes: Iterable[str]) -> list[str]:
    wanted = {code.upper() for code in codes}
    return [
        name
        for check in registry.all_checks()
        if wanted.intersection(check.statements)
        for name in names_of(check)
    ]


def names_matching(text: str) -> list[str]:
    """Checks whose title or id holds the text."""
    wanted = text.lower()
    return [
        name
        for check in registry.all_checks()
        if wanted in check.title.lower() or wanted in check.id
        for name in names_of(check)
    ]


def fix_for(check: Check | None, platform: str) -> str:
    """How a deviation is mended on this platform; empty when the check does not say."""
    if check is None or platform not in set(Platform):
        return ""
    return check.fix.get(Platform(platform), "")
