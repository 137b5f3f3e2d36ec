from inventory.parts import Library
from tests.policies.builders import a_platform, excused, keys, missing, passes

CHECK = "platform-library-login"


def shared(login: str | None, *, published: bool | None = True) -> Library:
    return Library(key="lib-1", name="Gold", published=published, publish_login=login)


def test_a_library_that_asks_for_a_login_passes():
    assert passes(CHECK, a_platform(libraries=(shared("basic"),)))


def test_a_library_that_is_not_handed_out_passes():
    assert passes(CHECK, a_platform(libraries=(shared(None, published=False),)))


def test_only_the_library_without_a_login_fails():
    other = Library(key="lib-2", name="Lab", published=True, publish_login="basic")

    assert keys(CHECK, a_platform(libraries=(shared("none"), other))) == {"lib-1"}


def test_what_was_not_told_is_unknown():
    assert missing(CHECK, a_platform(libraries=None)) == "libraries"
    assert missing(CHECK, a_platform(libraries=(shared(None),))) == "libraries: publish_login"
    assert (
        missing(CHECK, a_platform(libraries=(shared(None, published=None),)))
        == "libraries: published"
    )


def test_where_no_library_is_told_there_is_nothing_to_pass():
    assert excused(CHECK, a_platform(libraries=())) == "It told of no content library."
