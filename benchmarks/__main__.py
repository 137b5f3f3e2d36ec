"""Every benchmark, one after the other: `make bench`. Ratios are of one run on one machine."""

from __future__ import annotations

import subprocess
import sys

TITLES = {
    "collect": "Collection of 10,000 simulated machines",
    "runs": "Collection and publication of 10,000 machines, for the first time and again",
    "evaluate": "Evaluation",
    "watching": "Changes while a vCenter is watched",
    "chronicle": "The past of 10,000 machines over 90 days",
    "administrators": "Who administered one of 10,000 machines in 30 days",
    "pages": "Pages, API and acts with 1,000,000 findings on 400,000 assets",
}

if __name__ == "__main__":
    for name in sys.argv[1:] or TITLES:
        print(f"\n== {TITLES.get(name, name)}", flush=True)
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
