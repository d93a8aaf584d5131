//! Outgoing webhooks: partners' endpoints, their secrets, what is delivered to them, and durable readers of the event log.

const TABLES: [&str; 5] =
    ["event_readers", "webhook_endpoints", "webhook_secrets", "webhook_deliveries", "webhook_attempts"];

const UP: &str = r"
CREATE TABLE event_readers (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  position BIGINT NOT NULL
)

CREATE INDEX event_readers_place ON event_readers (organization_id, position, id)

CREATE TABLE webhook_endpoints (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  url TEXT NOT NULL,
  types {json} NOT NULL,
  description TEXT NOT NULL,
  failing_since {time},
  disabled_at {time},
  disabled_reason TEXT,
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL
)

CREATE INDEX webhook_endpoints_page ON webhook_endpoints (organization_id, created_at, id)

CREATE TABLE webhook_secrets (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  endpoint_id {uuid} NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
  secret {bytes} NOT NULL,
  hint TEXT NOT NULL,
  created_at {time} NOT NULL,
  expires_at {time}
)

CREATE INDEX webhook_secrets_endpoint ON webhook_secrets (endpoint_id, created_at)

CREATE TABLE webhook_deliveries (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  endpoint_id {uuid} NOT NULL REFERENCES webhook_endpoints (id) ON DELETE CASCADE,
  position BIGINT NOT NULL,
  kind TEXT NOT NULL,
  body TEXT NOT NULL,
  status TEXT NOT NULL,
  tries INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  next_attempt_at {time},
  created_at {time} NOT NULL,
  finished_at {time}
)

CREATE UNIQUE INDEX webhook_deliveries_event ON webhook_deliveries (endpoint_id, position)

CREATE INDEX webhook_deliveries_turn ON webhook_deliveries (endpoint_id, status, position)

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, status, next_attempt_at)

CREATE INDEX webhook_deliveries_page ON webhook_deliveries (endpoint_id, created_at, id)

CREATE INDEX webhook_deliveries_over ON webhook_deliveries (finished_at) WHERE finished_at IS NOT NULL

CREATE TABLE webhook_attempts (
  delivery_id {uuid} NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  started_at {time} NOT NULL,
  duration_ms BIGINT NOT NULL,
  http_status INTEGER,
  error TEXT,
  PRIMARY KEY (delivery_id, ordinal)
)
";

crate::step!();
