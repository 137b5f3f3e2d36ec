"""What the verbs of this room raise."""

from accounts.errors import NotPossible


class Outdated(NotPossible):
    """Somebody changed the thing since it was looked at. Nothing was done."""
