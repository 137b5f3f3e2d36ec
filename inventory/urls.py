from django.urls import URLPattern, URLResolver, path
from django.views.generic import RedirectView

from accounts.access import signed_in
from inventory.views import assets, changes, chronicle, lists, runs, sources, uploads

app_name = "inventory"
urlpatterns: list[URLPattern | URLResolver] = [
    path(
        "inventory/",
        signed_in(RedirectView.as_view(pattern_name="inventory:vms")),
        name="home",
    ),
    path("inventory/vms/", lists.assets, {"name": "vms"}, name="vms"),
    path("inventory/assets/<int:pk>/", assets.asset, name="asset"),
    path("inventory/assets/<int:pk>/timeline/", chronicle.asset_timeline, name="asset-timeline"),
    path("inventory/assets/<int:pk>/neighbours/", chronicle.neighbours, name="asset-neighbours"),
    path("inventory/assets/<int:pk>/ran/", chronicle.ran, name="asset-ran"),
    path("inventory/addresses/", chronicle.macs, name="macs"),
    path("inventory/events/", chronicle.events, name="events"),
    path("inventory/assets/<int:pk>/difference/", changes.difference, name="asset-difference"),
    path("inventory/changes/", changes.change_list, name="changes"),
    path("inventory/changes/export/", changes.export, name="changes-export"),
    path("inventory/<slug:name>/", lists.assets, name="assets"),
    path("inventory/<slug:name>/export/", lists.export, name="export"),
    path("sources/", sources.source_list, name="sources"),
    path("sources/add/", sources.add, name="add-source"),
    path("sources/add/files/", uploads.add, name="add-files"),
    path("sources/test/", sources.try_connection, name="test-new"),
    path("sources/certificate/", sources.certificate, name="certificate"),
    path("sources/<int:pk>/", sources.source, name="source"),
    path("sources/<int:pk>/edit/", sources.edit, name="edit-source"),
    path("sources/<int:pk>/test/", sources.try_connection, name="test-source"),
    path("sources/<int:pk>/switch/", sources.switch, name="switch-source"),
    path("sources/<int:pk>/sync/", runs.start, name="sync"),
    path("sources/<int:pk>/upload/", uploads.upload, name="upload"),
    path("sources/runs/<int:pk>/", runs.run, name="run"),
    path("sources/runs/<int:pk>/progress/", runs.progress, name="run-progress"),
    path("sources/runs/<int:pk>/cancel/", runs.cancel, name="cancel-run"),
    path("sources/runs/<int:pk>/release/", runs.release, name="release-run"),
    path("sources/runs/<int:pk>/discard/", runs.discard, name="discard-run"),
]
