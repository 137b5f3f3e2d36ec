"""What the product answers about a moment, held against what the script knows of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from django.test import Client
from django.urls import reverse

from accounts.models import User
from inventory.chronicle import lineage, observed, questions, windows
from inventory.models import Asset, MacHolding, Source, Stay
from tests.week import rights
from tests.week.record import BLINK, FOLDERS, Look, Machine, Truth


class Asking:
    """Somebody who sees the whole estate, and asks."""

    def __init__(self, person: User) -> None:
        self.person = person
        self._client = Client()
        self._client.force_login(person)
        self._assets = {asset.uid: asset for asset in Asset.objects.filter(kind="vm")}

    def read(self, address: str, **query: Any) -> Any:
        answer = self._client.get(f"/api/v1/{address}", query)
        assert answer.status_code == 200, (address, query, answer.content)
        return answer.json()

    def page(self, name: str, *args: Any, **query: Any) -> str:
        answer = self._client.get(reverse(name, args=args), query)
        assert answer.status_code == 200, name
        return str(answer.content.decode())

    def listed(self, kind: str, moment: datetime) -> dict[str, Any]:
        """The assets of a kind as of a moment, by uid; all on one page."""
        found = self.read("assets/", kind=kind, as_of=moment.isoformat(), page_size=200)
        assert found["next"] is None
        return {one["uid"]: one for one in found["results"]}

    # --- events: exact to the moment --------------------------------------------------------------

    def places(self, truth: Truth, moment: datetime) -> None:
        """Where each machine was and whether it ran."""
        found = [
            (stay.vm.uid, stay.place.name if stay.place else None, stay.is_running)
            for stay in Stay.objects.filter(place_kind="host").at(moment).with_places()
        ]
        true = [(uid, one.host, one.is_running) for uid, one in truth.machines.items()]
        assert len(found) == len(set(found)), moment
        assert set(found) == set(true), moment

    def neighbours(self, truth: Truth, moment: datetime) -> None:
        """Who ran on the same host as some machine."""
        uid = sorted(truth.machines)[len(truth.machines) // 2]
        here, window = truth.machines[uid], windows.Window(moment, moment + BLINK)
        vm = self._assets[uid]
        now = datetime.now(UTC)
        found = questions.neighbours(vm, self.person, window=window, place="host", now=now)
        beside = {
            other
            for other, one in truth.machines.items()
            if other != uid and one.host == here.host and one.is_running and here.is_running
        }
        assert {one.vm.uid for one in found.rows} == beside, (uid, moment)

    def addresses(self, truth: Truth, last: Look, moment: datetime) -> None:
        """Who may have had an address includes who had it; who surely had it did. Which card of a
        machine an event means is only known once a collection has found the machine.
        """
        truly = {(mac, uid) for uid, one in truth.machines.items() for mac in one.macs}
        found = {(mac, uid) for mac, uid in truly if uid in last.truth.machines}
        held = list(MacHolding.objects.at(moment).select_related("vm").defer("vm__record"))
        possibly = {(one.mac, one.vm.uid) for one in held}
        surely = {
            (one.mac, one.vm.uid)
            for one in held
            if one.valid_from <= moment and (one.sure_until is None or one.sure_until > moment)
        }
        assert found <= possibly, moment
        assert surely <= truly, moment

    # --- collections: as the last one saw it ------------------------------------------------------

    def inventory(self, looks: list[Look], moment: datetime) -> None:
        """Which machines, hosts and images there were and what they were, as far as it was known.

        What the last collection did not find any more is listed once, as missing since then.
        """
        last, before = looks[0], looks[1] if len(looks) > 1 else looks[0]
        hosts = {one["ref"]: one["name"] for one in self.listed("host", moment).values()}
        assert sorted(hosts.values()) == ["DC0_C0_H0", "DC0_C0_H1", "DC0_C0_H2"]
        machines, images = self.listed("vm", moment), self.listed("image", moment)
        images = {uid: one for uid, one in images.items() if "library_ref" not in one["record"]}
        assert set(machines) == {*last.truth.machines, *before.truth.machines}, moment
        assert set(images) == {*last.truth.images, *before.truth.images}, moment
        for found, true in ((machines, last.truth.machines), (images, last.truth.images)):
            missing = {uid for uid, one in found.items() if one["missing_since"] is not None}
            assert missing == set(found) - set(true), moment
        for uid, name in last.truth.images.items():
            assert images[uid]["name"] == name, moment
        for uid, machine in last.truth.machines.items():
            assert _told(machines[uid], hosts) == _facts(machine), (uid, moment)

    def access(self, last: Look, moment: datetime) -> None:
        """Who may do what with some machine, and by which way."""
        uid = sorted(last.truth.machines)[moment.microsecond % len(last.truth.machines)]
        address = f"assets/{self._assets[uid].pk}/access/"
        answer = self.read(address, as_of=moment.isoformat())
        assert answer["whole"], (answer, moment)
        found = {
            holder["name"]: frozenset(
                rights.Way(
                    role=way["role"],
                    on=way["on"],
                    groups=tuple(way["groups"]),
                    duties=frozenset(way["duties"]),
                )
                for way in holder["ways"]
            )
            for holder in answer["holders"]
        }
        assert found == rights.may(last.truth, uid), (uid, moment)

    def origins(self, origins: dict[str, str]) -> None:
        """Each clone that was ever collected knows what it was made from, and its siblings."""
        for uid, origin in origins.items():
            vm = self._assets.get(uid)
            if vm is None:
                continue
            trace = lineage.Trace(vm, self.person)
            told = trace.lineage()
            [first, *others] = lineage.relatives(vm, told, self.person, trace.items)
            assert first.is_origin
            assert first.vm is not None
            assert first.vm.uid == origin
            siblings = {one.vm.uid for one in others if one.vm is not None and one.vm.kind == "vm"}
            assert siblings == set(self._assets) & set(origins) - {uid}

    def items(self, items: dict[str, str]) -> None:
        """Each machine of an item that was ever collected knows the item, and its siblings."""
        there = {uid: item for uid, item in items.items() if uid in self._assets}
        for uid, item in there.items():
            trace = lineage.Trace(self._assets[uid], self.person)
            told = trace.lineage()
            assert [(one.known_by, one.name) for one in told.origins] == [("name", item)], uid
            found = lineage.relatives(self._assets[uid], told, self.person, trace.items)
            siblings = {one.vm.uid for one in found if one.vm is not None and not one.is_origin}
            assert siblings == {one for one, same in there.items() if same == item} - {uid}


class Seen(msgspec.Struct, frozen=True):
    """What is said of a moment: surely, and surely or possibly. While blind nothing is sure."""

    moment: datetime
    is_blind: bool
    places: list[Stay]
    addresses: list[MacHolding]

    @classmethod
    def at(cls, moment: datetime, source: Source) -> Seen:
        window = windows.Window(moment, moment + BLINK)
        return cls(
            moment,
            bool(observed.blind([source.pk], window)),
            list(Stay.objects.filter(place_kind="host").at(moment).with_places()),
            list(MacHolding.objects.at(moment).select_related("vm").defer("vm__record")),
        )

    def is_sure(self, one: Stay | MacHolding) -> bool:
        goes_on = one.sure_until is None or one.sure_until > self.moment
        return not self.is_blind and one.valid_from <= self.moment and goes_on

    def claims_nothing_false(self, truth: Truth) -> None:
        for one in filter(self.is_sure, self.places):
            true = truth.machines[one.vm.uid]
            assert one.place is not None
            assert one.place.name == true.host, (one.vm.uid, self.moment)
            assert one.is_running in (true.is_running, None), (one.vm.uid, self.moment)
        for held in filter(self.is_sure, self.addresses):
            assert held.mac in truth.machines[held.vm.uid].macs, (held.vm.uid, self.moment)

    def leaves_nothing_out(self, truth: Truth, last: Look) -> None:
        places = [
            (one.vm.uid, one.place.name if one.place else "", one.is_running) for one in self.places
        ]
        addresses = {(one.vm.uid, one.mac) for one in self.addresses}
        for uid, machine in truth.machines.items():
            if uid not in last.truth.machines:
                continue
            said = [running for vm, host, running in places if (vm, host) == (uid, machine.host)]
            assert set(said) & {machine.is_running, None}, (uid, self.moment)
            assert {(uid, mac) for mac in machine.macs} <= addresses, (uid, self.moment)


def _facts(machine: Machine) -> dict[str, Any]:
    return {
        "name": machine.name,
        "host": machine.host,
        "power_state": "on" if machine.is_running else "off",
        "folder": FOLDERS[machine.folder],
        "memory_mib": machine.memory_mib,
        "macs": machine.macs,
        "snapshots": machine.snapshots,
    }


def _told(found: dict[str, Any], hosts: dict[str, str]) -> dict[str, Any]:
    record = found["record"]
    return {
        "name": found["name"],
        "host": hosts[record["host_ref"]],
        "power_state": found["power_state"],
        "folder": record["folder"],
        "memory_mib": record["memory_mib"],
        "macs": [nic["mac"] for nic in record["nics"]],
        "snapshots": [(one.get("depth", 0), one["name"]) for one in record["snapshots"]],
    }
