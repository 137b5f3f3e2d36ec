"""Addresses of exceptions, below /exceptions/."""

from django.urls import URLPattern, URLResolver, path

from findings.waivers import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.waivers, name="waivers"),
    path("export.csv", views.export, name="waivers-export"),
    path("ask/", views.ask, name="waiver-ask"),
    path("<int:pk>/", views.waiver, name="waiver"),
    path("<int:pk>/review/", views.review, name="waiver-review"),
    path("<int:pk>/approve/", views.approve, name="waiver-approve"),
    path("<int:pk>/reject/", views.reject, name="waiver-reject"),
    path("<int:pk>/revoke/", views.revoke, name="waiver-revoke"),
    path("<int:pk>/withdraw/", views.withdraw, name="waiver-withdraw"),
    path("<int:pk>/extend/", views.extend, name="waiver-extend"),
]
