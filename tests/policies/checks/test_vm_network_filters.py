from tests.policies.builders import a_vm, keys, missing, passes

CHECK = "vm-network-filters"

FILTER = {"ethernet0.filter1.name": "dvfilter-ips"}


def test_a_machine_without_filters_passes():
    assert passes(CHECK, a_vm(extra_config={"ethernet0.virtualDev": "vmxnet3"}))


def test_a_filter_fails_until_it_is_approved():
    assert keys(CHECK, a_vm(extra_config=FILTER)) == {"ethernet0.filter1.name"}
    assert passes(CHECK, a_vm(extra_config=FILTER), approved=("dvfilter-*",))


def test_other_settings_of_a_filter_are_not_its_name():
    assert passes(CHECK, a_vm(extra_config={"ethernet0.filter1.onFailure": "failOpen"}))


def test_unread_settings_are_unknown():
    assert missing(CHECK, a_vm(extra_config=None)) == "extra_config"
