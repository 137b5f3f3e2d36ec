"""Every finding of every check can be mended by what its remedy says, whatever it is called."""

import re
import unicodedata
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.records import Platform
from policies.powershell import Unquotable, quoted
from policies.registry import all_checks, get
from policies.remedies import Filled, Task, deviation, remedy_for, script_for_many, templates
from policies.remedy import Blank, Place, Remedy, faults, powercli_id, standard_blanks
from policies.spec import OTHERS, Kind
from tests.policies.builders import a_grant, a_host, a_snapshot, a_vm
from tests.policies.powershell import shape, tokens
from tests.policies.remedying import Found, called, demo, flawed
from tests.policies.test_powershell import ANSI, names

CHECKS = pytest.mark.parametrize("check", all_checks(), ids=lambda check: check.id)
OSLO = Place(name="vc-oslo", address="vc-oslo.halden.example", attributes={"owner": "Owner"})
NOON = datetime(2026, 6, 11, 12, 0, tzinfo=UTC)
OPEN = re.compile("«[^»]*»")


def mended(found: Found, place: Place = OSLO) -> Filled:
    filled = remedy_for(
        found.check,
        found.record.platform,
        found.record,
        found.violation.key,
        found.violation.evidence,
        params=found.params,
        place=place,
        sentence=found.violation.message,
    )
    assert filled is not None
    return filled


def texts(filled: Filled) -> tuple[str, ...]:
    return (*filled.steps, filled.verify, filled.needs, filled.effect)


# --- declarations -----------------------------------------------------------------------------


@CHECKS
def test_a_check_says_how_it_is_mended_wherever_it_judges(check):
    assert set(check.remedies) == set(check.fix)
    for platform, several in check.remedies.items():
        assert not list(faults(several, check.kind)), platform


@CHECKS
def test_a_template_shows_every_blank(check):
    for platform in check.remedies:
        for template in templates(check, platform):
            assert "«" not in "".join(template.blanks)
            for text in texts(template):
                assert {one.strip("«»") for one in OPEN.findall(text)} <= set(template.blanks)
            tokens(template.commands or "")


@CHECKS
def test_a_script_changes_nothing_that_it_has_not_announced(check):
    """Each command that changes something is in the block of a Confirm-Change."""
    changing = re.compile(
        r"\b(?:Set|Remove|New|Add|Stop|Start|Update)-(?!Object\b)\w+|"
        r"\.(?:Reconfig\w*|Update\w+|Change\w+|Consolidate\w+|Deselect\w+|Set\w+Permissions|"
        r"SetField|RemoveEntityPermission)\("
    )
    for several in check.remedies.values():
        for remedy in several:
            depth, guarded_at = 0, None
            for line in (remedy.script or "").splitlines():
                before, guard, _ = line.partition("Confirm-Change")
                if changing.search(before):
                    assert guarded_at is not None, line
                if guard and guarded_at is None:
                    guarded_at = depth
                depth += line.count("{") - line.count("}")
                if guarded_at is not None and depth <= guarded_at and not guard:
                    guarded_at = None


# What the cmdlets of the scripts are called and may be told, as their documentation has it.
CMDLETS = {
    "Add-VMHostNtpServer": {"VMHost", "NtpServer"},
    "Get-AdvancedSetting": {"Entity", "Server"},
    "Get-CDDrive": {"VM", "Server"},
    "Get-HardDisk": {"VM", "Server"},
    "Get-NetworkAdapter": {"VM", "Server"},
    "Get-SecurityPolicy": set(),
    "Get-Snapshot": {"VM", "Server"},
    "Get-SpbmStoragePolicy": {"Server"},
    "Get-Template": {"Server", "Id"},
    "Get-VDPortgroup": {"Server", "Id"},
    "Get-VDSecurityPolicy": set(),
    "Get-VDSwitch": {"Server", "Id"},
    "Get-VM": {"Server", "Id"},
    "Get-VMHost": {"Server", "Id"},
    "Get-VMHostFirewallDefaultPolicy": {"VMHost", "Server"},
    "Get-VMHostFirewallException": {"VMHost", "Server", "Name"},
    "Get-VMHostNtpServer": {"VMHost", "Server"},
    "Get-VMHostService": {"VMHost", "Server"},
    "Get-View": {"Server", "Id"},
    "Get-VirtualPortGroup": {"VMHost", "Server", "Standard"},
    "New-Object": set(),
    "New-Snapshot": {"VM", "Name", "Description", "Quiesce"},
    "Remove-AdvancedSetting": {"AdvancedSetting"},
    "Remove-Snapshot": {"Snapshot"},
    "Remove-VMHostNtpServer": {"VMHost", "NtpServer"},
    "Select-Object": {"First"},
    "Set-AdvancedSetting": {"AdvancedSetting", "Value"},
    "Set-CDDrive": {"CD", "NoMedia"},
    "Set-HardDisk": {"HardDisk", "Persistence"},
    "Set-NetworkAdapter": {"StartConnected"},
    "Set-SecurityPolicy": {
        "VirtualPortGroupPolicy",
        "AllowPromiscuous",
        "MacChanges",
        "ForgedTransmits",
    },
    "Set-SpbmEntityConfiguration": {"Configuration", "StoragePolicy"},
    "Set-Template": {"Template", "ToVM"},
    "Set-VDSecurityPolicy": {"Policy"},
    "Set-VDVlanConfiguration": {"VDPortgroup", "VlanId"},
    "Set-VM": {"VM", "HardwareVersion"},
    "Set-VMHostFirewallDefaultPolicy": {"Policy", "AllowIncoming"},
    "Set-VMHostFirewallException": {"Exception", "Enabled"},
    "Set-VMHostService": {"HostService", "Policy"},
    "Set-VirtualPortGroup": {"VirtualPortGroup", "VLanId"},
    "Sort-Object": set(),
    "Start-VMHostService": {"HostService"},
    "Stop-VMHostService": {"HostService"},
    "Update-Tools": {"VM", "NoReboot"},
    "Where-Object": set(),
    "Write-Host": set(),
    "Write-Warning": set(),
    "Confirm-Change": set(),
}
COMMAND = re.compile(r"^[A-Z]\w*-[A-Z]\w*$")
OPTION = re.compile(r"^-([A-Z]\w*)$")


@CHECKS
def test_a_script_uses_cmdlets_that_exist_with_options_that_they_have(check):
    for several in check.remedies.values():
        for remedy in several:
            cmdlet = ""
            for token in tokens((remedy.script or "").replace("`\n", " ")):
                if token.kind == "break" or token.text in ("|", "{", "}"):
                    cmdlet = ""
                elif token.kind == "word" and COMMAND.match(token.text):
                    cmdlet = token.text
                    assert cmdlet in CMDLETS
                elif token.kind == "word" and (option := OPTION.match(token.text)):
                    assert option[1] in CMDLETS[cmdlet], f"{cmdlet} {token.text}"


GOOD = Remedy(
    steps=("Look at «name».",),
    script="Get-VM -Server $server -Id $id",
    verify="It is done.",
    needs="Nothing.",
    effect="Nothing.",
)


@pytest.mark.parametrize(
    "fault",
    [
        {"steps": ()},
        {"steps": ("Look at «no_such_blank».",)},
        {"verify": " "},
        {"needs": ""},
        {"effect": ""},
        {"script": None},
        {"because": "there is one"},
        {"script": "Get-VM '«name»'"},
        {"script": "$id = 5"},
        {"script": "$server = 5"},
        {"script": "$host = Get-VMHost -Id $id"},
        {"blanks": {"unused": Blank("not used")}},
        {"blanks": {"name": Blank("it's a name")}},
        {"fits": lambda found: True},
    ],
)
def test_a_remedy_that_lacks_something_is_refused(fault: dict[str, Any]):
    assert not list(faults((GOOD,), Kind.VM))
    assert list(faults((msgspec.structs.replace(GOOD, **fault),), Kind.VM))


def test_a_case_before_the_last_says_when_it_fits():
    assert list(faults((GOOD, GOOD), Kind.VM))
    first = msgspec.structs.replace(GOOD, when="it is old", fits=lambda found: True)
    assert not list(faults((first, GOOD), Kind.VM))
    assert list(faults((), Kind.VM))


def test_every_kind_knows_its_asset():
    for kind in Kind:
        assert standard_blanks(kind)


# --- findings ---------------------------------------------------------------------------------


@CHECKS
def test_the_flawed_estate_has_a_finding_to_mend(check):
    assert [found for found in flawed() if found.check is check]


@pytest.mark.parametrize("estate", [flawed, demo], ids=["flawed", "demo"])
def test_every_finding_is_mended_with_its_own_names(estate):
    for found in estate():
        filled = mended(found)

        for text in texts(filled):
            assert {one.strip("«»") for one in OPEN.findall(text)} <= set(filled.blanks), found
            assert "None" not in text, found
            assert "[]" not in text, found
        assert (filled.script is None) == bool(filled.because), found
        if filled.script is not None:
            tokens(filled.script)
            assert not re.search(r"\$\w+ = ''$", filled.script, re.MULTILINE), found
            left = {one.strip("«»") for one in _open_literals(filled.script)}
            assert left <= set(filled.blanks), found


def _open_literals(script: str) -> list[str]:
    literals = [token.text for token in tokens(script) if token.kind == "literal"]
    return [text for text in literals if OPEN.fullmatch(text)]


def test_the_object_of_every_script_is_named_by_its_id():
    for found in (*flawed(), *demo()):
        filled = mended(found)
        if filled.script is not None and found.check.kind is not Kind.PLATFORM:
            assert re.search(r"\$(?:id|entity_id) = '[A-Za-z]+-[\w.:-]+'", filled.script), found


def test_what_is_left_blank_is_what_only_people_know():
    """The demo's findings carry all that a script needs, but for decisions."""
    left = {blank for found in demo() for blank in mended(found).blanks}

    assert left <= {
        "VLAN id of these machines, 1 to 4094",
        "classification or criticality of the machine",
        "custom attribute",
        "day",
        "group, as the vCenter writes it",
        "log server, as ssl://log.example:6514",
        "managed object id of the folder, as Folder-group-v12",
        "name of the encryption storage policy",
        "owner",
    }


def test_a_snapshot_is_deleted_by_its_id_on_the_right_vcenter():
    vm = a_vm("db-pay-02", ref="vm-112", snapshots=(a_snapshot(uid="snapshot-9"),))

    filled = remedy_for(
        get("vm-snapshot-age"),
        Platform.VSPHERE,
        vm,
        "snapshot-9",
        {"snapshot": "before update", "created_at": "2026-04-01T02:00:00+00:00"},
        place=OSLO,
        sentence="Snapshot “before update” of db-pay-02 is 66 days old.",
    )

    assert filled is not None
    assert filled.blanks == ()
    assert filled.steps[2] == (
        "Select the snapshot “before update” of 2026-04-01 02:00 UTC > Delete."
    )
    assert filled.script is not None
    assert "Connect-VIServer -Server 'vc-oslo.halden.example'" in filled.script
    assert "$id = 'VirtualMachine-vm-112'" in filled.script
    assert "$snapshot_id = 'VirtualMachineSnapshot-snapshot-9'" in filled.script
    assert "before update" in filled.script.splitlines()[0]


def test_an_expected_value_is_what_the_check_is_set_to():
    check = get("host-account-lockout")
    host = a_host("esx-01", ref="host-1")

    def script(params: msgspec.Struct | None) -> str:
        filled = remedy_for(check, Platform.VSPHERE, host, "failures", {}, params=params)
        assert filled is not None
        return filled.commands or ""

    assert "$value = 5" in script(check.params())
    assert "$value = 3" in script(msgspec.convert({"max_failures": 3}, check.params))
    assert "$value = '«value that the policy allows»'  # fill this in" in script(None)


def test_a_blank_stops_the_script():
    filled = remedy_for(get("vm-owner"), Platform.VSPHERE, a_vm(), "", {}, place=OSLO)

    assert filled is not None
    assert filled.blanks == ("owner",)
    assert "$attribute = 'Owner'" in (filled.commands or "")
    assert "Assert-Filled $value\n" in (filled.commands or "")


@pytest.mark.parametrize("empty", ["", "  ", None, [], {}, True, 1.5])
def test_an_empty_fact_is_a_blank(empty: Any):
    evidence = {"snapshot": empty, "created_at": "2026-04-01T00:00:00+00:00"}

    filled = remedy_for(get("vm-snapshot-age"), Platform.VSPHERE, a_vm(), "snapshot-9", evidence)

    assert filled is not None
    assert filled.blanks == ("name of the snapshot", "address of the vCenter")
    assert "the snapshot “«name of the snapshot»” of 2026-04-01" in filled.steps[2]


def test_what_the_evidence_says_about_others_is_left_out():
    evidence = {"mac": "00:50:56:00:00:01", OTHERS: ["secret-of-another-team"]}
    check = get("vm-duplicate-mac")

    filled = remedy_for(check, Platform.VSPHERE, a_vm(), "00:50:56:00:00:01", evidence)

    assert OTHERS not in deviation(a_vm(), "", evidence).evidence
    assert "secret" not in str(filled)


def test_the_digest_of_a_long_key_is_not_taken_for_the_key():
    check = get("host-session-timeout")

    filled = remedy_for(check, Platform.VSPHERE, a_host(), "sha256:0123", {}, params=check.params())

    assert filled is not None
    assert "advanced setting" in filled.blanks
    assert "sha256" not in str(filled)


def test_a_platform_without_a_remedy_has_none():
    assert remedy_for(get("vm-owner"), Platform.KVM, a_vm(), "", {}) is None


def test_an_id_that_is_none_is_not_guessed():
    assert powercli_id("VirtualMachine", "vm-1") == "VirtualMachine-vm-1"
    for type, ref in [
        ("VirtualMachine", None),
        ("", "vm-1"),
        ("VM", "vm-*"),
        ("a b", "c"),
    ]:
        assert powercli_id(type, ref) is None


# --- hostile names ----------------------------------------------------------------------------

ALIKE = ("x", "x1", "it is", "å", "\u202e", " ", "\u00a0", "\n")


def alike(name: str) -> str:
    """A harmless name that is written in the same way."""
    return next(one for one in ALIKE if _written(one) == _written(name))


def _written(name: str) -> tuple[object, ...]:
    try:
        how = "refused" if quoted(f"{name}, {name}, {name}") is None else str(name.isascii())
    except Unquotable:
        how = "refused"
    ids = powercli_id("A", name), powercli_id(name, "b")
    return bool(name.strip()), how, *(one is not None for one in ids)


@settings(deadline=None, max_examples=25)
@given(names)
def test_no_name_changes_what_a_script_does(name: str):
    for found in flawed():
        script = mended(called(found, name)).script
        harmless = mended(called(found, alike(name))).script
        if script is None or harmless is None:
            assert script == harmless, found
            continue
        assert shape(script) == shape(harmless), found


@settings(deadline=None, max_examples=10)
@given(names)
def test_no_name_changes_what_a_script_for_many_does(name: str):
    def written(word: str) -> str:
        tasks = [
            Task(
                check=each.check,
                platform=each.record.platform,
                found=deviation(
                    each.record,
                    each.violation.key,
                    each.violation.evidence,
                    params=each.params,
                    place=Place(name=word, address=word),
                ),
                sentence=word,
            )
            for each in (called(one, word) for one in flawed())
        ]
        return script_for_many(tasks, title=word, asked_by=word, asked_at=NOON)

    hostile, harmless = written(name), written(alike(name))
    assert shape(hostile) == shape(harmless)
    for page in ANSI:
        assert shape(hostile.encode("utf-8", "replace").decode(page, "replace")) == shape(hostile)


@settings(deadline=None, max_examples=25)
@given(names)
def test_a_step_is_one_line_that_hides_nothing(name: str):
    for found in flawed():
        for text in texts(mended(called(found, name))):
            assert not [
                one
                for one in text
                if unicodedata.category(one) in ("Cc", "Cf", "Zl", "Zp")
                and one not in "\u200c\u200d"
            ], found


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@settings(deadline=None, max_examples=40)
@given(json_values, st.text(max_size=10))
def test_evidence_of_another_release_spoils_no_page(value: Any, key: str):
    for found in flawed():
        odd = msgspec.structs.replace(
            found.violation, key=key, evidence=dict.fromkeys(found.violation.evidence, value)
        )
        filled = mended(found._replace(violation=odd))

        tokens(filled.script or "")
        assert "None" not in "".join(texts(filled)) or "None" in str(value), found


# --- a script for many ------------------------------------------------------------------------


def tasks(*wanted: tuple[str, Any, str, dict[str, Any], Place]) -> list[Task]:
    return [
        Task(
            check=get(check),
            platform=Platform.VSPHERE,
            found=deviation(record, key, evidence, params=get(check).params(), place=place),
            sentence=f"{record.name} is not as it should be.",
        )
        for check, record, key, evidence, place in wanted
    ]


def test_a_script_for_many_goes_source_by_source_and_says_who_asked():
    bergen = Place(name="vc-bergen", address="vc-bergen.halden.example", port=8443)
    script = script_for_many(
        tasks(
            ("host-mob-disabled", a_host("esx-01", ref="host-1"), "", {}, OSLO),
            ("host-mob-disabled", a_host("esx-90", ref="host-9"), "", {}, bergen),
            ("host-mob-disabled", a_host("esx-02", ref="host-2"), "", {}, OSLO),
        ),
        title="Debugging doors",
        asked_by="Kari Amundsen",
        asked_at=NOON,
    )

    tokens(script)
    assert script.startswith("# vmgov: Debugging doors\n# Asked for by Kari Amundsen at 2026-06-11")
    assert "never runs it" in script
    assert script.count("Connect-VIServer") == 2
    assert "-Server 'vc-bergen.halden.example' -Port 8443" in script
    order = [script.index(f"host-{one}'") for one in (9, 1, 2)]
    assert order == sorted(order)
    assert "# --- 3 of 3: esx-02 is not as it should be." in script
    assert script.count("$change = $false") == 1


def test_what_no_script_can_do_is_listed_at_the_end():
    script = script_for_many(
        tasks(
            ("vm-powered-off-too-long", a_vm("old-01"), "", {"since": "2026-01-01"}, OSLO),
            ("host-mob-disabled", a_host("esx-01"), "", {}, OSLO),
        ),
        title="Mixed",
        asked_by="Kari",
        asked_at=NOON,
    )

    assert "# 1 of 2 findings are in the script" in script
    assert "# --- 1, by hand: old-01 is not as it should be." in script
    assert "# Why there is no script: whether the machine is deleted" in script
    assert script.index("by hand") > script.index("Set-AdvancedSetting")


def test_a_script_of_nothing_but_handwork_has_no_commands():
    script = script_for_many(
        tasks(("vm-powered-off-too-long", a_vm("old-01"), "", {}, OSLO)),
        title="By hand",
        asked_by="Kari",
        asked_at=NOON,
    )

    assert all(line.startswith("# ") for line in script.splitlines())


def test_a_grant_is_found_by_principal_role_and_object():
    grant = a_grant(r"HALDEN\ext-nordkraft", 12, entity_ref="group-d1", entity_type="Folder")

    filled = remedy_for(get("grant-direct-user"), Platform.VSPHERE, grant, "", {}, place=OSLO)

    assert filled is not None
    assert filled.commands is not None
    assert r"$principal = 'HALDEN\ext-nordkraft'" in filled.commands
    assert "$role_id = 12" in filled.commands
    assert "$entity_id = 'Folder-group-d1'" in filled.commands
    assert filled.blanks == ("group, as the vCenter writes it",)
