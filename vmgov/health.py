"""Whether this process lives, and whether it can serve people."""

from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from accounts.access import public


@public
@require_safe
def live(_request: HttpRequest) -> HttpResponse:
    """Answer as long as the process can answer; nothing else is looked at."""
    return JsonResponse({"status": "ok"})


@public
@require_safe
def ready(_request: HttpRequest) -> HttpResponse:
    """Answer 200 when what a page needs is there, else 503 with the name of what is not."""
    failed = [name for name, check in CHECKS.items() if not _passes(check)]
    status = {"status": "unavailable" if failed else "ok", "failed": failed}
    return JsonResponse(status, status=503 if failed else 200)


def _database() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


@cache
def _schema_is_current() -> bool:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise LookupError("there are migrations to apply")  # raising keeps it out of the cache
    return True


def _broker() -> bool:
    if settings.CELERY_BROKER_URL.startswith("filesystem:"):
        return True
    caches["default"].get("health")  # the same server
    return True


CHECKS: dict[str, Callable[[], bool]] = {
    "database": _database,
    "schema": _schema_is_current,
    "broker": _broker,
}


def _passes(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception:  # whatever it is, it must not be served to people
        return False
