"""Logs must leave the host before an intruder can change them."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from policies.facts import (
    connected,
    listed,
    matches,
    option,
)
from policies.recipes import HOST_OPTION
from policies.spec import (
    Blank,
    Host,
    Parameters,
    Platform,
    Remedy,
    Severity,
    Violation,
    check,
)

KEY = "Syslog.global.logHost"


class Params(Parameters, frozen=True):
    approved_hosts: Annotated[
        tuple[str, ...], Meta(description="Log hosts that may be used; empty allows any")
    ] = ()
    require_tls: Annotated[bool, Meta(description="Only ssl:// targets count as protected")] = True


@check(
    id="host-log-host",
    title="Hosts send their logs to the log server",
    severity=Severity.HIGH,
    statements=("IR-3",),
    params=Params,
    facts=("connection_state", "options"),
    controls=("ESXI-80-000114",),
    why=(
        "Whoever takes a host edits its local log. What was sent away in time is the only witness, "
        "and the only thing an alert can be raised from."
    ),
    fix={
        Platform.VSPHERE: (
            "Point the host's log host at the log server, over TLS, and let the firewall pass it."
        ),
    },
    remedy={
        Platform.VSPHERE: Remedy(
            steps=(
                "Select «name» > Configure > System > Advanced System Settings > Edit.",
                "Set «setting» to «value». It replaces what is there: keep other servers that are "
                "wanted, separated by commas.",
                "Select Configure > System > Firewall and allow “syslog”.",
                "For ssl:// the host must trust the log server's certificate.",
            ),
            script=HOST_OPTION
            + """
$rule = Get-VMHostFirewallException -VMHost $esx -Server $server -Name 'syslog'
if (-not $rule.Enabled -and (Confirm-Change "let $($esx.Name) send logs through its firewall")) {
    Set-VMHostFirewallException -Exception $rule -Enabled $true
}
""",
            verify="A mark of «name» (esxcli system syslog mark) reaches the log server.",
            needs="Host.Config.AdvancedConfig and Host.Config.NetService on the host.",
            effect="Logs go to the new place at once; a server left out of the value gets none.",
            blanks={
                "setting": Blank("advanced setting", always=KEY),
                "value": Blank("log server, as ssl://log.example:6514"),
            },
        ),
    },
)
def log_host(host: Host, params: Params) -> Iterator[Violation]:
    connected(host)
    targets = [one.strip() for one in option(host, KEY).split(",") if one.strip()]
    if not targets:
        yield Violation(
            message=f"{host.name} sends its logs nowhere.",
            seen="no log host",
            expected=listed(list(params.approved_hosts)) or "a log host",
            evidence={KEY: ""},
        )
    for target in targets:
        name = _host_of(target)
        if params.require_tls and not target.casefold().startswith("ssl://"):
            yield Violation(
                key=f"tls:{name}",
                message=f"{host.name} sends its logs to {name} unprotected.",
                seen=target,
                expected=f"ssl://{name}",
                evidence={KEY: target},
            )
        if params.approved_hosts and not matches(name, params.approved_hosts):
            yield Violation(
                key=f"unapproved:{name}",
                message=f"{host.name} sends its logs to {name}, which is not approved.",
                seen=name,
                expected=listed(list(params.approved_hosts)),
                evidence={KEY: target},
            )


def _host_of(target: str) -> str:
    """The name in "ssl://name:6514", lower case; of an IPv6 address what is in the brackets."""
    name = target.casefold().rpartition("://")[2]
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0]
