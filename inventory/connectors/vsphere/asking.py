"""What only a call answers, not a property: asked of each object once, bounded and never guessed.

A call the account is refused is a blind spot, like a property it may not read. Where the account
lacks the privilege one refusal named, the same question is not asked again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import msgspec

from inventory.connectors.base import BlindSpot, CollectionFailed, Doubt, Item
from inventory.connectors.vsphere.client import OpenSession
from inventory.connectors.vsphere.failures import TransportLost
from inventory.connectors.vsphere.mapping.facts import as_text
from inventory.connectors.vsphere.xml import Ref, SoapFault
from inventory.records import Kind

# The object is there and cannot answer: an older one, or one vCenter does not reach at the moment.
_UNABLE: Final = frozenset(
    {"HostCommunication", "HostNotConnected", "HostNotReachable", "NotSupported"}
)
_GONE: Final = "ManagedObjectNotFound"


class Subject(msgspec.Struct, frozen=True):
    """An entity, and whom to ask about it."""

    ref: Ref
    name: str
    asked: Ref
    arguments: str = ""


class Asking:
    """One question to many objects. Afterwards `notes` holds what was not answered, and why."""

    def __init__(self, session: OpenSession, kind: Kind, method: str) -> None:
        self.notes: list[Item] = []
        self._session = session
        self._kind = kind
        self._method = method
        self._lost = False
        self._blind: dict[str, list[Subject]] = {}  # explanation → who
        self._doubtful: dict[str, list[Subject]] = {}  # fault → who
        self._lacking: dict[str, frozenset[Ref]] = {}  # privilege → where it is not held

    def answers(self, subjects: list[Subject]) -> dict[str, list[Any]]:
        """The answers by entity, without those that gave none; raise CollectionFailed."""
        found: dict[str, list[Any]] = {}
        for subject in subjects:
            privilege = self._known_to_lack(subject.ref)
            if privilege is not None:
                self._blind.setdefault(_lacks(privilege), []).append(subject)
                continue
            try:
                found[subject.ref] = [
                    *found.get(subject.ref, ()),
                    *self._session.bulk.call(self._method, subject.asked, subject.arguments),
                ]
            except SoapFault as fault:
                self._refused(fault, subject, subjects)
            except TransportLost as lost:
                self._unanswered(subject, lost)
        # An entity that answered in part has not answered.
        for silent in (*self._blind.values(), *self._doubtful.values()):
            for subject in silent:
                found.pop(subject.ref, None)
        self._take_notes()
        return found

    def _unanswered(self, subject: Subject, lost: TransportLost) -> None:
        """One host that hangs shall not silence the others; a second one ends the asking."""
        if self._lost:
            raise lost
        self._lost = True
        self._session.drop_connections()
        self._doubtful.setdefault("no answer", []).append(subject)

    def _known_to_lack(self, ref: Ref) -> str | None:
        return next((name for name, refs in self._lacking.items() if ref in refs), None)

    def _refused(self, fault: SoapFault, subject: Subject, subjects: list[Subject]) -> None:
        if fault.type == "NoPermission":
            privilege = as_text(fault.detail.get("privilegeId")) or ""
            if privilege and privilege not in self._lacking:
                self._lacking[privilege] = self._without(privilege, subjects)
            self._blind.setdefault(_lacks(privilege), []).append(subject)
        elif fault.type in _UNABLE:
            why = f"It could not be asked ({fault.type})."
            self._blind.setdefault(why, []).append(subject)
        elif fault.type != _GONE or self._is_there(subject.ref):
            self._doubtful.setdefault(fault.type, []).append(subject)

    def _without(self, privilege: str, subjects: Iterable[Subject]) -> frozenset[Ref]:
        refs = sorted({subject.ref for subject in subjects})
        try:
            held = self._session.privileges(refs)
        except (SoapFault, CollectionFailed):
            return frozenset()
        return frozenset(ref for ref in refs if privilege not in held.get(ref, frozenset()))

    def _is_there(self, ref: Ref) -> bool:
        try:
            return self._session.bulk.find_object(ref, "name") is not None
        except SoapFault as fault:
            return fault.type != _GONE

    def _take_notes(self) -> None:
        for explanation, blind in sorted(self._blind.items()):
            self.notes.append(
                BlindSpot(
                    kind=self._kind,
                    property=self._method,
                    count=len({subject.ref for subject in blind}),
                    example=blind[0].name,
                    explanation=explanation,
                )
            )
        for fault, doubtful in sorted(self._doubtful.items()):
            self.notes.append(unanswered(self._kind, self._method, len(doubtful), fault))


def unanswered(kind: Kind, what: str, count: int, why: str) -> Doubt:
    message = f"vCenter did not answer {what} for {count} objects ({why})."
    return Doubt(kind=kind, code="fault", message=message)


def _lacks(privilege: str) -> str:
    if not privilege:
        return "The account may not ask it."
    return f"The account lacks the privilege {privilege}."
