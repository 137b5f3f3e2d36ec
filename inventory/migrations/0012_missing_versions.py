from django.db import migrations, models

# What is known of those that are missing or gone now; of earlier absences nothing was kept.
KNOWN = """
UPDATE inventory_assetversion v SET missing_since = a.missing_since
FROM inventory_asset a
WHERE a.id = v.asset_id AND a.missing_since IS NOT NULL
  AND (v.valid_to IS NULL OR v.valid_to = a.gone_at)
"""


class Migration(migrations.Migration):
    dependencies = [("inventory", "0011_past_and_search")]

    operations = [
        migrations.AddField(
            model_name="assetversion",
            name="missing_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(KNOWN, migrations.RunSQL.noop),
    ]
