"""Refuse two roles that one person may not hold together, whoever asks (accounts.roles.SEPARATED)."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION accounts_separate_duties() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    held text;
BEGIN
    -- Two grants to one person at the same moment have to see each other.
    PERFORM 1 FROM accounts_user WHERE id = NEW.user_id FOR NO KEY UPDATE;
    SELECT assignment.role INTO held
    FROM accounts_roleassignment AS assignment
    JOIN (VALUES
        ('operator', 'approver'),
        ('user-admin', 'approver'),
        ('user-admin', 'operator'),
        ('auditor', 'analyst'),
        ('auditor', 'remediator'),
        ('auditor', 'approver'),
        ('auditor', 'operator'),
        ('auditor', 'user-admin')
    ) AS separated (one, other)
        ON (separated.one = NEW.role AND separated.other = assignment.role)
        OR (separated.other = NEW.role AND separated.one = assignment.role)
    WHERE assignment.user_id = NEW.user_id AND assignment.id <> NEW.id
    LIMIT 1;
    IF held IS NOT NULL THEN
        RAISE EXCEPTION 'one person may not hold both % and %', held, NEW.role
            USING ERRCODE = 'check_violation', CONSTRAINT = 'duties_separated';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER accounts_separate_duties BEFORE INSERT OR UPDATE ON accounts_roleassignment
    FOR EACH ROW EXECUTE FUNCTION accounts_separate_duties();
"""
BACKWARD = """
DROP TRIGGER accounts_separate_duties ON accounts_roleassignment;
DROP FUNCTION accounts_separate_duties();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_sessions_and_tokens")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
