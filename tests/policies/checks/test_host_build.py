from tests.policies.builders import a_host, excused, missing, passes, violations

CHECK = "host-build"

BUILDS = {"8.0.3": 24022510}


def test_without_a_catalogue_there_is_nothing_to_compare():
    assert "No minimum build" in excused(CHECK, a_host())


def test_exactly_the_required_build_passes():
    assert passes(CHECK, a_host(build="24022510"), minimum_builds=BUILDS)


def test_an_older_build_fails():
    [violation] = violations(CHECK, a_host(build="24022509"), minimum_builds=BUILDS)

    assert violation.message == "esx-01 runs 8.0.3 build 24022509, older than build 24022510."


def test_a_version_that_is_not_allowed_fails_whatever_its_build():
    assert violations(CHECK, a_host(version="6.7.0", build="99999999"), minimum_builds=BUILDS)


def test_what_could_not_be_read_is_unknown():
    assert missing(CHECK, a_host(version=None), minimum_builds=BUILDS) == "version"
    assert missing(CHECK, a_host(build=None), minimum_builds=BUILDS) == "build"
    assert missing(CHECK, a_host(build="custom"), minimum_builds=BUILDS)
