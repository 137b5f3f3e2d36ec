"""The composition root as a Django app: system checks, static files, management commands."""

from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig


class VmgovConfig(AppConfig):
    """Loads what has to exist in every process: the Celery app and the system checks."""

    default = True
    name = "vmgov"

    def ready(self) -> None:
        """Register the Celery app, so that `task.delay()` works in web and commands."""
        from vmgov import celery, checks, openapi  # noqa: F401


class StaticFiles(StaticFilesConfig):
    """Leaves out the files of packages whose pages we do not serve."""

    ignore_patterns = [  # noqa: RUF012  the base class declares it so
        *StaticFilesConfig.ignore_patterns,
        "rest_framework",
        "drf_spectacular",
    ]
