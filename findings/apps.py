from django.apps import AppConfig


class FindingsConfig(AppConfig):
    name = "findings"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say what waits for people (the counts beside the places of the frame), and who keeps the
        counts of checks.
        """
        from findings import waiting  # models are not there before
        from findings.trends import reading
        from policies import coverage

        waiting.register_all()
        coverage.kept_by.append(reading.check_lines)
