from inventory.parts import Library
from tests.policies.builders import a_platform, excused, keys, missing, passes

CHECK = "platform-library-policy"


def guarded(policy: str | None, key: str = "lib-1") -> Library:
    return Library(key=key, name="Gold", security_policy=policy)


def test_a_library_with_a_policy_passes():
    assert passes(CHECK, a_platform(libraries=(guarded("policy-1"),)))


def test_only_the_library_without_a_policy_fails():
    libraries = (guarded("policy-1"), guarded("", "lib-2"))

    assert keys(CHECK, a_platform(libraries=libraries)) == {"lib-2"}


def test_what_was_not_told_is_unknown():
    assert missing(CHECK, a_platform(libraries=None)) == "libraries"
    assert missing(CHECK, a_platform(libraries=(guarded(None),))) == "libraries: security_policy"


def test_where_no_library_is_told_there_is_nothing_to_pass():
    assert excused(CHECK, a_platform(libraries=())) == "It told of no content library."
