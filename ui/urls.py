from django.urls import path

from ui import views

app_name = "ui"
urlpatterns = [
    path("theme/", views.switch_theme, name="theme"),
    path("density/", views.switch_density, name="density"),
]
