"""The REST interface: what each app offers, under one router, and its description."""

from importlib import import_module
from importlib.util import find_spec
from typing import ClassVar

from django.urls import URLPattern, URLResolver, path
from drf_spectacular.views import SpectacularAPIView
from rest_framework.routers import SimpleRouter

from accounts.access import SIGNED_IN
from accounts.api_access import DeclaredPermission

APPS = ("findings", "policies", "inventory", "accounts", "audit")


class Schema(SpectacularAPIView):
    """Describes the interface, which is no secret, to whoever is signed in."""

    permissions_by_action: ClassVar[dict[str, str]] = {"GET": SIGNED_IN}
    permission_classes = (DeclaredPermission,)  # instead of its own, which opens to anybody


def router() -> SimpleRouter:
    """Compose the `routes` of every app's `api.py`: (prefix, viewset, basename)."""
    composed = SimpleRouter()
    for app in APPS:
        if find_spec(f"{app}.api") is not None:
            for prefix, viewset, basename in import_module(f"{app}.api").routes:
                composed.register(prefix, viewset, basename=basename)
    return composed


urlpatterns: list[URLPattern | URLResolver] = [
    path("schema/", Schema.as_view(), name="schema"),
    *router().urls,
]
