"""The Celery app. Its tasks live in each app's `tasks.py`."""

import os
import signal
from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_process_init
from django_structlog.celery.steps import DjangoStructLogInitStep

from vmgov.processes import die_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vmgov.settings")

app = Celery("vmgov")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.steps["worker"].add(DjangoStructLogInitStep)
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(**_: Any) -> None:
    """Settings have configured logging; a connected receiver keeps Celery from doing it again."""


@worker_process_init.connect
def end_with_the_worker(**_: Any) -> None:
    """A killed worker takes its running jobs along; the ledger then gives them to another."""
    die_with_parent(signal.SIGKILL)
