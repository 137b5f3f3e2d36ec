from django.apps import AppConfig


class FindingsConfig(AppConfig):
    name = "findings"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say what waits for people: the counts beside the places of the frame."""
        from findings import waiting  # models are not there before

        waiting.register_all()
