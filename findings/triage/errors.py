"""What the verbs of triage raise, beside `accounts.errors.NotPossible`."""

from __future__ import annotations

from accounts.errors import NotPossible
from findings.models import Finding


class NotAllowed(NotPossible):
    """The person lacks the permission that this takes."""


class Outdated(NotPossible):
    """Somebody else acted since the person looked. `finding` is how it stands now."""

    def __init__(self, finding: Finding) -> None:
        super().__init__("Somebody changed this finding since you looked. Nothing was changed.")
        self.finding = finding


class Moved(NotPossible):
    """A filter finds another number of findings than the person was shown."""

    def __init__(self, *, shown: int, matched: int) -> None:
        super().__init__(
            f"{shown:,} findings matched when you looked and {matched:,} match now. "
            "Nothing was changed."
        )
        self.matched = matched
