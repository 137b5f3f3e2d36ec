"""Mappings to benchmarks name checks that exist, and nothing but ids."""

from __future__ import annotations

from pathlib import Path

import pytest

from policies import frameworks, registry
from policies.frameworks import BadFramework, Framework

NAMES = [framework.slug for framework in frameworks.shipped()]


@pytest.mark.parametrize("framework", frameworks.shipped(), ids=NAMES)
def test_a_shipped_mapping_names_only_checks_that_exist(framework: Framework):
    frameworks.refuse_strangers(framework, registry.all_checks())

    assert len(framework.checks) > 20
    assert all(framework.controls.values())


def test_a_mapping_to_a_check_that_does_not_exist_is_refused():
    stranger = Framework(slug="x", title="X", version="1", controls={"A-1": ("no-such-check",)})

    with pytest.raises(BadFramework, match="no-such-check"):
        frameworks.refuse_strangers(stranger, registry.all_checks())


def test_the_controls_that_checks_name_themselves_are_in_the_mapping():
    stig = frameworks.by_slug("disa-stig-vsphere-8")
    assert stig is not None

    named = {(control, check.id) for check in registry.all_checks() for control in check.controls}

    assert named == {(control, one) for control, ids in stig.controls.items() for one in ids}


@pytest.mark.parametrize("text", ["slug = 1", "slug", 'slug = "a"\ntitle = "A"\nversion = "1"'])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "a_1.toml"
    path.write_text(text)

    with pytest.raises(BadFramework):
        frameworks.load(path)
