from django.apps import AppConfig


class PoliciesConfig(AppConfig):
    name = "policies"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Add what policies know to the pages of the inventory."""
        from inventory import panels as seats
        from policies import panels

        seats.asset_panels.append(panels.verdicts)
        seats.blinded_by.append(panels.blinded_checks)
        seats.judged_by.append(panels.judged_kinds)
