"""Worker processes to be killed: forks one for each run id it reads and says when it ends."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "vmgov.settings"
    import django

    django.setup()
    from findings import pipeline

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            print(f"begins {os.getpid()}", flush=True)  # noqa: T201
            pipeline.work(int(line), now=datetime.now(UTC))
            os._exit(0)
        os.waitpid(child, 0)
        print("ended", flush=True)  # noqa: T201
