"""Find assets by the beginnings of words, and the values of a label without reading every asset."""

from django.db import migrations, models
from django.db.models import Q

# The words of a text and the parts of each: "web-77.example" is found by "web-7", "77" and "exam".
# Stock PostgreSQL's full text search with our own cut: its parser takes names apart by language.
FORWARD = r"""
CREATE FUNCTION vmgov_words(said text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT array_to_tsvector(ARRAY(
        SELECT left(word, 100) FROM regexp_split_to_table(
            lower(left(said, 2000)), '[^[:alnum:]]+') AS word WHERE word <> ''
        UNION
        SELECT left(word, 100) FROM (
            SELECT btrim(token, '“”„"''’`()[]{}<>.,:;!?')
            FROM regexp_split_to_table(lower(left(said, 2000)), '\s+') AS token
        ) AS trimmed (word) WHERE word <> ''
    ))
$$;
CREATE INDEX asset_words ON inventory_asset USING gin (vmgov_words(name));
CREATE INDEX asset_nics ON inventory_asset USING gin ((record -> 'nics') jsonb_path_ops);
CREATE INDEX asset_guest_nics ON inventory_asset
    USING gin ((record -> 'guest_nics') jsonb_path_ops);
"""
BACKWARD = """
DROP INDEX asset_guest_nics;
DROP INDEX asset_nics;
DROP INDEX asset_words;
DROP FUNCTION vmgov_words(text);
"""


class Migration(migrations.Migration):
    dependencies = [("inventory", "0003_analyze")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.AddIndex(
            "asset", models.Index(fields=["team", "source"], name="asset_of_team_by_source")
        ),
        migrations.AddIndex("asset", models.Index(fields=["uid"], name="asset_by_uid")),
        migrations.AddIndex("asset", models.Index(fields=["ref"], name="asset_by_ref_alone")),
        *(
            migrations.AddIndex(
                "asset",
                models.Index(
                    fields=["kind", field],
                    condition=Q(gone_at__isnull=True),
                    name=f"asset_{field}s",
                ),
            )
            for field in ("classification", "criticality", "owner")
        ),
    ]
