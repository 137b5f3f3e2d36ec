"""Reading one object's answers with the difference between unset and withheld kept.

vCenter leaves out a property that has no value, and lists one it does not tell in `missingSet`. So:
withheld is always None; unset is empty where empty means something (text, lists), otherwise None.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Final

from inventory.connectors.vsphere.xml import ObjectContent, Ref, many, moment

_SECRET_KEY: Final = re.compile(
    r"(password|passwd|passphrase|secret|community|communities|privatekey|credential|token)$",
    re.IGNORECASE,
)
_ESCAPED: Final = re.compile(r"%(2f|5c|25)", re.IGNORECASE)


class Facts:
    """What one object said."""

    def __init__(
        self, content: ObjectContent, *, unsupported: frozenset[str] = frozenset()
    ) -> None:
        self.ref = content.ref
        self._values = content.values
        self._withheld = content.withheld
        self._unsupported = unsupported

    def withheld(self, path: str) -> bool:
        """Whether the platform did not tell, as opposed to saying that there is none."""
        if path in self._unsupported:
            return True
        return any(path == held or path.startswith(f"{held}.") for held in self._withheld)

    def raw(self, path: str) -> Any:
        """The value as decoded; None when unset or withheld."""
        return self._values.get(path)

    def text(self, path: str) -> str | None:
        """Text; empty when unset."""
        found = as_text(self.raw(path))
        if found is not None:
            return found
        return None if self.withheld(path) else ""

    def choice(self, path: str) -> str | None:
        """An enumeration value; None when unset."""
        return as_text(self.raw(path)) or None

    def flag(self, path: str) -> bool | None:
        return as_flag(self.raw(path))

    def number(self, path: str) -> int | None:
        return as_number(self.raw(path))

    def time(self, path: str) -> datetime | None:
        return as_time(self.raw(path))

    def items(self, path: str) -> list[Any] | None:
        """A list; empty when unset."""
        found = self.raw(path)
        if found is None and self.withheld(path):
            return None
        return many(found)

    def section(self, path: str) -> dict[str, Any] | None:
        """An object; None when unset: a host that is away has no sections at all."""
        found = self.raw(path)
        return found if isinstance(found, dict) else None

    def refs(self, path: str) -> tuple[str, ...] | None:
        """References, sorted; empty when unset."""
        found = self.items(path)
        return None if found is None else sorted_refs(found)

    def options(self, path: str) -> dict[str, str] | None:
        """OptionValues as text by key, without those that may hold a secret; empty when unset."""
        found = self.items(path)
        return None if found is None else option_values(found)


def sorted_refs(found: list[Any]) -> tuple[str, ...]:
    """Plain references in a stable order: the platform's own order means nothing."""
    return tuple(sorted(str(ref) for ref in found if isinstance(ref, Ref)))


def option_values(found: list[Any]) -> dict[str, str]:
    options: dict[str, str] = {}
    for option in dicts(found):
        key, content = option.get("key"), option_text(option.get("value"))
        if isinstance(key, str) and content is not None and not _SECRET_KEY.search(key):
            options[key] = content
    return dict(sorted(options.items()))


def option_text(found: Any) -> str | None:
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found) if isinstance(found, str | int | float) else None


def dicts(found: Any) -> list[dict[str, Any]]:
    """The objects in a field that may occur several times."""
    return [item for item in many(found) if isinstance(item, dict)]


def texts(found: Any) -> tuple[str, ...]:
    return tuple(str(item) for item in many(found) if isinstance(item, str))


def inside(found: Any, *path: str) -> Any:
    """A nested field, None as soon as one is missing."""
    for name in path:
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


def as_text(found: Any) -> str | None:
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, str):
        return str(found)
    return str(found) if isinstance(found, int | float) else None


def as_flag(found: Any) -> bool | None:
    if isinstance(found, bool):
        return found
    return (
        {"true": True, "1": True, "false": False, "0": False}.get(found)
        if isinstance(found, str)
        else None
    )


def as_number(found: Any) -> int | None:
    if isinstance(found, bool):
        return None
    if isinstance(found, int):
        return found
    if isinstance(found, str) and len(found) <= 20:
        try:
            return int(found)
        except ValueError:
            return None
    return None


def as_time(found: Any) -> datetime | None:
    if isinstance(found, datetime):
        return found
    return moment(found) if isinstance(found, str) else None


def as_mac(found: Any) -> str | None:
    """A MAC address in lower case with colons; None when there is none."""
    return found.lower().replace("-", ":") if isinstance(found, str) and found else None


def display_name(name: str) -> str:
    """vCenter writes the slash, the backslash and the percent sign of names as %2f, %5c and %25."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name)
