"""The main job: a vCenter becomes findings, and others' changes are seen at the next sync."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pyVim import connect as pyvim_connect
from pyVmomi import vim as pyvmomi_vim

from findings.models import Finding
from inventory.models import Asset, Source, SyncRun
from inventory.records import Kind
from tests.peers.vcsim import Vcsim, start_vcsim

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

# VMware's library makes its types at run time; what it ships for checkers lacks half of them.
vim: Any = pyvmomi_vim
pyvim: Any = pyvim_connect

MAPPING = ("classification=Classification", "owner=Owner", "criticality=Criticality")


@pytest.fixture
def vcsim() -> Iterator[Vcsim]:
    with start_vcsim(cluster=2, host=4, standalone_host=1, vm=67, pg=2, ds=2) as running:
        yield running


@pytest.fixture
def source(vcsim: Vcsim, tmp_path: Path) -> Source:
    password = tmp_path / "password"
    password.write_text(vcsim.password + "\n")
    call_command(
        "source",
        "add",
        "vsphere",
        *("--name", "vc-test"),
        *("--url", vcsim.url),
        *("--username", vcsim.username),
        *("--password-file", str(password)),
        *("--pin-file", str(vcsim.cert_pem)),
        *(part for entry in MAPPING for part in ("--map", entry)),
    )
    return Source.objects.get(name="vc-test")


@contextmanager
def another_client(vcsim: Vcsim) -> Iterator[Any]:
    """Somebody else, with VMware's own library."""
    context = ssl.create_default_context(cafile=str(vcsim.cert_pem))
    context.check_hostname = False
    instance = pyvim.SmartConnect(
        host=vcsim.host,
        port=vcsim.port,
        user=vcsim.username,
        pwd=vcsim.password,
        sslContext=context,
    )
    try:
        yield instance
    finally:
        pyvim.Disconnect(instance)


def finished(task: Any) -> None:
    deadline = time.monotonic() + 30
    while task.info.state in ("queued", "running"):
        assert time.monotonic() < deadline, "the simulator did not finish a task"
        time.sleep(0.05)
    assert task.info.state == "success", task.info.error


def everything(instance: Any, kind: type[Any]) -> list[Any]:
    view = instance.content.viewManager.CreateContainerView(
        instance.content.rootFolder, [kind], True
    )
    found = list(view.view)
    view.DestroyView()
    return found


def sync() -> SyncRun:
    call_command("sync", "vc-test")
    return SyncRun.objects.latest("id")


def present(kind: Kind) -> int:
    return Asset.objects.filter(kind=kind, gone_at__isnull=True).count()


def open_on(name: str) -> set[str]:
    return set(
        Finding.objects.filter(asset__name=name, state="open").values_list("check_id", flat=True)
    )


def test_the_counts_per_kind_equal_what_vmwares_own_library_counts(
    vcsim: Vcsim, source: Source
) -> None:
    run = sync()

    assert run.state == SyncRun.State.COMPLETE
    with another_client(vcsim) as instance:
        access = instance.content.authorizationManager
        expected = {
            Kind.VM: len(everything(instance, vim.VirtualMachine)),
            Kind.HOST: len(everything(instance, vim.HostSystem)),
            Kind.CLUSTER: len(everything(instance, vim.ClusterComputeResource)),
            Kind.NETWORK: len(everything(instance, vim.Network)),
            Kind.SWITCH: len(everything(instance, vim.DistributedVirtualSwitch)),
            Kind.DATASTORE: len(everything(instance, vim.Datastore)),
            Kind.ROLE: len(access.roleList),
            Kind.GRANT: len(access.RetrieveAllPermissions()),
            Kind.PLATFORM: 1,
        }
    assert {kind: present(kind) for kind in expected} == expected
    assert expected[Kind.VM] >= 200
    assert vcsim.sessions() == 0


def test_what_another_client_changes_opens_and_resolves_the_right_findings(
    vcsim: Vcsim, source: Source
) -> None:
    with another_client(vcsim) as instance:
        machines = sorted(everything(instance, vim.VirtualMachine), key=lambda vm: vm.name)
        stopped, kept, named = ((vm, vm.name) for vm in machines[:3])
        fields = {
            field: instance.content.customFieldsManager.AddFieldDefinition(
                field, vim.VirtualMachine
            ).key
            for field in ("Classification", "Owner", "Criticality")
        }
        instance.content.customFieldsManager.SetField(kept[0], fields["Criticality"], "critical")
        host = everything(instance, vim.HostSystem)[0]
        host_name = host.name
        log_to(host, "")
        sync()
        assert "vm-classified" in open_on(named[1])
        assert "vm-recovery-point" in open_on(kept[1])
        assert "host-log-host" in open_on(host_name)

        for field, value in zip(fields, ("internal", "Ida", "low"), strict=True):
            instance.content.customFieldsManager.SetField(named[0], fields[field], value)
        finished(stopped[0].PowerOff())
        finished(kept[0].CreateSnapshot("before the change", "", False, False))
        log_to(host, "ssl://siem.example.org:6514")
        grant_admin_at_the_root(instance, "EXAMPLE\\contractor")

    run = sync()

    assert run.state == SyncRun.State.COMPLETE
    assert "vm-classified" not in open_on(named[1])
    assert "vm-recovery-point" not in open_on(kept[1])
    assert "host-log-host" not in open_on(host_name)
    grants = Asset.objects.filter(kind=Kind.GRANT, name__contains="contractor")
    assert "grant-direct-user" in open_on(grants.get().name)
    off = Asset.objects.get(kind=Kind.VM, name=stopped[1])
    assert (off.power_state, off.power_since) == ("off", run.published_at)
    assert run.outcomes["resolved"] >= 3
    assert run.outcomes["opened"] >= 1


def log_to(host: Any, target: str) -> None:
    option = vim.OptionValue(key="Syslog.global.logHost", value=target)
    host.configManager.advancedOption.UpdateOptions([option])


def grant_admin_at_the_root(instance: Any, principal: str) -> None:
    access = instance.content.authorizationManager
    role = next(role for role in access.roleList if role.name == "Admin")
    permission = vim.Permission(
        principal=principal, group=False, roleId=role.roleId, propagate=True
    )
    access.SetEntityPermissions(instance.content.rootFolder, [permission])


def test_a_destroyed_machine_is_missing_once_and_retired_by_the_second_sync(
    vcsim: Vcsim, source: Source
) -> None:
    sync()
    before = present(Kind.VM)
    with another_client(vcsim) as instance:
        victim = sorted(everything(instance, vim.VirtualMachine), key=lambda vm: vm.name)[0]
        name = victim.name
        finished(victim.PowerOff())
        finished(victim.Destroy())

    sync()
    missing = Asset.objects.get(kind=Kind.VM, name=name)
    sync()
    gone = Asset.objects.get(kind=Kind.VM, name=name)

    assert missing.missing_since is not None
    assert missing.gone_at is None
    assert gone.gone_at is not None
    assert present(Kind.VM) == before - 1
    left = Finding.objects.filter(asset=gone)
    assert left
    assert {finding.resolution for finding in left} <= {"asset_gone", "fixed", "not_applicable"}


def test_a_wrong_password_is_a_sentence_and_changes_nothing(
    vcsim: Vcsim, source: Source, tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not the password\n")

    with pytest.raises(CommandError, match="password"):
        call_command(
            "source",
            "add",
            "vsphere",
            *("--name", "other"),
            *("--url", vcsim.url),
            *("--username", vcsim.username),
            *("--password-file", str(wrong)),
            *("--pin-file", str(vcsim.cert_pem)),
        )

    assert not Source.objects.filter(name="other").exists()
