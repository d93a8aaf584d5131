//! Event log, jobs, pacing, idempotency keys, throttles and switches.

const TABLES: [&str; 7] =
    ["event_counters", "events", "jobs", "lanes", "idempotency_keys", "throttles", "system_settings"];

const UP: &str = r"
CREATE TABLE event_counters (
  organization_id {uuid} PRIMARY KEY REFERENCES organizations (id),
  position BIGINT NOT NULL
)

CREATE TABLE events (
  organization_id {uuid} NOT NULL,
  position BIGINT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  data {json} NOT NULL,
  created_at {time} NOT NULL,
  PRIMARY KEY (organization_id, position)
)

CREATE INDEX events_subject ON events (organization_id, subject)

CREATE TABLE jobs (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  payload {json} NOT NULL,
  priority INTEGER NOT NULL,
  run_at {time} NOT NULL,
  lane TEXT,
  waiting BOOLEAN NOT NULL,
  lease_token BIGINT NOT NULL,
  leased_until BIGINT,
  tries INTEGER NOT NULL,
  dead_at {time},
  last_error TEXT,
  created_at {time} NOT NULL
)

CREATE UNIQUE INDEX jobs_subject ON jobs (kind, subject)

CREATE INDEX jobs_queue ON jobs (priority, run_at, id) WHERE dead_at IS NULL AND NOT waiting

CREATE INDEX jobs_turns ON jobs (organization_id, priority, run_at, id) WHERE dead_at IS NULL AND NOT waiting

CREATE INDEX jobs_age ON jobs (run_at) WHERE dead_at IS NULL AND NOT waiting

CREATE INDEX jobs_line ON jobs (lane, priority, run_at, id) WHERE waiting

CREATE INDEX jobs_line_age ON jobs (run_at) WHERE waiting

CREATE INDEX jobs_turn ON jobs (lane) WHERE lane IS NOT NULL AND NOT waiting

CREATE INDEX jobs_dead ON jobs (organization_id, dead_at, id) WHERE dead_at IS NOT NULL

CREATE TABLE lanes (
  key TEXT PRIMARY KEY,
  next_at BIGINT NOT NULL,
  gap BIGINT NOT NULL,
  waiting BOOLEAN NOT NULL
)

CREATE INDEX lanes_due ON lanes (next_at) WHERE waiting

CREATE TABLE idempotency_keys (
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  mutation TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint {bytes} NOT NULL,
  subject TEXT NOT NULL,
  created_at {time} NOT NULL,
  PRIMARY KEY (organization_id, mutation, key)
)

CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at)

CREATE TABLE throttles (
  key TEXT PRIMARY KEY,
  failures INTEGER NOT NULL,
  window_start {time} NOT NULL
)

CREATE INDEX throttles_over ON throttles (window_start)

CREATE TABLE system_settings (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
)
";

crate::step!();
