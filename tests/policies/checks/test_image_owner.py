from tests.policies.builders import an_image, missing, passes, violations

CHECK = "image-owner"


def test_an_owned_image_passes():
    assert passes(CHECK, an_image())


def test_an_image_without_an_owner_fails():
    assert violations(CHECK, an_image(owner=""))


def test_unread_is_unknown():
    assert missing(CHECK, an_image(owner=None)) == "owner"
