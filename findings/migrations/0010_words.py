"""Find findings by the beginnings of words: of their sentence, their asset's name and their check."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
from django.db import migrations

FORWARD = """
CREATE OR REPLACE FUNCTION findings_belong() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
DECLARE
    asset_name text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- The lock makes a change of the asset's team wait, or us see it.
        SELECT source_id, team_id, name INTO NEW.source_id, NEW.team_id, asset_name
        FROM inventory_asset WHERE id = NEW.asset_id FOR SHARE;
    ELSE
        SELECT source_id, team_id, name INTO NEW.source_id, NEW.team_id, asset_name
        FROM inventory_asset WHERE id = NEW.asset_id;
    END IF;
    NEW.words := vmgov_words(
        left(asset_name, 200) || ' ' || NEW.check_id || ' ' || NEW.message);
    RETURN NEW;
END $$;
DROP TRIGGER findings_belong ON findings_finding;
CREATE TRIGGER findings_belong
    BEFORE INSERT OR UPDATE OF asset_id, source_id, team_id, check_id, message, words
    ON findings_finding FOR EACH ROW EXECUTE FUNCTION findings_belong();
CREATE FUNCTION findings_follow_name() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE findings_finding SET words = NULL WHERE asset_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER findings_follow_name AFTER UPDATE OF name ON inventory_asset
    FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name)
    EXECUTE FUNCTION findings_follow_name();
"""
BACKWARD = """
DROP TRIGGER findings_follow_name ON inventory_asset;
DROP FUNCTION findings_follow_name();
"""
BACKFILL = "UPDATE findings_finding SET words = NULL"


class Migration(migrations.Migration):
    dependencies = [("findings", "0009_limited_exceptions"), ("inventory", "0004_words")]
    operations = [
        migrations.AddField(
            "finding",
            "words",
            django.contrib.postgres.search.SearchVectorField(editable=False, null=True),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
    ]
