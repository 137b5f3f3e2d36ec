"""How things look: template tags, charts, pages and exports that every app shares."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    name = "ui"
