"""Addresses of triage."""

from django.urls import URLPattern, URLResolver, path

from findings.triage.views import bulk, decisions, rules, saved

urlpatterns: list[URLPattern | URLResolver] = [
    path("findings/<int:finding_id>/decide/", decisions.decision, name="decide"),
    path("findings/<int:finding_id>/comments/", decisions.comment_change, name="comment-change"),
    path("findings/bulk/", bulk.many, name="bulk"),
    path("findings/bulk/<int:pk>/undo/", bulk.undo, name="bulk-undo"),
    path("findings/views/", saved.saved, name="views"),
    path("findings/views/save/", saved.save, name="view-save"),
    path("findings/views/change/", saved.change, name="view-change"),
    path("settings/rules/", rules.show, name="rules"),
    path("settings/rules/change/", rules.change, name="rules-change"),
]
