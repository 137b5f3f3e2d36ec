"""What is asked by calls: answered by the simulator, refused by it, and spoilt on the way."""

from collections.abc import Iterator
from typing import Any

import pytest

from inventory.connectors.base import BlindSpot, Doubt, Item
from inventory.connectors.vsphere.asking import Asking, Subject
from inventory.connectors.vsphere.failures import TransportLost
from inventory.connectors.vsphere.questions import ask_ports
from inventory.connectors.vsphere.xml import Ref, SoapFault
from inventory.records import (
    Host,
    Kind,
    Network,
    PlatformSettings,
    PortOverride,
    SecurityPolicy,
    VirtualMachine,
)
from tests.inventory.connectors.vsphere.conftest import Build
from tests.inventory.connectors.vsphere.pages import a_property, a_text, an_estate, facts_of
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = pytest.mark.integration

LOCKDOWN, ACCEPTANCE = "QueryLockdownExceptions", "HostImageConfigGetAcceptance"
AWAY = {"type": "HostSystem", "match": {"name": "DC0_H0"}}
DENIED = {"_typeName": "NoPermission", "privilegeId": "Global.Settings"}


@pytest.fixture(scope="module")
def vcenter() -> Iterator[Vcsim]:
    hosts = {"type": "HostSystem", "name": "DC0_C0_H."}
    ops = [
        {"op": "host_lockdown", "host": hosts, "mode": "normal", "exceptions": ["svc-b", "svc-a"]},
        {"op": "host_acceptance", "host": hosts, "level": "community"},
    ]
    with start_vcsim(cluster=1, host=2, standalone_host=1, vm=2, scenario={"ops": ops}) as running:
        yield running


@pytest.fixture
def reader(vcenter: Vcsim, connector_to: Build) -> Iterator[Any]:
    """Collect as the account that may only read; faults are gone afterwards."""
    account = {"username": vcenter.readonly_username, "password": vcenter.readonly_password}
    yield lambda: list(connector_to(vcenter, **account).collect())
    vcenter.faults([])


def hosts_of(items: list[Item]) -> dict[str, Host]:
    return {item.name: item for item in items if isinstance(item, Host)}


def notes_of(items: list[Item]) -> list[BlindSpot | Doubt]:
    """But for members and sessions, which an account that may only read is never told."""
    notes = [item for item in items if isinstance(item, BlindSpot | Doubt)]
    never = {"members", "SessionManager.sessionList"}
    return [note for note in notes if getattr(note, "property", "") not in never]


def test_hosts_answer_what_they_are_asked(reader: Any) -> None:
    items = reader()

    found = hosts_of(items)
    assert found["DC0_C0_H0"].lockdown_exceptions == ("svc-a", "svc-b")
    assert found["DC0_C0_H0"].acceptance_level == "community"
    assert found["DC0_H0"].lockdown_exceptions == ()
    assert found["DC0_H0"].acceptance_level == "partner"
    assert notes_of(items) == []


def test_each_host_is_asked_twice_and_one_that_is_away_not_at_all(
    vcenter: Vcsim, reader: Any
) -> None:
    vcenter.apply(set=[{**AWAY, "values": {"runtime.connectionState": "notResponding"}}])
    vcenter.forget_calls()
    try:
        items = reader()
    finally:
        vcenter.apply(set=[{**AWAY, "values": {"runtime.connectionState": "connected"}}])

    assert vcenter.calls()[LOCKDOWN] == 2
    assert vcenter.calls()[ACCEPTANCE] == 2
    assert hosts_of(items)["DC0_H0"].lockdown_exceptions is None
    assert notes_of(items) == []


def test_a_refused_call_is_a_blind_spot_and_is_not_made_again_in_vain(
    vcenter: Vcsim, reader: Any
) -> None:
    vcenter.faults([{"method": LOCKDOWN, "fault": DENIED}])
    vcenter.forget_calls()

    items = reader()

    assert notes_of(items) == [
        BlindSpot(
            kind=Kind.HOST,
            property=LOCKDOWN,
            count=3,
            example=next(iter(hosts_of(items))),
            explanation="The account lacks the privilege Global.Settings.",
        )
    ]
    assert vcenter.calls()[LOCKDOWN] == 1
    assert {host.lockdown_exceptions for host in hosts_of(items).values()} == {None}
    assert hosts_of(items)["DC0_C0_H0"].acceptance_level == "community"


def test_a_refusal_where_the_privilege_is_held_concerns_that_host_alone(
    vcenter: Vcsim, reader: Any
) -> None:
    denied = {**DENIED, "privilegeId": "System.Read"}
    vcenter.faults([{"method": LOCKDOWN, "fault": denied, "max": 1}])

    items = reader()

    [note] = notes_of(items)
    assert isinstance(note, BlindSpot)
    assert note.count == 1
    unknown = [one.name for one in hosts_of(items).values() if one.lockdown_exceptions is None]
    assert unknown == [note.example]


def test_a_host_that_cannot_answer_is_a_blind_spot(vcenter: Vcsim, reader: Any) -> None:
    vcenter.faults([{"method": ACCEPTANCE, "fault": "HostCommunication", "max": 1}])

    [note] = notes_of(reader())

    assert isinstance(note, BlindSpot)
    assert (note.property, note.count) == (ACCEPTANCE, 1)
    assert "HostCommunication" in note.explanation


@pytest.mark.parametrize("fault", ["RuntimeFault", "ManagedObjectNotFound"])
def test_an_answer_nobody_expects_is_a_doubt_about_that_host_alone(
    vcenter: Vcsim, reader: Any, fault: str
) -> None:
    vcenter.faults([{"method": ACCEPTANCE, "fault": fault, "max": 1}])

    items = reader()

    [note] = notes_of(items)
    assert isinstance(note, Doubt)
    assert note.kind is Kind.HOST
    assert f"{ACCEPTANCE} for 1 objects ({fault})" in note.message
    assert [one.acceptance_level for one in hosts_of(items).values()].count(None) == 1


# --- alarms -------------------------------------------------------------------------------------


def platform_of(items: list[Item]) -> PlatformSettings:
    assert isinstance(items[0], PlatformSettings)
    return items[0]


def test_alarms_and_licences_are_told(vcenter: Vcsim, reader: Any) -> None:
    alarm = {"type": "Alarm", "match": {"ref": "alarm-11"}}
    vcenter.apply(set=[{**alarm, "values": {"info.enabled": False}}])
    try:
        platform = platform_of(reader())
    finally:
        vcenter.apply(set=[{**alarm, "values": {"info.enabled": True}}])

    told = {one.key: one for one in platform.alarms or ()}
    assert (told["alarm-11"].name, told["alarm-11"].enabled) == ("Host error", False)
    assert told["alarm-12"].when == ("GeneralVmErrorEvent", "GeneralVmWarningEvent")
    assert [(one.name, one.key) for one in platform.licences or ()] == [
        ("Evaluation Mode", "…-00000")
    ]


def test_alarms_that_are_refused_are_a_blind_spot(vcenter: Vcsim, reader: Any) -> None:
    vcenter.faults([{"method": "GetAlarm", "fault": {**DENIED, "privilegeId": "Alarm.Edit"}}])

    items = reader()

    assert platform_of(items).alarms is None
    [note] = notes_of(items)
    assert isinstance(note, BlindSpot)
    assert (note.kind, note.property) == (Kind.PLATFORM, "GetAlarm")
    assert note.explanation == "The account lacks the privilege Alarm.Edit."


@pytest.mark.parametrize("fault", ["RuntimeFault", "ManagedObjectNotFound"])
def test_alarms_that_do_not_arrive_are_a_doubt(vcenter: Vcsim, reader: Any, fault: str) -> None:
    vcenter.faults([{"method": "GetAlarm", "fault": fault}])

    items = reader()

    assert platform_of(items).alarms is None
    assert [type(note) for note in notes_of(items)] == [Doubt]


def test_one_alarm_that_is_withheld_makes_their_list_unknown(vcenter: Vcsim, reader: Any) -> None:
    alarm = {"type": "Alarm", "match": {"ref": "alarm-11"}}
    vcenter.apply(ops=[{"op": "withhold", **alarm, "paths": ["info"], "privilege": "Alarm.Edit"}])
    try:
        items = reader()
    finally:
        vcenter.apply(ops=[{"op": "disclose", **alarm}])

    assert platform_of(items).alarms is None
    assert [note.property for note in notes_of(items) if isinstance(note, BlindSpot)] == [
        "Alarm.info"
    ]


# --- ports --------------------------------------------------------------------------------------


def group_of(items: list[Item]) -> Network:
    [group] = [one for one in items if isinstance(one, Network) and one.name == "DC0_DVPG0"]
    return group


def test_ports_are_asked_only_where_one_may_go_its_own_way(vcenter: Vcsim, reader: Any) -> None:
    vcenter.forget_calls()

    group = group_of(reader())

    assert group.override_allowed is not None
    assert group.override_allowed["blocking"] is True
    assert group.port_overrides == ()
    assert "FetchDVPorts" not in vcenter.calls()


def test_a_port_that_goes_its_own_way_is_told(connector_to: Build) -> None:
    allowed = {"config.policy.securityPolicyOverrideAllowed": True}
    group = {"type": "DistributedVirtualPortgroup", "match": {"name": "DC0_DVPG0"}}
    own = {
        "op": "port_override",
        "portgroup": "DC0_DVPG0",
        "key": "7",
        "vm": "DC0_H0_VM0",
        "setting": {
            "securityPolicy": {
                "inherited": False,
                "allowPromiscuous": {"inherited": False, "value": True},
            }
        },
    }
    scenario = {"ops": [own], "set": [{**group, "values": allowed}]}
    with start_vcsim(cluster=1, host=1, vm=1, scenario=scenario) as vcenter:
        items = list(connector_to(vcenter).collect())
        [machine] = [
            one for one in items if isinstance(one, VirtualMachine) and one.name == "DC0_H0_VM0"
        ]

        assert group_of(items).port_overrides == (
            PortOverride(
                key="7",
                replaces=("security",),
                vm_ref=machine.ref,
                security=SecurityPolicy(promiscuous=True),
            ),
        )

        vcenter.faults([{"method": "FetchDVPorts", "fault": DENIED}])
        items = list(connector_to(vcenter).collect())

        assert group_of(items).port_overrides is None
        assert [note.property for note in notes_of(items) if isinstance(note, BlindSpot)] == [
            "FetchDVPorts"
        ]


# --- what the simulator does not do -------------------------------------------------------------


class Answering:
    """A session whose calls answer, or end with a fault."""

    def __init__(self, *answers: list[Any] | Exception) -> None:
        self.bulk = self
        self.dropped = 0
        self._answers = iter(answers)

    def drop_connections(self) -> None:
        self.dropped += 1

    def call(self, method: str, this: Ref, arguments: str) -> list[Any]:
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_who_answered_in_part_has_not_answered() -> None:
    switch, other = Ref("dvs-1"), Ref("dvs-2")
    session: Any = Answering(["a"], SoapFault("RuntimeFault", "", {}), ["b"], ["c"])
    asking = Asking(session, Kind.NETWORK, "FetchDVPorts")

    answers = asking.answers(
        [Subject(ref, str(ref), ref) for ref in (switch, switch, other, other)]
    )

    assert answers == {"dvs-2": ["b", "c"]}
    assert [type(note) for note in asking.notes] == [Doubt]


def hosts(count: int) -> list[Subject]:
    return [Subject(ref := Ref(f"host-{n}"), str(ref), ref) for n in range(count)]


def test_a_host_that_hangs_does_not_silence_the_others() -> None:
    session: Any = Answering(TransportLost("late", code="timeout"), ["partner"])
    asking = Asking(session, Kind.HOST, ACCEPTANCE)

    assert asking.answers(hosts(2)) == {"host-1": ["partner"]}
    assert [type(note) for note in asking.notes] == [Doubt]
    assert session.dropped == 1


def test_a_second_one_ends_the_asking() -> None:
    lost = TransportLost("late", code="timeout")
    session: Any = Answering(lost, ["partner"], lost)

    with pytest.raises(TransportLost):
        Asking(session, Kind.HOST, ACCEPTANCE).answers(hosts(4))


SWITCH = (
    "<propSet><name>config.distributedVirtualSwitch</name>"
    '<val type="VmwareDistributedVirtualSwitch" xsi:type="ManagedObjectReference">dvs-1</val>'
    "</propSet>"
)


def test_ports_are_asked_for_in_pieces_of_a_thousand() -> None:
    policy = "<vlanOverrideAllowed>true</vlanOverrideAllowed>"
    groups = [
        facts_of(
            a_text("key", f"dvportgroup-{number}"),
            a_property("config.policy", policy, "VMwareDVSPortgroupPolicy"),
            a_property("config.numPorts", str(ports), "xsd:int"),
            SWITCH,
            ref=f"dvportgroup-{number}",
            type_="DistributedVirtualPortgroup",
        )
        for number, ports in enumerate((600, 400, 1, 5000))
    ]
    own = {"vlan": {"inherited": "false"}}
    port = {"key": "7", "portgroupKey": "dvportgroup-2", "config": {"setting": own}}
    session: Any = Answering([], [port], [])
    estate = an_estate()

    assert list(ask_ports(session, estate, groups)) == []

    assert estate.port_overrides == {
        "dvportgroup-0": (),
        "dvportgroup-1": (),
        "dvportgroup-2": (PortOverride(key="7", replaces=("vlan",)),),
        "dvportgroup-3": (),
    }
    with pytest.raises(StopIteration):  # three calls and no more
        session.call("", switch := Ref("dvs-1"), switch)
