"""The words a remedy is written in: `Remedy`, `Blank`, `Deviation`.

A remedy is declared beside the check, once per platform. Its steps are plain text in which «name»
stands for a blank; its script is PowerShell in which `$name` does. `policies.remedies` fills them
from the facts of one finding. What the facts do not say stays a visible blank.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from inventory.records import KIND_OF, AnyRecord, Grant, Image, Kind, Network, VirtualMachine

Value = str | int | None

NOUNS = {
    Kind.VM: "virtual machine",
    Kind.HOST: "host",
    Kind.CLUSTER: "cluster",
    Kind.NETWORK: "network",
    Kind.SWITCH: "distributed switch",
    Kind.DATASTORE: "datastore",
    Kind.IMAGE: "image",
    Kind.ROLE: "role",
    Kind.GRANT: "grant",
    Kind.PRINCIPAL: "user or group",
    Kind.PLATFORM: "management platform",
}
DIGESTED = "sha256:"  # how a key begins that was too long to be kept


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """The source that a finding comes from, as far as a remedy may name it."""

    name: str = ""
    address: str = ""  # the host name of the platform; "" leaves a blank
    port: int = 443
    attributes: dict[str, str] = msgspec.field(default_factory=dict)  # "owner" → its attribute


class Deviation(msgspec.Struct, frozen=True, kw_only=True):
    """What one finding says: all that its remedy may know.

    Evidence about assets of others is not in it.
    """

    record: AnyRecord
    key: str = ""
    evidence: Mapping[str, Any] = msgspec.field(default_factory=dict)
    params: msgspec.Struct | None = None  # as the check is set; None: the caller did not say
    place: Place = Place()

    @property
    def kind(self) -> Kind:
        return KIND_OF[type(self.record)]

    def said(self, name: str) -> Value:
        """What the evidence says under this name, several names joined; None when nothing."""
        return _told(self.evidence.get(name))

    def asked(self, name: str) -> Value:
        """What the check was set to ask for; None when that is not known."""
        return _told(getattr(self.params, name, None))


class Blank(msgspec.Struct, frozen=True):
    """A place in steps and script, and where its value is found. Nowhere: people fill it in."""

    label: str  # "name of the snapshot": what an empty one asks for
    always: Value = None  # one value whatever the finding
    evidence: str = ""
    moment: str = ""  # the evidence that is a moment
    param: str = ""
    attribute: str = ""  # the custom attribute that the source reads this field from
    fact: Callable[[Deviation], Value] | None = None

    def value(self, found: Deviation) -> Value:
        """What the finding says for this blank; None when it says nothing."""
        if self.always is not None:
            return self.always
        if self.fact is not None:
            try:
                return _plain(self.fact(found))
            except (AttributeError, LookupError, TypeError, ValueError):
                return None  # evidence of an older release, in a form that nobody expects now
        if self.evidence:
            return found.said(self.evidence)
        if self.moment:
            return _spoken(found.said(self.moment))
        if self.param:
            return found.asked(self.param)
        return _plain(found.place.attributes.get(self.attribute))


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """How a deviation is mended on one platform, before the names are filled in."""

    steps: tuple[str, ...]
    verify: str  # how to see at once that it worked
    needs: str  # the privileges it takes
    effect: str  # what it interrupts
    script: str | None = None
    because: str = ""  # why there is no script
    blanks: Mapping[str, Blank] = msgspec.field(default_factory=dict)
    when: str = ""  # the case it is for, where a check has several: "the service is stopped"
    fits: Callable[[Deviation], bool] | None = None  # None fits all


def key_of(found: Deviation) -> Value:
    """The key of the finding, unless only its digest was kept."""
    return None if found.key.startswith(DIGESTED) else found.key


def standard_blanks(kind: Kind) -> dict[str, Blank]:
    """The blanks that every remedy of this kind may use without declaring them."""
    noun = NOUNS[kind]
    if kind is Kind.GRANT:
        return {
            "principal": Blank("user or group", fact=_of_record("principal")),
            "role": Blank("name of the role", fact=_of_record("role_name")),
            "role_id": Blank("number of the role", fact=_of_record("role_id")),
            "is_group": Blank("1 for a group, 0 for a user", fact=_is_group),
            "entity": Blank("object of the grant", fact=_of_record("entity_name")),
            "entity_id": Blank("managed object id of the object of the grant", fact=object_id),
        }
    if kind is Kind.ROLE:
        return {
            "role": Blank("name of the role", fact=_of_record("label")),
            "role_id": Blank("number of the role", fact=lambda found: int(found.record.uid)),
        }
    if kind is Kind.PRINCIPAL:
        return {"principal": Blank(noun, fact=_of_record("name"))}
    blanks = {"name": Blank(f"name of the {noun}", fact=lambda found: found.record.name)}
    if kind is not Kind.PLATFORM:
        blanks["id"] = Blank(f"managed object id of the {noun}", fact=object_id)
    return blanks


def _is_group(found: Deviation) -> Value:
    return int(found.record.is_group) if isinstance(found.record, Grant) else None


def _of_record(field: str) -> Callable[[Deviation], Value]:
    return lambda found: _plain(getattr(found.record, field, None))


def object_id(found: Deviation) -> Value:
    """The asset as PowerCLI names it for good: `VirtualMachine-vm-123`."""
    match found.record:
        case VirtualMachine() | Image() as machine:
            return powercli_id("VirtualMachine", machine.ref)
        case Network() as network:
            types = {"standard": "Network", "distributed": "DistributedVirtualPortgroup"}
            return powercli_id(types.get(network.type, "OpaqueNetwork"), network.ref)
        case Grant() as grant:
            return powercli_id(grant.entity_type or "", grant.entity_ref)
        case record:
            return powercli_id(_TYPES.get(KIND_OF[type(record)], ""), record.ref)


_TYPES = {
    Kind.HOST: "HostSystem",
    Kind.CLUSTER: "ClusterComputeResource",
    Kind.SWITCH: "VmwareDistributedVirtualSwitch",
    Kind.DATASTORE: "Datastore",
}
_SOUND_TYPE = re.compile(r"[A-Za-z]{1,60}")
_SOUND_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")  # no wildcard of PowerShell's


def powercli_id(type: str, ref: str | None) -> str | None:
    """A managed object as PowerCLI names it; None when it is not one."""
    if ref is None or not _SOUND_TYPE.fullmatch(type) or not _SOUND_REF.fullmatch(ref):
        return None
    return f"{type}-{ref}"


def _spoken(value: Value) -> Value:
    """A moment as people write it: “2026-02-03 07:00 UTC”."""
    try:
        moment = datetime.fromisoformat(str(value)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _told(value: Any) -> Value:
    """Of a list its elements, of a mapping its keys, joined by commas."""
    if isinstance(value, list | tuple | dict):
        return ", ".join(str(one) for one in value if isinstance(one, str | int)) or None
    return _plain(value)


def _plain(value: Any) -> Value:
    if isinstance(value, str):
        return value if value.strip() else None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# --- what a declaration must hold -------------------------------------------------------------

PLACEHOLDER = re.compile("«([a-z_]+)»")
VARIABLE = re.compile(r"(?<!`)\$([A-Za-z_]\w*)")
_ASSIGNED = re.compile(r"(?m)^\s*\$(?!null\b)(\w+)(?:, \$\w+)?\s*[-+]?=|foreach \(\$(\w+) in")
_LABEL = re.compile(r"[A-Za-z0-9 ,./:_()=-]{3,120}")
# What PowerShell assigns itself, and what the frame of every script does.
_TAKEN = (
    "ask args blank blanks change consolefilename enabledexperimentalfeatures error event "
    "eventargs eventsubscriber executioncontext false foreach home host input isadministrator "
    "islinux ismacos iswindows lastexitcode matches myinvocation nestedpromptlevel null pid "
    "profile psboundparameters pscmdlet pscommandpath psculture psdebugcontext pshome psitem "
    "psscriptroot pssenderinfo psuiculture psversiontable pwd sender server shellid stacktrace "
    "switch this true what"
)
TAKEN = frozenset(_TAKEN.split())


def faults(remedies: tuple[Remedy, ...], kind: Kind) -> Iterator[str]:
    """What is wrong with the remedies of one platform, as sentences; nothing when all is well."""
    if not remedies:
        yield "a remedy is required"
    for remedy in remedies[:-1]:
        if remedy.fits is None or not remedy.when:
            yield "every remedy but the last must say when it fits"
    if remedies and remedies[-1].fits is not None:
        yield "the last remedy must fit everything"
    for remedy in remedies:
        yield from _faults(remedy, kind)


def _faults(remedy: Remedy, kind: Kind) -> Iterator[str]:
    texts = (*remedy.steps, remedy.verify, remedy.needs, remedy.effect)
    if not remedy.steps or not all(text.strip() for text in texts):
        yield "a remedy needs steps and says how to verify it, what it needs and what it interrupts"
    if (remedy.script is None) == (not remedy.because):
        yield "a remedy has a script, or says why there is none"
    known = {**standard_blanks(kind), **remedy.blanks}
    named = {name for text in texts for name in PLACEHOLDER.findall(text)}
    yield from (f"the blank {name} is not declared" for name in sorted(named - set(known)))
    script = remedy.script or ""
    used = named | set(VARIABLE.findall(script))
    yield from (f"the blank {name} is not used" for name in sorted(set(remedy.blanks) - used))
    for name, blank in known.items():
        if name.casefold() in TAKEN:
            yield f"a blank must not be called {name}"
        if not _LABEL.fullmatch(blank.label):
            yield f"the label of {name} must be plain words"
    assigned = {(one or other).casefold() for one, other in _ASSIGNED.findall(script)}
    yield from (f"the script assigns ${name}" for name in sorted(assigned & (TAKEN | set(known))))
    if "«" in script or "»" in script:
        yield "a script names its blanks as variables"
