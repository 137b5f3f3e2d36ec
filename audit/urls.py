from django.urls import URLPattern, URLResolver, path

from audit import views

app_name = "audit"
urlpatterns: list[URLPattern | URLResolver] = [
    path("settings/audit/", views.entry_list, name="entry-list"),
    path("settings/audit/audit.csv", views.entry_csv, name="entry-csv"),
    path("settings/audit/audit.json", views.entry_json, name="entry-json"),
]
