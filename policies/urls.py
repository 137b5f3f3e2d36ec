from django.urls import URLPattern, URLResolver, path

from policies import views

app_name = "policies"
urlpatterns: list[URLPattern | URLResolver] = [
    path("policies/", views.document, name="document"),
    path("policies/export/", views.export, name="export"),
    path("policies/checks/", views.checks, name="checks"),
    path("policies/checks/<slug:check_id>/", views.check, name="check"),
    path("policies/checks/<slug:check_id>/settings/", views.configure_check, name="configure"),
    path("policies/<slug:code>/", views.statement, name="statement"),
]
