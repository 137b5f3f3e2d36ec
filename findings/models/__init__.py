"""The rows of this app, one module per room."""

from findings.models.announcing import Announcement, Notice, NoticePreference
from findings.models.finding import Finding, FindingEvent, FindingSpell, Label
from findings.models.rules import Rules
from findings.models.waiver import Waiver, WaiverCover, WaiverEvent

__all__ = [
    "Announcement",
    "Finding",
    "FindingEvent",
    "FindingSpell",
    "Label",
    "Notice",
    "NoticePreference",
    "Rules",
    "Waiver",
    "WaiverCover",
    "WaiverEvent",
]
