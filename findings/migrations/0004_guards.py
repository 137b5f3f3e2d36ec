"""What the database itself guarantees about findings and exceptions, whoever asks it."""

from django.db import migrations

# A finding belongs to its asset's source and team. Lists are narrowed by these columns, so they may
# never differ from the asset's.
BELONGING = """
CREATE FUNCTION findings_belong() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- The lock makes a change of the asset's team wait, or us see it.
        SELECT source_id, team_id INTO NEW.source_id, NEW.team_id
        FROM inventory_asset WHERE id = NEW.asset_id FOR SHARE;
    ELSE
        SELECT source_id, team_id INTO NEW.source_id, NEW.team_id
        FROM inventory_asset WHERE id = NEW.asset_id;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER findings_belong BEFORE INSERT OR UPDATE OF asset_id, source_id, team_id
    ON findings_finding FOR EACH ROW EXECUTE FUNCTION findings_belong();

CREATE FUNCTION findings_follow_asset() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE findings_finding SET team_id = NEW.team_id WHERE asset_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER findings_follow_asset AFTER UPDATE OF team_id ON inventory_asset
    FOR EACH ROW WHEN (OLD.team_id IS DISTINCT FROM NEW.team_id)
    EXECUTE FUNCTION findings_follow_asset();
"""

# An exception begins as a request, is decided once by somebody else who is an approver, and is
# never changed afterwards except by ending it.
WAIVERS = """
CREATE FUNCTION findings_guard_waiver() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        RAISE EXCEPTION 'exceptions are kept'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_kept';
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'requested' OR NEW.decided_by_id IS NOT NULL
            OR NEW.decided_at IS NOT NULL OR NEW.reviewer_id IS NOT NULL
            OR NEW.ended_by_id IS NOT NULL OR NEW.at_most IS NOT NULL THEN
            RAISE EXCEPTION 'an exception begins as a request'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_begins_as_request';
        END IF;
        RETURN NEW;
    END IF;
    IF (OLD.requested_by_id, OLD.requested_at, OLD.scope, OLD.finding_id, OLD.asset_id,
        OLD.check_id, OLD.query, OLD.extends_id)
        IS DISTINCT FROM
       (NEW.requested_by_id, NEW.requested_at, NEW.scope, NEW.finding_id, NEW.asset_id,
        NEW.check_id, NEW.query, NEW.extends_id) THEN
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
    IF OLD.status NOT IN ('requested', 'in_review') AND
       (OLD.ground, OLD.reason, OLD.controls, OLD.control_check_id, OLD.evidence, OLD.due_after,
        OLD.decided_by_id, OLD.decided_at, OLD.decision, OLD.reviewer_id, OLD.reviewed_at,
        OLD.starts_at, OLD.expires_at, OLD.asked_count, OLD.approved_count, OLD.at_most)
       IS DISTINCT FROM
       (NEW.ground, NEW.reason, NEW.controls, NEW.control_check_id, NEW.evidence, NEW.due_after,
        NEW.decided_by_id, NEW.decided_at, NEW.decision, NEW.reviewer_id, NEW.reviewed_at,
        NEW.starts_at, NEW.expires_at, NEW.asked_count, NEW.approved_count, NEW.at_most) THEN
        RAISE EXCEPTION 'what was decided does not change'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_decision_stays';
    END IF;
    IF NEW.decided_by_id IS NOT NULL AND OLD.decided_by_id IS NULL THEN
        IF NEW.status NOT IN ('approved', 'rejected') THEN
            RAISE EXCEPTION 'only a decision has a decider'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_decision_has_a_person';
        END IF;
        PERFORM 1 FROM accounts_user AS person
            JOIN accounts_roleassignment AS held ON held.user_id = person.id
            WHERE person.id = NEW.decided_by_id AND person.is_active AND held.role = 'approver';
        IF NOT FOUND THEN
            RAISE EXCEPTION 'only an approver decides'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_decided_by_approver';
        END IF;
        -- Two accounts of one human are one pair of eyes.
        PERFORM 1 FROM accounts_user AS one, accounts_user AS other
            WHERE one.id = NEW.decided_by_id AND other.id = NEW.requested_by_id
            AND one.email <> '' AND lower(one.email) = lower(other.email);
        IF FOUND THEN
            RAISE EXCEPTION 'someone else has to decide'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'waiver_four_eyes';
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER findings_guard_waiver BEFORE INSERT OR UPDATE OR DELETE ON findings_waiver
    FOR EACH ROW EXECUTE FUNCTION findings_guard_waiver();

CREATE FUNCTION findings_guard_cover() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
DECLARE
    outside record;
BEGIN
    SELECT added.waiver_id, added.finding_id INTO outside
    FROM added
    JOIN findings_waiver AS waiver ON waiver.id = added.waiver_id
    JOIN findings_finding AS finding ON finding.id = added.finding_id
    WHERE waiver.status <> 'approved' OR NOT CASE waiver.scope
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
CREATE TRIGGER findings_guard_cover AFTER INSERT ON findings_waivercover
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION findings_guard_cover();
CREATE FUNCTION findings_cover_stays() RETURNS trigger LANGUAGE plpgsql
    SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION 'what an exception covers is added or taken away, not moved'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'cover_not_moved';
END $$;
CREATE TRIGGER findings_cover_stays BEFORE UPDATE ON findings_waivercover
    FOR EACH ROW EXECUTE FUNCTION findings_cover_stays();
"""

# What there was before: whose it is, how urgent, and when it was open.
BACKFILL = """
UPDATE findings_finding SET source_id = NULL, priority = LEAST(severity_rank + 1, 5);
INSERT INTO findings_findingspell (finding_id, opened_at, closed_at)
SELECT finding_id, at, CASE WHEN following = 'resolved' THEN GREATEST(next_at, at) END
FROM (
    SELECT finding_id, kind, at,
        lead(kind) OVER history AS following, lead(at) OVER history AS next_at
    FROM findings_findingevent WHERE kind IN ('opened', 'reopened', 'resolved')
    WINDOW history AS (PARTITION BY finding_id ORDER BY id)
) AS moves
WHERE kind <> 'resolved' AND (following IS NULL OR following = 'resolved');
"""

UNDO = """
DROP TRIGGER findings_cover_stays ON findings_waivercover;
DROP FUNCTION findings_cover_stays();
DROP TRIGGER findings_guard_cover ON findings_waivercover;
DROP FUNCTION findings_guard_cover();
DROP TRIGGER findings_guard_waiver ON findings_waiver;
DROP FUNCTION findings_guard_waiver();
DROP TRIGGER findings_follow_asset ON inventory_asset;
DROP FUNCTION findings_follow_asset();
DROP TRIGGER findings_belong ON findings_finding;
DROP FUNCTION findings_belong();
"""


class Migration(migrations.Migration):
    dependencies = [("findings", "0003_decisions"), ("inventory", "0001_initial")]
    operations = [
        migrations.RunSQL(BELONGING + WAIVERS, UNDO),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
    ]
