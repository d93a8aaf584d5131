//! What must stay, and what must not: the audit log, which nobody can rewrite, and the marks that deleted messages leave.
//!
//! The database itself lets audit entries go only when they are older than their organisation keeps them, and never
//! before 30 days: by its own clock, which no caller of ours can set. Nothing else tells the sweep from a forger.

const TABLES: [&str; 1] = ["tombstones"];

const UP: &str = r"
CREATE TABLE tombstones (
  account TEXT NOT NULL,
  carrier_message_id TEXT NOT NULL,
  created_at {time} NOT NULL,
  PRIMARY KEY (account, carrier_message_id)
)

-- SQLite
CREATE TRIGGER audit_entries_no_change BEFORE UPDATE ON audit_entries
BEGIN
  SELECT RAISE(ABORT, 'audit_entries is append-only');
END

-- SQLite: INSERT OR REPLACE deletes without asking the triggers of DELETE
CREATE TRIGGER audit_entries_no_replacement BEFORE INSERT ON audit_entries
WHEN EXISTS (SELECT 1 FROM audit_entries WHERE id = NEW.id)
BEGIN
  SELECT RAISE(ABORT, 'audit_entries is append-only');
END

-- SQLite
CREATE TRIGGER audit_entries_kept BEFORE DELETE ON audit_entries
WHEN julianday(OLD.created_at) >= julianday('now') - MAX(30, COALESCE(
  (SELECT audit_days FROM organizations WHERE id = OLD.organization_id),
  (SELECT CAST(value AS INTEGER) FROM system_settings WHERE key = 'audit_days'),
  30))
BEGIN
  SELECT RAISE(ABORT, 'audit_entries is append-only');
END

-- PostgreSQL
CREATE OR REPLACE FUNCTION audit_entries_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  kept INTEGER;
BEGIN
  IF TG_OP = 'DELETE' THEN
    kept := GREATEST(30, COALESCE(
      (SELECT audit_days FROM organizations WHERE id = OLD.organization_id),
      (SELECT CAST(value AS INTEGER) FROM system_settings WHERE key = 'audit_days'),
      30));
    IF OLD.created_at < clock_timestamp() - make_interval(days => kept) THEN
      RETURN OLD;
    END IF;
  END IF;
  RAISE EXCEPTION 'audit_entries is append-only';
END
$$

-- PostgreSQL
CREATE TRIGGER audit_entries_kept BEFORE UPDATE OR DELETE ON audit_entries
  FOR EACH ROW EXECUTE FUNCTION audit_entries_guard()

-- PostgreSQL
CREATE TRIGGER audit_entries_not_emptied BEFORE TRUNCATE ON audit_entries
  FOR EACH STATEMENT EXECUTE FUNCTION audit_entries_guard()
";

crate::step!();
