"""Lists of the past as quick as those of now, and one search over everything an asset is known by.

The columns of a version are added in one statement, which writes the table once.
"""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.deletion
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Left, Lower

FACTS = {
    "kind": 20,
    "classification": 100,
    "criticality": 100,
    "owner": 200,
    "power_state": 20,
    "host_ref": 200,
}
COLUMNS = """
ALTER TABLE inventory_assetversion
    ADD COLUMN away_since timestamptz NULL,
    ADD COLUMN sort_name text GENERATED ALWAYS AS (lower(left(record ->> 'name', 200))) STORED,
    {facts}
""".format(
    facts=",\n    ".join(
        f"ADD COLUMN {name} text GENERATED ALWAYS AS (left(record ->> '{name}', {length})) STORED"
        for name, length in FACTS.items()
    )
)
NO_COLUMNS = """
ALTER TABLE inventory_assetversion DROP COLUMN away_since, DROP COLUMN sort_name, {facts}
""".format(facts=", ".join(f"DROP COLUMN {name}" for name in FACTS))

# A version that does not begin where the one before it ended is a return.
RETURNS = """
CREATE FUNCTION inventory_returned() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
DECLARE
    ended timestamptz;
BEGIN
    SELECT valid_to INTO ended FROM inventory_assetversion
    WHERE asset_id = NEW.asset_id AND valid_from < NEW.valid_from
    ORDER BY valid_from DESC LIMIT 1;
    NEW.away_since := CASE WHEN ended < NEW.valid_from THEN ended END;
    RETURN NEW;
END $$;
CREATE TRIGGER inventory_returned BEFORE INSERT ON inventory_assetversion
    FOR EACH ROW EXECUTE FUNCTION inventory_returned();
"""
NO_RETURNS = """
DROP TRIGGER inventory_returned ON inventory_assetversion;
DROP FUNCTION inventory_returned();
"""
PAST_RETURNS = """
UPDATE inventory_assetversion v SET away_since = b.ended
FROM (SELECT id, valid_from,
             lag(valid_to) OVER (PARTITION BY asset_id ORDER BY valid_from) AS ended
      FROM inventory_assetversion) b
WHERE v.id = b.id AND b.ended < b.valid_from
"""

# The words of what an asset is called, and what stands for it exactly. The latter are marked by a
# word and a blank, which no word has in it: nobody's notes can pass for an address.
TERMS = r"""
CREATE FUNCTION vmgov_address(said text) RETURNS inet LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    RETURN host(said::inet)::inet;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
CREATE FUNCTION vmgov_terms(said jsonb) RETURNS tsvector LANGUAGE sql IMMUTABLE STRICT AS $$
    WITH address (of) AS (
        SELECT vmgov_address(left(each #>> '{}', 100))
        FROM jsonb_path_query(said, '$.guest_nics[*].addresses[*]') AS each
        UNION SELECT vmgov_address(left(each #>> '{}', 100))
        FROM jsonb_path_query(said, '$.vmkernel_nics[*].ip') AS each
    )
    SELECT vmgov_words(concat_ws(' ', left(said ->> 'name', 200), left(said ->> 'label', 200),
            left(said ->> 'principal', 200), left(said ->> 'guest_hostname', 200),
            left(said ->> 'annotation', 1000)))
        || array_to_tsvector(ARRAY(
            SELECT 'is ' || lower(left(each, 100)) FROM unnest(ARRAY[
                said ->> 'uid', said ->> 'ref']) AS each WHERE each <> ''
            UNION SELECT 'id ' || digits FROM (
                SELECT translate(lower(left(each, 100)), '-', '') FROM unnest(ARRAY[
                    said ->> 'uid', said ->> 'bios_uuid', said ->> 'uuid']) AS each
            ) AS identity (digits) WHERE digits ~ '^[0-9a-f]{32}$'
            UNION SELECT 'mac ' || digits FROM (
                SELECT translate(lower(left(each #>> '{}', 100)), ':-.', '') FROM (
                    SELECT jsonb_path_query(said, '$.nics[*].mac')
                    UNION SELECT jsonb_path_query(said, '$.guest_nics[*].mac')
                    UNION SELECT jsonb_path_query(said, '$.pnics[*].mac')
                    UNION SELECT jsonb_path_query(said, '$.vmkernel_nics[*].mac')
                ) AS found (each)
            ) AS mac (digits) WHERE digits ~ '^[0-9a-f]{12}$'
            UNION SELECT 'ip ' || host(of) FROM address WHERE of IS NOT NULL
            UNION SELECT 'net' || family(of) || ' ' || substr(encode(inet_send(of), 'hex'), 9)
            FROM address WHERE of IS NOT NULL
        ))
$$;
"""
NO_TERMS = "DROP FUNCTION vmgov_terms(jsonb); DROP FUNCTION vmgov_address(text)"
FOLLOW = """
CREATE FUNCTION inventory_find_new() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO inventory_searchentry (asset_id, terms, earlier)
    SELECT id, vmgov_terms(record), '' FROM born;
    RETURN NULL;
END $$;
CREATE TRIGGER inventory_find_new AFTER INSERT ON inventory_asset
    REFERENCING NEW TABLE AS born FOR EACH STATEMENT EXECUTE FUNCTION inventory_find_new();
CREATE FUNCTION inventory_find_changed() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
DECLARE
    said tsvector := vmgov_terms(NEW.record);
BEGIN
    UPDATE inventory_searchentry
    SET terms = said, earlier = ts_delete(earlier || terms, tsvector_to_array(said))
    WHERE asset_id = NEW.id AND terms <> said;
    RETURN NULL;
END $$;
CREATE TRIGGER inventory_find_changed AFTER UPDATE OF record ON inventory_asset
    FOR EACH ROW WHEN (OLD.record IS DISTINCT FROM NEW.record)
    EXECUTE FUNCTION inventory_find_changed();
"""
NO_FOLLOW = """
DROP TRIGGER inventory_find_changed ON inventory_asset;
DROP FUNCTION inventory_find_changed();
DROP TRIGGER inventory_find_new ON inventory_asset;
DROP FUNCTION inventory_find_new();
"""
EXISTING = """
INSERT INTO inventory_searchentry (asset_id, terms, earlier)
SELECT a.id, a.said, ts_delete(coalesce(b.said, ''), tsvector_to_array(a.said))
FROM (SELECT id, vmgov_terms(record) AS said FROM inventory_asset OFFSET 0) a
LEFT JOIN (
    SELECT asset_id, array_to_tsvector(array_agg(DISTINCT term)) AS said
    FROM inventory_assetversion, unnest(tsvector_to_array(vmgov_terms(record))) AS term
    WHERE valid_to IS NOT NULL GROUP BY asset_id
) b ON b.asset_id = a.id
"""

# What the terms took over.
NO_WORDS = """
DROP INDEX asset_guest_nics;
DROP INDEX asset_nics;
DROP INDEX asset_words;
"""
WORDS = """
CREATE INDEX asset_words ON inventory_asset USING gin (vmgov_words(name));
CREATE INDEX asset_nics ON inventory_asset USING gin ((record -> 'nics') jsonb_path_ops);
CREATE INDEX asset_guest_nics ON inventory_asset
    USING gin ((record -> 'guest_nics') jsonb_path_ops);
"""


def _generated(expression, *, null=True):
    return models.GeneratedField(
        expression=expression, output_field=models.TextField(null=null), db_persist=True
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_sessions_and_lost_factors"),
        ("inventory", "0010_uploads"),
    ]
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(COLUMNS, NO_COLUMNS)],
            state_operations=[
                migrations.AddField(
                    "assetversion",
                    "away_since",
                    models.DateTimeField(editable=False, null=True),
                ),
                migrations.AddField(
                    "assetversion",
                    "sort_name",
                    _generated(Lower(Left(KeyTextTransform("name", "record"), 200)), null=False),
                ),
                *(
                    migrations.AddField(
                        "assetversion",
                        name,
                        _generated(Left(KeyTextTransform(name, "record"), length)),
                    )
                    for name, length in FACTS.items()
                ),
            ],
        ),
        migrations.RunSQL(PAST_RETURNS, migrations.RunSQL.noop),
        migrations.RunSQL(RETURNS, NO_RETURNS),
        migrations.CreateModel(
            "SearchEntry",
            [
                (
                    "asset",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search",
                        serialize=False,
                        to="inventory.asset",
                    ),
                ),
                ("terms", django.contrib.postgres.search.SearchVectorField(editable=False)),
                ("earlier", django.contrib.postgres.search.SearchVectorField(editable=False)),
            ],
        ),
        migrations.RunSQL(TERMS, NO_TERMS),
        migrations.RunSQL(EXISTING, migrations.RunSQL.noop),
        migrations.RunSQL(FOLLOW, NO_FOLLOW),
        migrations.RunSQL(NO_WORDS, WORDS),
        migrations.AddIndex(
            "searchentry",
            django.contrib.postgres.indexes.GinIndex(fields=["terms"], name="search_terms"),
        ),
        migrations.AddIndex(
            "searchentry",
            django.contrib.postgres.indexes.GinIndex(fields=["earlier"], name="search_earlier"),
        ),
        migrations.AddIndex(
            "asset",
            models.Index(
                fields=["kind", "first_seen_at"], include=("gone_at",), name="asset_known"
            ),
        ),
        migrations.AddIndex(
            "asset",
            models.Index(condition=Q(gone_at__isnull=False), fields=["gone_at"], name="asset_gone"),
        ),
        migrations.AddIndex(
            "assetversion",
            models.Index(fields=["kind", "sort_name", "id"], name="version_list"),
        ),
        *(
            migrations.AddIndex(
                "assetversion",
                models.Index(
                    fields=["kind", field, "id"],
                    include=("valid_from", "valid_to"),
                    name=f"version_of_{field}",
                ),
            )
            for field in ("classification", "criticality", "owner", "power_state")
        ),
        migrations.AddIndex(
            "assetversion",
            models.Index(fields=["valid_from", "id"], name="version_begun"),
        ),
        migrations.AddIndex(
            "assetversion",
            models.Index(
                F("valid_to").desc(nulls_last=True),
                F("id").desc(),
                condition=Q(valid_to__isnull=False),
                name="version_ended",
            ),
        ),
        migrations.AddIndex(
            "assetversion",
            models.Index(
                condition=Q(away_since__isnull=False), fields=["away_since"], name="version_return"
            ),
        ),
    ]
