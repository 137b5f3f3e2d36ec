from tests.policies.builders import a_host, a_pnic, missing, passes, violations

CHECK = "host-physical-nics"


def test_two_nics_with_a_link_are_enough():
    assert passes(CHECK, a_host(pnics=(a_pnic("vmnic0"), a_pnic("vmnic1"))))


def test_a_spare_nic_without_a_link_does_no_harm():
    pnics = (a_pnic("vmnic0"), a_pnic("vmnic1"), a_pnic("vmnic2", link_up=False))

    assert passes(CHECK, a_host(pnics=pnics))


def test_a_nic_without_a_link_does_not_count():
    host = a_host(pnics=(a_pnic("vmnic0"), a_pnic("vmnic1", link_up=False)))

    [violation] = violations(CHECK, host)

    assert violation.message == (
        "esx-01 has 2 physical NICs, 1 of them with a link; the policy asks for 2."
    )


def test_a_host_that_says_it_has_no_nic_fails():
    assert violations(CHECK, a_host(pnics=()))


def test_an_unread_link_that_would_decide_is_unknown():
    host = a_host(pnics=(a_pnic("vmnic0"), a_pnic("vmnic1", link_up=None)))

    assert missing(CHECK, host) == "the link state of vmnic1"


def test_an_unread_link_that_would_not_decide_fails():
    assert violations(CHECK, a_host(pnics=(a_pnic("vmnic0", link_up=None),)))


def test_unread_nics_are_unknown():
    assert missing(CHECK, a_host(pnics=None)) == "pnics"


def test_a_host_that_does_not_respond_is_unknown():
    assert "notResponding" in missing(CHECK, a_host(connection_state="notResponding"))
