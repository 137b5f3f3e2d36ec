"""The rows of this app, one module per room."""

from findings.models.announcing import Announcement, Notice, NoticePreference
from findings.models.finding import (
    Finding,
    FindingEvent,
    FindingSpell,
    Label,
    PriorityChoices,
)
from findings.models.remediation import Plan, PlanEvent, Task, TaskFinding
from findings.models.rules import Rules
from findings.models.trends import Burden, DailyPosture, PostureDay
from findings.models.triage import BulkAct, Comment, LastVisit, SavedView
from findings.models.waiver import Waiver, WaiverCover, WaiverEvent

__all__ = [
    "Announcement",
    "BulkAct",
    "Burden",
    "Comment",
    "DailyPosture",
    "Finding",
    "FindingEvent",
    "FindingSpell",
    "Label",
    "LastVisit",
    "Notice",
    "NoticePreference",
    "Plan",
    "PlanEvent",
    "PostureDay",
    "PriorityChoices",
    "Rules",
    "SavedView",
    "Task",
    "TaskFinding",
    "Waiver",
    "WaiverCover",
    "WaiverEvent",
]
