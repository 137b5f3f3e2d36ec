"""What happened to findings and plans is kept as it was written, as with exceptions."""

import django.db.models.deletion
from django.db import migrations, models

KEEP = """
CREATE FUNCTION findings_keep_history() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION '% are kept as they are', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'history_kept';
END $$;
CREATE TRIGGER findings_keep_finding_events BEFORE UPDATE OR DELETE ON findings_findingevent
    FOR EACH ROW EXECUTE FUNCTION findings_keep_history();
CREATE TRIGGER findings_keep_all_finding_events BEFORE TRUNCATE ON findings_findingevent
    FOR EACH STATEMENT EXECUTE FUNCTION findings_keep_history();
CREATE TRIGGER findings_keep_plan_events BEFORE UPDATE OR DELETE ON findings_planevent
    FOR EACH ROW EXECUTE FUNCTION findings_keep_history();
CREATE TRIGGER findings_keep_all_plan_events BEFORE TRUNCATE ON findings_planevent
    FOR EACH STATEMENT EXECUTE FUNCTION findings_keep_history();
"""
UNDO = """
DROP TRIGGER findings_keep_all_plan_events ON findings_planevent;
DROP TRIGGER findings_keep_plan_events ON findings_planevent;
DROP TRIGGER findings_keep_all_finding_events ON findings_findingevent;
DROP TRIGGER findings_keep_finding_events ON findings_findingevent;
DROP FUNCTION findings_keep_history();
"""


class Migration(migrations.Migration):
    dependencies = [("findings", "0011_words_index")]

    operations = [
        migrations.AlterField(
            model_name="findingevent",
            name="run",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="inventory.syncrun",
            ),
        ),
        migrations.RunSQL(KEEP, UNDO),
    ]
