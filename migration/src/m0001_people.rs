//! Organisations, users, sessions, keys, and the audit log of what they did.

const TABLES: [&str; 9] = [
    "organizations",
    "users",
    "memberships",
    "invitations",
    "sessions",
    "refresh_tokens",
    "password_resets",
    "api_keys",
    "audit_entries",
];

const UP: &str = r"
CREATE TABLE organizations (
  id {uuid} PRIMARY KEY,
  name TEXT NOT NULL,
  default_region TEXT NOT NULL,
  is_operator BOOLEAN NOT NULL,
  created_at {time} NOT NULL,
  suspended_at {time},
  message_days INTEGER,
  media_days INTEGER,
  audit_days INTEGER,
  event_days INTEGER
)

CREATE UNIQUE INDEX organizations_one_operator ON organizations (is_operator) WHERE is_operator

CREATE TABLE users (
  id {uuid} PRIMARY KEY,
  email TEXT NOT NULL,
  name TEXT NOT NULL,
  phone TEXT,
  password_hash TEXT NOT NULL,
  is_operator BOOLEAN NOT NULL,
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL
)

CREATE UNIQUE INDEX users_email ON users (email)

CREATE TABLE memberships (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  user_id {uuid} NOT NULL REFERENCES users (id),
  role TEXT NOT NULL,
  created_at {time} NOT NULL
)

CREATE UNIQUE INDEX memberships_one_per_user ON memberships (organization_id, user_id)

CREATE INDEX memberships_user ON memberships (user_id, created_at)

CREATE INDEX memberships_page ON memberships (organization_id, created_at, id)

CREATE TABLE invitations (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  email TEXT NOT NULL,
  role TEXT NOT NULL,
  token_hash {bytes} NOT NULL,
  invited_by {uuid} REFERENCES users (id),
  created_at {time} NOT NULL,
  expires_at {time} NOT NULL,
  accepted_at {time}
)

CREATE UNIQUE INDEX invitations_token ON invitations (token_hash)

CREATE INDEX invitations_expired ON invitations (expires_at)

CREATE INDEX invitations_page ON invitations (organization_id, created_at, id)

CREATE TABLE sessions (
  id {uuid} PRIMARY KEY,
  user_id {uuid} NOT NULL REFERENCES users (id),
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  created_at {time} NOT NULL,
  expires_at {time} NOT NULL,
  revoked_at {time}
)

CREATE INDEX sessions_user ON sessions (user_id)

CREATE INDEX sessions_expired ON sessions (expires_at)

CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at IS NOT NULL

CREATE TABLE refresh_tokens (
  id {uuid} PRIMARY KEY,
  session_id {uuid} NOT NULL REFERENCES sessions (id),
  token_hash {bytes} NOT NULL,
  created_at {time} NOT NULL,
  used_at {time}
)

CREATE UNIQUE INDEX refresh_tokens_token ON refresh_tokens (token_hash)

CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id)

CREATE TABLE password_resets (
  id {uuid} PRIMARY KEY,
  user_id {uuid} NOT NULL REFERENCES users (id),
  token_hash {bytes} NOT NULL,
  created_at {time} NOT NULL,
  expires_at {time} NOT NULL,
  used_at {time}
)

CREATE UNIQUE INDEX password_resets_token ON password_resets (token_hash)

CREATE INDEX password_resets_expired ON password_resets (expires_at)

CREATE INDEX password_resets_user ON password_resets (user_id)

CREATE TABLE api_keys (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL,
  hint TEXT NOT NULL,
  secret_hash {bytes} NOT NULL,
  scopes {json} NOT NULL,
  created_by {uuid} REFERENCES users (id),
  created_at {time} NOT NULL,
  expires_at {time},
  last_used_at {time},
  revoked_at {time}
)

CREATE UNIQUE INDEX api_keys_secret ON api_keys (secret_hash)

CREATE INDEX api_keys_page ON api_keys (organization_id, created_at, id)

CREATE TABLE audit_entries (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} REFERENCES organizations (id),
  actor TEXT NOT NULL,
  user_id {uuid},
  api_key_id {uuid},
  action TEXT NOT NULL,
  subject TEXT,
  outcome TEXT NOT NULL,
  error_code TEXT,
  detail {json} NOT NULL,
  ip TEXT,
  request_id TEXT NOT NULL,
  created_at {time} NOT NULL
)

CREATE INDEX audit_entries_page ON audit_entries (organization_id, created_at, id)

CREATE INDEX audit_entries_nobodys ON audit_entries (created_at, id) WHERE organization_id IS NULL

CREATE INDEX audit_entries_subject ON audit_entries (organization_id, subject, created_at, id) WHERE subject IS NOT NULL
";

crate::step!();
