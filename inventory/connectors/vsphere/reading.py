"""Reading every object of a type, and noticing when the answer is not whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from inventory.connectors.base import BlindSpot, CollectionFailed, Doubt, Item
from inventory.connectors.vsphere.bulk import Wanted
from inventory.connectors.vsphere.client import OpenSession
from inventory.connectors.vsphere.failures import session_lost
from inventory.connectors.vsphere.mapping.facts import Facts, as_text
from inventory.connectors.vsphere.views import View
from inventory.connectors.vsphere.xml import ObjectContent, Ref, SoapFault, Withheld
from inventory.records import Kind

READ: Final = "System.Read"
_EXAMPLES: Final = 3


class Reading:
    """One pass over everything of a type. Afterwards `notes` holds what is not as it should be."""

    def __init__(self, session: OpenSession, kind: Kind | None, wanted: Wanted) -> None:
        self.seen: dict[Ref, str] = {}  # reference → name
        self.notes: list[Item] = []
        self.missing = 0  # listed, but not delivered
        self._session = session
        self._kind = kind
        self._wanted = wanted
        self._unsupported: set[str] = set()
        self._withheld: dict[str, list[tuple[Ref, Withheld]]] = {}
        self._half_gone: set[Ref] = set()

    def facts(self, *types: str) -> Iterator[Facts]:
        """Every object of these types once; raise SoapFault or CollectionFailed."""
        with self._session.view(*types) as view:
            in_order = view.listed()
            listed = set(in_order)
            for page in self._pages(view, in_order):
                for content in page:
                    if self._is_new(content):
                        yield Facts(content, unsupported=frozenset(self._unsupported))
            self._compare(view, listed)
        if not view.destroyed:
            self._doubt("view", "vCenter did not confirm that the list of objects was closed.")
        self.notes += explained(self._session, self._kind, self._withheld, self.seen)
        self._note_unsupported()

    def _pages(self, view: View, listed: list[Ref]) -> Iterator[list[ObjectContent]]:
        """The pages, asked again without a property this version of vCenter does not know."""
        while True:
            paths = tuple(path for path in self._wanted.paths if path not in self._unsupported)
            wanted, started = Wanted(type=self._wanted.type, paths=paths), False
            try:
                for page in view.pages(listed, wanted):
                    started = True
                    yield page
            except SoapFault as fault:
                unknown = as_text(fault.detail.get("name")) or ""
                if started or fault.type != "InvalidProperty" or unknown not in paths:
                    raise
                self._unsupported.add(unknown)
            else:
                return

    def _is_new(self, content: ObjectContent) -> bool:
        """Whether the object is to be handed on; remembers what it withheld."""
        ref, faults = content.ref, {why.fault for why in content.withheld.values()}
        if "NotAuthenticated" in faults:
            raise session_lost()
        if ref in self.seen:
            self._doubt("duplicate", f"vCenter listed {ref.type} {ref} twice.")
            return False
        if "ManagedObjectNotFound" in faults:
            self._half_gone.add(ref)
            return False
        self.seen[ref] = as_text(content.values.get("name")) or str(ref)
        for path, why in content.withheld.items():
            self._withheld.setdefault(path, []).append((ref, why))
        return True

    def _compare(self, view: View, listed: set[Ref]) -> None:
        """What the view listed has to have arrived, unless it is gone by now."""
        missing = (listed | self._half_gone) - self.seen.keys()
        if missing:
            missing &= set(view.listed())
        self.missing = len(missing)
        if missing:
            self._doubt(
                "count-mismatch",
                f"vCenter lists {len(listed)} objects of type {self._wanted.type} but did not "
                f"deliver {len(missing)} of them ({_named(sorted(missing))}).",
            )

    def _note_unsupported(self) -> None:
        for path in sorted(self._unsupported):
            self.notes.append(
                BlindSpot(
                    kind=self._kind or Kind.PLATFORM,
                    property=path,
                    count=len(self.seen),
                    example=next(iter(self.seen.values()), ""),
                    explanation="This version of vCenter does not offer it.",
                )
            )

    def _doubt(self, code: str, message: str) -> None:
        self.notes.append(Doubt(kind=self._kind, code=code, message=message))


def explained(
    session: OpenSession,
    kind: Kind | None,
    withheld: Mapping[str, Sequence[tuple[Ref, Withheld]]],
    names: Mapping[Ref, str],
) -> list[Item]:
    """Blind spots for what the account may not read, doubts for what it should have been told."""
    refs = sorted({ref for found in withheld.values() for ref, why in found if _by_right(why)})
    try:
        held = session.privileges(refs) if refs else {}
    except (SoapFault, CollectionFailed):
        held = {}
    notes: list[Item] = []
    for path, found in sorted(withheld.items()):
        lacking: dict[str, list[Ref]] = {}
        unexplained: list[Ref] = []
        for ref, why in found:
            privilege = _lacking(why, held.get(ref))
            if privilege is None:
                unexplained.append(ref)
            else:
                lacking.setdefault(privilege, []).append(ref)
        notes += [
            BlindSpot(
                kind=kind or Kind.PLATFORM,
                property=path,
                count=len(blind),
                example=names.get(blind[0], str(blind[0])),
                explanation=privilege,
            )
            for privilege, blind in sorted(lacking.items())
        ]
        if unexplained:
            notes.append(
                Doubt(
                    kind=kind,
                    code="withheld",
                    message=f"vCenter did not tell {path} of {len(unexplained)} objects "
                    f"({_named(unexplained)}), though the account may read them.",
                )
            )
    return notes


def _by_right(why: Withheld) -> bool:
    return why.fault in ("NoPermission", "")


def _lacking(why: Withheld, held: frozenset[str] | None) -> str | None:
    """A sentence that names the privilege the account lacks; None when it lacks none."""
    if why.fault == "InvalidProperty":
        return "This version of vCenter does not offer it."
    if not _by_right(why) or held is None:
        return None
    for privilege in (READ, why.privilege):
        if privilege and privilege not in held:
            return f"The account lacks the privilege {privilege}."
    return None


def _named(refs: Sequence[Ref]) -> str:
    shown = ", ".join(str(ref) for ref in refs[:_EXAMPLES])
    return shown if len(refs) <= _EXAMPLES else f"{shown}, …"
