"""What a platform calls a value, in words: `guestToolsNeedUpgrade` is “out of date”.

Only words whose meaning is documented; any other stands as the platform said it.
"""

from __future__ import annotations

_AUTOMATION = {
    "fullyAutomated": "fully automated",
    "partiallyAutomated": "partially automated",
}
_WHEN = {
    "disabled": "never",
    "opportunistic": "when both ends can",
    "required": "always",
}
SPOKEN: dict[str, dict[str, str]] = {
    "acceptance_level": {
        "vmware_certified": "certified by VMware",
        "vmware_accepted": "accepted by VMware",
        "partner": "supported by partners",
        "community": "supported by a community",
    },
    "automation": _AUTOMATION,
    "binding": {"earlyBinding": "static", "lateBinding": "dynamic"},
    "bus_sharing": {
        "noSharing": "none",
        "virtualSharing": "on one host",
        "physicalSharing": "across hosts",
    },
    "connection_state": {"notResponding": "not responding"},
    "customization": {
        "TOOLSDEPLOYPKG_FAILED": "failed",
        "TOOLSDEPLOYPKG_IDLE": "none",
        "TOOLSDEPLOYPKG_PENDING": "waiting",
        "TOOLSDEPLOYPKG_RUNNING": "under way",
        "TOOLSDEPLOYPKG_SUCCEEDED": "done",
    },
    "discovery_protocol": {"cdp": "CDP", "lldp": "LLDP"},
    "drs_automation": _AUTOMATION,
    "firmware": {"bios": "BIOS", "efi": "EFI"},
    "ft_encryption": {
        "ftEncryptionDisabled": "never",
        "ftEncryptionOpportunistic": "when both ends can",
        "ftEncryptionRequired": "always",
    },
    "lockdown_mode": {
        "lockdownDisabled": "off",
        "lockdownNormal": "normal",
        "lockdownStrict": "strict",
    },
    "mac_type": {"assigned": "vCenter", "generated": "the host", "manual": "a person"},
    "migrate_encryption": _WHEN,
    "mode": {
        "independent_nonpersistent": "independent, not kept",
        "independent_persistent": "independent, persistent",
        "nonpersistent": "not kept",
    },
    "power_state": {"poweredOff": "off", "poweredOn": "on", "standBy": "standby"},
    "sharing": {"sharingMultiWriter": "several machines write", "sharingNone": "none"},
    "teaming": {
        "failover_explicit": "none, by the order of failover",
        "loadbalance_ip": "by IP addresses",
        "loadbalance_loadbased": "by the load of the NICs",
        "loadbalance_srcid": "by port",
        "loadbalance_srcmac": "by MAC address",
    },
    "time_protocol": {"ntp": "NTP", "ptp": "PTP"},
    "tools_version_status": {
        "guestToolsBlacklisted": "of a version with a known severe flaw",
        "guestToolsCurrent": "current",
        "guestToolsNeedUpgrade": "out of date",
        "guestToolsNotInstalled": "not installed",
        "guestToolsSupportedNew": "newer than the host's",
        "guestToolsSupportedOld": "not the newest",
        "guestToolsTooNew": "too new for the host",
        "guestToolsTooOld": "too old to be supported",
        "guestToolsUnmanaged": "not managed by the platform",
    },
}


def spoken(field: str, value: str) -> str:
    """A value of a field in words."""
    return SPOKEN.get(field, {}).get(value, value)
