"""The index comes after the words are written, in a transaction of its own."""

import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("findings", "0010_words")]
    operations = [
        migrations.AddIndex(
            "finding",
            django.contrib.postgres.indexes.GinIndex(fields=["words"], name="finding_words"),
        ),
    ]
