//! Conversations, messages, and all that is known of their way.

const TABLES: [&str; 6] =
    ["conversations", "messages", "message_media", "attempts", "message_timeline", "receipts"];

const UP: &str = r"
CREATE TABLE conversations (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  number_id {uuid} REFERENCES numbers (id) ON DELETE SET NULL,
  sender TEXT NOT NULL,
  contact_number TEXT NOT NULL,
  contact_id {uuid} REFERENCES contacts (id) ON DELETE SET NULL,
  last_message_id {uuid},
  last_message_at {time} NOT NULL,
  last_direction TEXT NOT NULL,
  unread_count INTEGER NOT NULL,
  last_read_at {time},
  created_at {time} NOT NULL
)

CREATE UNIQUE INDEX conversations_pair ON conversations (organization_id, sender, contact_number)

CREATE INDEX conversations_page ON conversations (organization_id, last_message_at, id)

CREATE INDEX conversations_contact_number ON conversations (organization_id, contact_number, last_message_at, id)

CREATE INDEX conversations_contact ON conversations (contact_id, last_message_at, id)

CREATE INDEX conversations_number ON conversations (number_id, last_message_at, id)

CREATE TABLE messages (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  conversation_id {uuid} NOT NULL REFERENCES conversations (id),
  number_id {uuid} REFERENCES numbers (id) ON DELETE SET NULL,
  carrier_config_id {uuid} REFERENCES carrier_configs (id) ON DELETE SET NULL,
  account TEXT NOT NULL,
  direction TEXT NOT NULL,
  sender TEXT NOT NULL,
  recipient TEXT NOT NULL,
  body TEXT NOT NULL,
  media_count INTEGER NOT NULL,
  segments INTEGER NOT NULL,
  encoding TEXT NOT NULL,
  country TEXT,
  status TEXT NOT NULL,
  status_rank INTEGER NOT NULL,
  carrier_status TEXT,
  carrier_message_id TEXT,
  error_code INTEGER,
  error_message TEXT,
  is_test BOOLEAN NOT NULL,
  user_id {uuid} REFERENCES users (id),
  api_key_id {uuid} REFERENCES api_keys (id),
  priority INTEGER NOT NULL,
  scheduled_at {time},
  validity_seconds INTEGER,
  price_micros BIGINT,
  price_currency TEXT,
  attempts INTEGER NOT NULL,
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL,
  sent_at {time},
  delivered_at {time},
  failed_at {time},
  redacted_at {time},
  carrier_redacted_at {time}
)

CREATE UNIQUE INDEX messages_carrier_id ON messages (account, carrier_message_id) WHERE carrier_message_id IS NOT NULL

CREATE INDEX messages_page ON messages (organization_id, created_at, id)

CREATE INDEX messages_conversation ON messages (conversation_id, created_at, id)

CREATE INDEX messages_config ON messages (carrier_config_id)

CREATE INDEX messages_number ON messages (number_id, created_at, id)

CREATE INDEX messages_media ON messages (organization_id, created_at, id) WHERE media_count > 0

CREATE INDEX messages_hanging ON messages (updated_at, id) WHERE status IN ('SENDING', 'SENT')

CREATE INDEX messages_route ON messages (account, sender, recipient, created_at)

CREATE INDEX messages_unknown ON messages (id) WHERE status = 'UNKNOWN'

CREATE TABLE message_media (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  message_id {uuid} NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  position INTEGER NOT NULL,
  url TEXT NOT NULL,
  content_type TEXT
)

CREATE UNIQUE INDEX message_media_place ON message_media (message_id, position)

CREATE TABLE attempts (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  message_id {uuid} NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  carrier_config_id {uuid} NOT NULL,
  ordinal INTEGER NOT NULL,
  state TEXT NOT NULL,
  fence BIGINT NOT NULL,
  carrier_message_id TEXT,
  guessed BOOLEAN NOT NULL,
  error_code INTEGER,
  error_message TEXT,
  clean_lists INTEGER NOT NULL,
  started_at {time} NOT NULL,
  ended_at {time}
)

CREATE INDEX attempts_open ON attempts (carrier_config_id) WHERE state IN ('STARTED', 'IN_DOUBT')

CREATE INDEX attempts_under_way ON attempts (message_id) WHERE state = 'STARTED'

CREATE INDEX attempts_carrier_id ON attempts (carrier_message_id) WHERE carrier_message_id IS NOT NULL

CREATE UNIQUE INDEX attempts_ordinal ON attempts (message_id, ordinal)

CREATE TABLE message_timeline (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  message_id {uuid} NOT NULL REFERENCES messages (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  detail {json} NOT NULL,
  created_at {time} NOT NULL
)

CREATE INDEX message_timeline_order ON message_timeline (message_id, id)

CREATE TABLE receipts (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  account TEXT NOT NULL,
  carrier_message_id TEXT NOT NULL,
  attempt_id {uuid},
  message_id {uuid} REFERENCES messages (id) ON DELETE CASCADE,
  carrier_status TEXT NOT NULL,
  error_code INTEGER,
  raw {json} NOT NULL,
  created_at {time} NOT NULL
)

CREATE INDEX receipts_carrier_id ON receipts (account, carrier_message_id)

CREATE INDEX receipts_parked ON receipts (created_at) WHERE message_id IS NULL

CREATE INDEX receipts_message ON receipts (message_id, id) WHERE message_id IS NOT NULL
";

crate::step!();
