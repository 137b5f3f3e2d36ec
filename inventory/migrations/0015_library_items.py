"""Find what belongs to an item of a content library: few of very many machines."""

from django.db import migrations

INDEX = """
CREATE INDEX asset_by_library_item ON inventory_asset (source_id, (record ->> 'library_item'))
    WHERE record ->> 'library_item' <> ''
"""


class Migration(migrations.Migration):
    dependencies = [("inventory", "0014_watch")]

    operations = [migrations.RunSQL(INDEX, "DROP INDEX asset_by_library_item")]
