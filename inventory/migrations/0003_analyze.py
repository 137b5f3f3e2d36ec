"""Let the application refresh the planner's statistics of tables that it does not own."""

from django.db import migrations

# Who owns a table may ANALYZE it, and PostgreSQL before 17 can let nobody else. The names arrive
# as tables, not as text, so nothing else can be run by it; it looks nothing up.
FORWARD = """
CREATE FUNCTION inventory_analyze(VARIADIC tables regclass[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    one regclass;
BEGIN
    FOREACH one IN ARRAY tables LOOP
        EXECUTE format('ANALYZE %s', one);
    END LOOP;
END $$;
"""
BACKWARD = "DROP FUNCTION inventory_analyze(regclass[])"


class Migration(migrations.Migration):
    dependencies = [("inventory", "0002_judged_as")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
