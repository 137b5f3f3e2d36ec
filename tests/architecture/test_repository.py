"""Promises about the repository as a whole, kept by looking at its files."""

import ast
import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import get_commands

from vmgov.management.commands.configuration_reference import reference

ROOT = Path(__file__).resolve().parents[2]
OURS = ("vmgov", "findings", "policies", "inventory", "accounts", "audit", "ui")
# In pieces, so that this file passes its own test.
HOSTS = re.compile(
    "|".join(
        [
            r"\bpypi\." + "org",
            "python" + r"hosted\.org",
            r"registry\." + r"npmjs\.org",
            r"registry\." + r"yarnpkg\.com",
            r"proxy\." + r"golang\.org",
            r"sum\." + r"golang\.org",
            "--" + r"(extra-)?index-url[ =]\S",
            r"https?://[^/\s]*\b(" + "artifactory|nexus|goproxy|devpi" + r")\b",
        ]
    )
)
ICON = re.compile(r"""\{%\s*icon\s+["']([a-z0-9-]+)["']""")


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def texts() -> list[tuple[Path, str]]:
    found = []
    for path in tracked():
        content = path.read_bytes()
        if b"\0" not in content[:8000]:
            found.append((path.relative_to(ROOT), content.decode("utf-8", errors="replace")))
    return found


def python_files() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".py"]


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def test_no_file_names_a_package_registry():
    found = [
        f"{path}:{text[: match.start()].count(chr(10)) + 1}: {match.group()}"
        for path, text in texts()
        if (match := HOSTS.search(text))
    ]

    assert found == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.lock")), ids=lambda p: p.name)
def test_requirements_have_hashes_and_no_addresses(path: Path):
    text = path.read_text()

    assert "://" not in text
    for block in re.split(r"\n(?=\S)", text.replace("\\\n", " ")):
        if block and not block.startswith("#"):
            assert re.match(r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+ .*--hash=sha256:", block), block[:80]


def test_front_end_packages_have_hashes_and_no_addresses():
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]

    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name


def test_one_file_imports_pyvmomi():
    importers = {
        str(path.relative_to(ROOT))
        for path in python_files()
        if {"pyVmomi", "pyVim", "vmware"} & imported(path)
        and not path.is_relative_to(ROOT / "tests")
        and not path.is_relative_to(ROOT / "benchmarks")
    }

    assert importers <= {"inventory/connectors/vsphere/client.py"}


def test_one_file_imports_typst():
    importers = {
        str(path.relative_to(ROOT))
        for path in python_files()
        if "typst" in imported(path) and not path.is_relative_to(ROOT / "tests")
    }

    assert importers == {"ui/pdf.py"}


def test_nobody_imports_the_composition_root():
    importers = {
        str(path.relative_to(ROOT))
        for app in OURS[1:]
        for path in (ROOT / app).rglob("*.py")
        if "vmgov" in imported(path)
    }

    assert importers == set()


def test_every_command_of_ours_is_documented():
    pages = "\n".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
    ours = {name for name, app in get_commands().items() if app in OURS}

    assert ours
    assert {name for name in ours if f"manage.py {name}" not in pages} == set()


def test_the_page_about_configuration_is_current():
    assert (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8") == reference()


def test_links_between_pages_lead_somewhere():
    broken = [
        f"{path}: {target}"
        for path, text in texts()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)", text)
        if not ((ROOT / path).parent / target).exists()
    ]

    assert broken == []


def test_decisions_are_numbered_without_gaps_and_short():
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))

    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        assert len(page.read_text().splitlines()) <= 40, page.name


def test_the_changelog_begins_with_this_version():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    heading = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert heading is not None
    assert heading.group(1) == version


def test_icons_in_templates_are_in_the_sprite():
    listed = (ROOT / "static" / "icons.txt").read_text().split()
    used = {
        name
        for path in (ROOT / "templates").rglob("*.html")
        for name in ICON.findall(path.read_text())
    }

    assert listed == sorted(set(listed))
    assert used - set(listed) == set()


def test_templates_have_nothing_inline():
    inline = re.compile(
        r"<script(?![^>]*\b(src|type=\"application/json\"))[^>]*>|<style\b|\sstyle=|\son[a-z]+=\"|javascript:"
    )
    found = [
        f"{path.relative_to(ROOT)}: {match.group().strip()}"
        for path in (ROOT / "templates").rglob("*.html")
        if (match := inline.search(path.read_text()))
    ]

    assert found == []


def test_every_app_has_its_own_name():
    assert {config.name for config in apps.get_app_configs()} >= set(OURS)
