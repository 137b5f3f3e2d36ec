"""The words a policy check is written in: `@check`, `Violation`, `known`, `Estate`.

A check is a pure function over one record (its subject), optionally the estate around it, its
parameters and the clock. Yield nothing = PASS, yield = FAIL, `known(...)` of a fact the platform
did not give = UNKNOWN, `not_applicable(...)` = NOT_APPLICABLE, any other exception = ERROR. No
database, no network, no settings.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, NoReturn, TypeVar, get_type_hints

import msgspec

from inventory.records import (
    KIND_OF,
    RECORD_OF,
    AnyRecord,
    Cluster,
    Datastore,
    Grant,
    Host,
    Image,
    Kind,
    Network,
    Platform,
    PlatformSettings,
    PowerState,
    Principal,
    Role,
    Switch,
    VirtualMachine,
)
from policies.remedy import Blank, Deviation, Remedy, Value, faults, key_of

T = TypeVar("T")
R = TypeVar("R")


class Severity(StrEnum):
    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    INFO = "info"


class Outcome(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "not_applicable"
    ERROR = "error"


# The evidence under this name is about assets that another team may own, so only who sees the whole
# estate is shown it. A message never names them: it is searched, listed and exported for everybody.
OTHERS = "other_machines"


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One deviation. `key` makes it the same finding tomorrow; "" where there can be only one."""

    message: str  # a sentence about this asset
    key: str = ""
    seen: str = ""  # what was observed, in a few words
    expected: str = ""  # what the policy asks for
    evidence: dict[str, Any] = msgspec.field(default_factory=dict)


class FactMissing(Exception):
    """A fact the check needs was not given by the platform."""

    def __init__(self, fact: str) -> None:
        super().__init__(fact)
        self.fact = fact


class NotApplicable(Exception):
    """The check does not concern this subject."""


def known(value: T | None, fact: str) -> T:
    """The value, or raise FactMissing: what could not be read never passes."""
    if value is None:
        raise FactMissing(fact)
    return value


def not_applicable(reason: str) -> NoReturn:
    raise NotApplicable(reason)


class Parameters(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an operator may set on a check: every field has a default, a misspelt one is refused."""


class NoParams(Parameters, frozen=True):
    """For a check without parameters."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What we know of an asset from having watched it."""

    first_seen_at: datetime
    power_since: datetime | None = None  # since when the power state is what it is


class Estate:
    """An indexed, read-only view of one source's records at one moment.

    `complete` holds the kinds whose list is known to be whole: an index over another kind proves
    something only when its list is; ask with `estate.whole(Kind.VM)`. `unread` holds the kinds of
    which an object is there but could not be read: nobody knows what it would have said.
    """

    def __init__(
        self,
        records: Sequence[AnyRecord],
        *,
        complete: frozenset[Kind] = frozenset(Kind),
        unread: frozenset[Kind] = frozenset(),
        history: Mapping[tuple[Kind, str], History] | None = None,
    ) -> None:
        self.records = records
        self.complete = complete
        self.unread = unread
        self.history = history or {}
        self._derived: dict[Callable[[Estate], Any], Any] = {}

    def derived(self, build: Callable[[Estate], T]) -> T:
        """What `build` makes of this estate, made once however many subjects ask for it."""
        if build not in self._derived:
            self._derived[build] = build(self)
        result: T = self._derived[build]
        return result

    def listed(self, *kinds: Kind) -> None:
        """Return when the lists of these kinds are complete, or raise FactMissing."""
        for kind in kinds:
            if kind not in self.complete:
                raise FactMissing(f"the complete list of kind {kind.value}")

    def whole(self, *kinds: Kind) -> None:
        """Return when everything of these kinds is listed and could be read, or raise FactMissing.

        Where one object that cannot be read must not blind all its equals, ask `listed`.
        """
        self.listed(*kinds)
        for kind in kinds:
            if kind in self.unread:
                raise FactMissing(f"the objects of kind {kind.value} that could not be read")

    def of(self, record_type: type[R]) -> tuple[R, ...]:
        return self._by_type.get(record_type, ())

    def power_since(self, vm: VirtualMachine) -> datetime | None:
        seen = self.history.get((Kind.VM, vm.uid))
        return seen.power_since if seen else None

    @cached_property
    def _by_type(self) -> dict[type, tuple[Any, ...]]:
        groups: dict[type, list[Any]] = {}
        for record in self.records:
            groups.setdefault(type(record), []).append(record)
        return {record_type: tuple(group) for record_type, group in groups.items()}

    @cached_property
    def hosts(self) -> dict[str, Host]:
        return {host.ref: host for host in self.of(Host)}

    @cached_property
    def networks(self) -> dict[str, Network]:
        return {network.ref: network for network in self.of(Network)}

    @cached_property
    def switches(self) -> dict[str, Switch]:
        return {switch.ref: switch for switch in self.of(Switch)}

    @cached_property
    def clusters(self) -> dict[str, Cluster]:
        return {cluster.ref: cluster for cluster in self.of(Cluster)}

    @cached_property
    def datastores(self) -> dict[str, Datastore]:
        return {datastore.ref: datastore for datastore in self.of(Datastore)}

    @cached_property
    def roles(self) -> dict[int, Role]:
        return {int(role.uid): role for role in self.of(Role)}

    @cached_property
    def vms_by_host(self) -> dict[str, tuple[VirtualMachine, ...]]:
        groups: dict[str, list[VirtualMachine]] = {}
        for vm in self.of(VirtualMachine):
            if vm.host_ref is not None:
                groups.setdefault(vm.host_ref, []).append(vm)
        return {ref: tuple(group) for ref, group in groups.items()}

    @cached_property
    def machines_by_mac(self) -> dict[str, tuple[tuple[VirtualMachine | Image, str], ...]]:
        """Configured MAC → (machine or template, NIC key) of everyone who claims it."""
        claims: dict[str, list[tuple[VirtualMachine | Image, str]]] = {}
        claimants: tuple[VirtualMachine | Image, ...] = (*self.of(VirtualMachine), *self.of(Image))
        for machine in claimants:
            for nic in machine.nics or ():
                if nic.mac:
                    claims.setdefault(nic.mac, []).append((machine, nic.key))
        return {mac: tuple(holders) for mac, holders in claims.items()}


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A registered check: what it is called, what it asks and how a deviation is mended."""

    id: str
    title: str
    kind: Kind
    severity: Severity
    statements: tuple[str, ...]
    why: str
    fix: dict[Platform, str]  # in one sentence
    run: Callable[..., Iterator[Violation]]
    params: type[Parameters]
    wants: frozenset[str]  # which of estate, params, now the function takes
    facts: tuple[str, ...]  # record fields that decide it, for "what blinds this check"
    reads: tuple[str, ...] = ()  # fields of other records that decide it: "vm.classification"
    controls: tuple[str, ...] = ()  # hardening control ids it answers
    aliases: tuple[str, ...] = ()
    # Step by step, with names to fill in; the first that fits a finding is meant.
    remedies: dict[Platform, tuple[Remedy, ...]] = msgspec.field(default_factory=dict)

    @property
    def reads_kinds(self) -> frozenset[Kind]:
        """The kinds whose change may change the answer about a subject that has not changed."""
        return frozenset(Kind(read.partition(".")[0]) for read in self.reads)


CHECKS: dict[str, Check] = {}


class BadCheck(Exception):
    """A check was declared without something every check must have."""


def check(
    *,
    id: str,
    title: str,
    severity: Severity,
    statements: tuple[str, ...],
    why: str,
    fix: dict[Platform, str],
    remedy: Mapping[Platform, Remedy | tuple[Remedy, ...]],
    facts: tuple[str, ...],
    reads: tuple[str, ...] = (),
    params: type[Parameters] = NoParams,
    controls: tuple[str, ...] = (),
    aliases: tuple[str, ...] = (),
) -> Callable[[Callable[..., Iterator[Violation]]], Callable[..., Iterator[Violation]]]:
    """Register a check under its permanent id, or raise BadCheck."""

    def register(
        function: Callable[..., Iterator[Violation]],
    ) -> Callable[..., Iterator[Violation]]:
        if not (why.strip() and fix and statements and title.strip()):
            raise BadCheck(f"{id}: why, fix, statements and title are required")
        if not isinstance(severity, Severity):
            raise BadCheck(f"{id}: severity is required")
        _refuse_taken((id, *aliases))
        signature = list(inspect.signature(function).parameters)
        subject = get_type_hints(function)[signature[0]]
        if subject not in KIND_OF:
            raise BadCheck(f"{id}: its first parameter must be a record")
        wants = frozenset(signature[1:])
        if not wants <= {"estate", "params", "now"}:
            raise BadCheck(f"{id}: it may take estate, params and now, not {sorted(wants)}")
        _refuse_unknown_fields(id, KIND_OF[subject], facts, reads)
        remedies = _remedies(id, KIND_OF[subject], fix, remedy)
        CHECKS[id] = Check(
            id=id,
            title=title,
            kind=KIND_OF[subject],
            severity=severity,
            statements=statements,
            why=why,
            fix=fix,
            remedies=remedies,
            run=function,
            params=params,
            wants=wants,
            facts=facts,
            reads=reads,
            controls=controls,
            aliases=aliases,
        )
        return function

    return register


def _refuse_taken(names: tuple[str, ...]) -> None:
    taken = {name for other in CHECKS.values() for name in (other.id, *other.aliases)}
    if taken & set(names):
        raise BadCheck(f"{names[0]}: declared twice")


def _refuse_unknown_fields(
    check_id: str, kind: Kind, facts: tuple[str, ...], reads: tuple[str, ...]
) -> None:
    if not facts:
        raise BadCheck(f"{check_id}: facts must name the fields of its subject that decide it")
    for name in (*(f"{kind.value}.{fact}" for fact in facts), *reads):
        other, _, field = name.partition(".")
        if other not in set(Kind) or field not in RECORD_OF[Kind(other)].__struct_fields__:
            raise BadCheck(f"{check_id}: there is no field {name}")


def _remedies(
    check_id: str,
    kind: Kind,
    fix: Mapping[Platform, str],
    declared: Mapping[Platform, Remedy | tuple[Remedy, ...]],
) -> dict[Platform, tuple[Remedy, ...]]:
    """The remedies of each platform in their order, or raise BadCheck."""
    remedies = {
        platform: (one,) if isinstance(one, Remedy) else one for platform, one in declared.items()
    }
    if set(remedies) != set(fix):
        raise BadCheck(f"{check_id}: a remedy is required for each platform it has a fix for")
    for platform, several in remedies.items():
        for fault in faults(several, kind):
            raise BadCheck(f"{check_id}: {platform.value}: {fault}")
    return remedies


__all__ = [
    "CHECKS",
    "OTHERS",
    "BadCheck",
    "Blank",
    "Check",
    "Cluster",
    "Datastore",
    "Deviation",
    "Estate",
    "FactMissing",
    "Grant",
    "History",
    "Host",
    "Image",
    "Kind",
    "Network",
    "NoParams",
    "NotApplicable",
    "Outcome",
    "Parameters",
    "Platform",
    "PlatformSettings",
    "PowerState",
    "Principal",
    "Remedy",
    "Role",
    "Severity",
    "Switch",
    "Value",
    "Violation",
    "VirtualMachine",
    "check",
    "key_of",
    "known",
    "not_applicable",
]
