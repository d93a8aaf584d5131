//! Carrier configs, senders, contacts, refusals and keywords.

const TABLES: [&str; 6] =
    ["carrier_configs", "numbers", "contacts", "contact_numbers", "opt_outs", "keywords"];

const UP: &str = r"
CREATE TABLE carrier_configs (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} REFERENCES organizations (id),
  provider TEXT NOT NULL,
  account TEXT NOT NULL,
  account_id TEXT NOT NULL,
  credentials {bytes} NOT NULL,
  credentials_hint TEXT NOT NULL,
  credentials_set_at {time} NOT NULL,
  base_url TEXT NOT NULL,
  default_sender TEXT,
  messaging_service TEXT,
  in_doubt_policy TEXT NOT NULL,
  messages_per_second INTEGER NOT NULL,
  replies_to_stop BOOLEAN NOT NULL,
  proven_at {time},
  is_test BOOLEAN NOT NULL,
  is_default BOOLEAN NOT NULL,
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL
)

CREATE UNIQUE INDEX carrier_configs_one_per_provider ON carrier_configs (organization_id, provider) WHERE organization_id IS NOT NULL

CREATE UNIQUE INDEX carrier_configs_one_system ON carrier_configs (provider) WHERE organization_id IS NULL

CREATE INDEX carrier_configs_account ON carrier_configs (account)

CREATE TABLE numbers (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  carrier_config_id {uuid} NOT NULL REFERENCES carrier_configs (id) ON DELETE CASCADE,
  account TEXT NOT NULL,
  address TEXT NOT NULL,
  country TEXT,
  status TEXT NOT NULL,
  is_primary BOOLEAN NOT NULL,
  created_at {time} NOT NULL
)

CREATE UNIQUE INDEX numbers_address ON numbers (account, address)

CREATE INDEX numbers_page ON numbers (organization_id, created_at, id)

CREATE INDEX numbers_config ON numbers (carrier_config_id)

CREATE TABLE contacts (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  name TEXT,
  external_id TEXT,
  metadata {json} NOT NULL,
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL
)

CREATE UNIQUE INDEX contacts_external_id ON contacts (organization_id, external_id) WHERE external_id IS NOT NULL

CREATE INDEX contacts_page ON contacts (organization_id, created_at, id)

CREATE TABLE contact_numbers (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  contact_id {uuid} NOT NULL REFERENCES contacts (id) ON DELETE CASCADE,
  phone_number TEXT NOT NULL,
  position INTEGER NOT NULL
)

CREATE UNIQUE INDEX contact_numbers_number ON contact_numbers (organization_id, phone_number)

CREATE INDEX contact_numbers_contact ON contact_numbers (contact_id, position)

CREATE TABLE opt_outs (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  contact_number TEXT NOT NULL,
  scope TEXT NOT NULL,
  sender_key TEXT NOT NULL,
  origin_key TEXT NOT NULL,
  source TEXT NOT NULL,
  created_at {time} NOT NULL,
  lifted_at {time}
)

CREATE UNIQUE INDEX opt_outs_one ON opt_outs (contact_number, organization_id, scope, sender_key)

CREATE INDEX opt_outs_page ON opt_outs (organization_id, created_at, id)

CREATE TABLE keywords (
  id {uuid} PRIMARY KEY,
  organization_id {uuid} NOT NULL REFERENCES organizations (id),
  word TEXT NOT NULL,
  reply TEXT NOT NULL,
  active BOOLEAN NOT NULL,
  created_at {time} NOT NULL,
  updated_at {time} NOT NULL
)

CREATE UNIQUE INDEX keywords_word ON keywords (organization_id, word)
";

crate::step!();
