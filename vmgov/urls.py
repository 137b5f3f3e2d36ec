"""Every address of the application."""

from django.urls import URLPattern, URLResolver, include, path

from vmgov import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("health/live", health.live, name="health-live"),
    path("health/ready", health.ready, name="health-ready"),
    path("api/v1/", include(("vmgov.api", "api"))),
    path("accounts/", include("allauth.urls")),
    path("", include("ui.urls")),
    path("", include("accounts.urls")),
    path("", include("audit.urls")),
    path("", include("inventory.urls")),
    path("", include("policies.urls")),
    path("", include("findings.urls")),
]
