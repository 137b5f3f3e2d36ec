"""The rows of this app, one module per room."""

from findings.models.announcing import Announcement, Notice, NoticePreference
from findings.models.finding import Finding, FindingEvent, FindingSpell, Label
from findings.models.remediation import Plan, PlanEvent, Task, TaskFinding
from findings.models.rules import Rules
from findings.models.trends import Burden, DailyPosture, PostureDay
from findings.models.waiver import Waiver, WaiverCover, WaiverEvent

__all__ = [
    "Announcement",
    "Burden",
    "DailyPosture",
    "Finding",
    "FindingEvent",
    "FindingSpell",
    "Label",
    "Notice",
    "NoticePreference",
    "Plan",
    "PlanEvent",
    "PostureDay",
    "Task",
    "TaskFinding",
    "Waiver",
    "WaiverCover",
    "WaiverEvent",
]
