"""What an exception is limited to, and more of what the database itself guarantees about it."""

from importlib import import_module

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# An exception begins as a request, is reviewed and decided by somebody else who is an approver, is
# never lengthened, and never changed after the decision except by ending it once.
WAIVERS = """
CREATE OR REPLACE FUNCTION findings_guard_waiver() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
DECLARE
    person bigint;
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'exceptions are kept'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_kept';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'requested' OR NEW.decided_by_id IS NOT NULL
            OR NEW.decided_at IS NOT NULL OR NEW.reviewer_id IS NOT NULL
            OR NEW.ended_by_id IS NOT NULL OR NEW.ended_at IS NOT NULL
            OR NEW.at_most IS NOT NULL OR NEW.gravest IS NOT NULL THEN
            RAISE EXCEPTION 'an exception begins as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_begins_as_request';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.requested_by_id, OLD.requested_at, OLD.scope, OLD.finding_id, OLD.asset_id,
        OLD.check_id, OLD.query, OLD.teams, OLD.extends_id)
        IS DISTINCT FROM
       (NEW.requested_by_id, NEW.requested_at, NEW.scope, NEW.finding_id, NEW.asset_id,
        NEW.check_id, NEW.query, NEW.teams, NEW.extends_id) THEN
        RAISE EXCEPTION 'who asked for an exception, and for what, does not change'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_request_stays';
    END IF;
    IF OLD.status <> NEW.status AND NOT (OLD.status || '>' || NEW.status) = ANY (ARRAY[
        'requested>in_review', 'requested>approved', 'requested>rejected', 'requested>withdrawn',
        'in_review>requested', 'in_review>approved', 'in_review>rejected', 'in_review>withdrawn',
        'approved>revoked']) THEN
        RAISE EXCEPTION 'an exception does not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_transition';
    END IF;
    IF NEW.starts_at <> OLD.starts_at OR NEW.expires_at > OLD.expires_at THEN
        RAISE EXCEPTION 'an exception is shortened, never moved or lengthened'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_never_lengthened';
    END IF;
    IF NEW.version < OLD.version THEN
        RAISE EXCEPTION 'versions are counted upwards'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_version_counts';
    END IF;
    IF OLD.status NOT IN ('requested', 'in_review') AND
       (OLD.ground, OLD.reason, OLD.controls, OLD.control_check_id, OLD.evidence, OLD.due_after,
        OLD.decided_by_id, OLD.decided_at, OLD.decision, OLD.reviewer_id, OLD.reviewed_at,
        OLD.expires_at, OLD.asked_count, OLD.approved_count, OLD.at_most, OLD.gravest)
       IS DISTINCT FROM
       (NEW.ground, NEW.reason, NEW.controls, NEW.control_check_id, NEW.evidence, NEW.due_after,
        NEW.decided_by_id, NEW.decided_at, NEW.decision, NEW.reviewer_id, NEW.reviewed_at,
        NEW.expires_at, NEW.asked_count, NEW.approved_count, NEW.at_most, NEW.gravest) THEN
        RAISE EXCEPTION 'what was decided does not change'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_decision_stays';
    END IF;
    IF (OLD.ended_by_id, OLD.ended_at, OLD.end_reason)
       IS DISTINCT FROM (NEW.ended_by_id, NEW.ended_at, NEW.end_reason)
       AND (OLD.ended_at IS NOT NULL OR NEW.status NOT IN ('withdrawn', 'revoked')) THEN
        RAISE EXCEPTION 'an exception ends once'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_ends_once';
    END IF;
    IF NEW.decided_by_id IS NOT NULL AND OLD.decided_by_id IS NULL
       AND NEW.status NOT IN ('approved', 'rejected') THEN
        RAISE EXCEPTION 'only a decision has a decider'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_decision_has_a_person';
    END IF;
    FOREACH person IN ARRAY ARRAY[
        CASE WHEN NEW.decided_by_id IS DISTINCT FROM OLD.decided_by_id THEN NEW.decided_by_id END,
        CASE WHEN NEW.reviewer_id IS DISTINCT FROM OLD.reviewer_id THEN NEW.reviewer_id END] LOOP
        CONTINUE WHEN person IS NULL;
        PERFORM 1 FROM accounts_user AS one
            JOIN accounts_roleassignment AS held ON held.user_id = one.id
            WHERE one.id = person AND one.is_active AND held.role = 'approver';
        IF NOT FOUND THEN
            RAISE EXCEPTION 'only an approver reviews and decides'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_decided_by_approver';
        END IF;
        -- Two accounts of one human are one pair of eyes.
        PERFORM 1 FROM accounts_user AS one, accounts_user AS other
            WHERE one.id = person AND other.id = NEW.requested_by_id
            AND (one.id = other.id
                OR trim(one.email) <> '' AND lower(trim(one.email)) = lower(trim(other.email)));
        IF FOUND THEN
            RAISE EXCEPTION 'someone else has to decide'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_four_eyes';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

CREATE FUNCTION findings_keep() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION '% are kept as they are', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_kept';
END $$;
CREATE TRIGGER findings_keep_waivers BEFORE TRUNCATE ON findings_waiver
    FOR EACH STATEMENT EXECUTE FUNCTION findings_keep();
CREATE TRIGGER findings_keep_waiver_events BEFORE UPDATE OR DELETE ON findings_waiverevent
    FOR EACH ROW EXECUTE FUNCTION findings_keep();
CREATE TRIGGER findings_keep_all_waiver_events BEFORE TRUNCATE ON findings_waiverevent
    FOR EACH STATEMENT EXECUTE FUNCTION findings_keep();
"""

# It covers what it was approved for: nothing outside its scope, nothing graver, no other team's.
COVERS = """
CREATE OR REPLACE FUNCTION findings_guard_cover() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
DECLARE
    outside record;
BEGIN
    SELECT added.waiver_id, added.finding_id INTO outside
    FROM added
    JOIN findings_waiver AS waiver ON waiver.id = added.waiver_id
    JOIN findings_finding AS finding ON finding.id = added.finding_id
    WHERE waiver.status <> 'approved' OR finding.severity_rank < waiver.gravest
    OR waiver.teams IS NOT NULL AND NOT coalesce(finding.team_id = ANY (waiver.teams), FALSE)
    OR NOT CASE waiver.scope
        WHEN 'finding' THEN waiver.finding_id = finding.id
        WHEN 'asset' THEN waiver.asset_id = finding.asset_id
            AND waiver.check_id IN ('', finding.check_id)
        WHEN 'check' THEN waiver.check_id = finding.check_id
        ELSE TRUE
    END
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'exception % does not cover finding %', outside.waiver_id, outside.finding_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cover_within_scope';
    END IF;
    SELECT waiver.id AS waiver_id INTO outside
    FROM findings_waiver AS waiver
    WHERE waiver.id IN (SELECT waiver_id FROM added)
    AND waiver.at_most < (
        SELECT count(*) FROM findings_waivercover AS cover WHERE cover.waiver_id = waiver.id)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'exception % may not cover more', outside.waiver_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'cover_at_most';
    END IF;
    RETURN NULL;
END $$;

-- A machine that goes to another team leaves the exceptions of people who saw only the former.
CREATE FUNCTION findings_leave_team() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    DELETE FROM findings_waivercover AS cover USING findings_waiver AS waiver
    WHERE cover.finding_id = NEW.id AND waiver.id = cover.waiver_id AND waiver.teams IS NOT NULL
    AND NOT coalesce(NEW.team_id = ANY (waiver.teams), FALSE);
    RETURN NULL;
END $$;
CREATE TRIGGER findings_leave_team AFTER UPDATE OF team_id ON findings_finding
    FOR EACH ROW WHEN (OLD.team_id IS DISTINCT FROM NEW.team_id)
    EXECUTE FUNCTION findings_leave_team();
"""

BEFORE = import_module("findings.migrations.0004_guards").WAIVERS
UNDO = """
DROP TRIGGER findings_leave_team ON findings_finding;
DROP FUNCTION findings_leave_team();
DROP TRIGGER findings_keep_waivers ON findings_waiver;
DROP TRIGGER findings_keep_waiver_events ON findings_waiverevent;
DROP TRIGGER findings_keep_all_waiver_events ON findings_waiverevent;
DROP FUNCTION findings_keep();
""" + BEFORE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION").replace(
    "CREATE TRIGGER", "CREATE OR REPLACE TRIGGER"
)


class Migration(migrations.Migration):
    dependencies = [
        ("findings", "0008_posture"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(model_name="waiver", name="waiver_covers_at_most"),
        migrations.AddField(
            model_name="waiver",
            name="gravest",
            field=models.PositiveSmallIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="waiver",
            name="teams",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), editable=False, null=True, size=None
            ),
        ),
        migrations.AlterField(
            model_name="waiver",
            name="extends",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="extensions",
                to="findings.waiver",
            ),
        ),
        migrations.AddField(
            model_name="waivercover",
            name="due_was",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="waivercover",
            name="due_set",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddConstraint(
            model_name="waiver",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "approved"), _negated=True),
                    models.Q(("at_most__isnull", False), ("gravest__isnull", False)),
                    _connector="OR",
                ),
                name="waiver_covers_at_most",
            ),
        ),
        migrations.AddConstraint(
            model_name="waiver",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("teams", None), ("scope__in", ["check", "query"]), _connector="OR"
                ),
                name="waiver_teams_limit_a_search",
            ),
        ),
        migrations.AddConstraint(
            model_name="waiver",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["requested", "in_review", "approved"])),
                fields=("extends",),
                name="waiver_extended_once",
                violation_error_message="Somebody has asked for this extension already.",
            ),
        ),
        migrations.RunSQL(WAIVERS + COVERS, UNDO),
    ]
