"""What the verbs of exceptions raise besides NotPossible."""

from __future__ import annotations

from accounts.errors import NotPossible
from findings.models import Waiver


class Overtaken(NotPossible):
    """Somebody did something about the exception since this person looked at it."""

    def __init__(self, waiver: Waiver, *, seen: int) -> None:
        super().__init__(
            f"Somebody did something about {waiver} while you looked at it. Look at it again."
        )
        self.waiver = waiver
        self.seen = seen  # the version the person had in front of them
