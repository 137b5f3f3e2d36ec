from django.urls import URLPattern, path

from findings.trends import views

urlpatterns: list[URLPattern] = [
    path("", views.trends, name="trends"),
    path("export.csv", views.export, name="trends-export"),
    path("export.pdf", views.as_pdf, name="trends-pdf"),
]
