-- +goose Up
CREATE TABLE channel_accounts (
  tenant_id          uuid NOT NULL REFERENCES tenants,
  id                 uuid NOT NULL,
  channel            text NOT NULL CHECK (channel IN ('WHATSAPP', 'EMAIL', 'SMS', 'WEBCHAT', 'MESSENGER', 'INSTAGRAM')),
  provider           text NOT NULL,
  external_ref       text NOT NULL,
  name               text NOT NULL,
  team_id            uuid,
  status             text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'NEEDS_REAUTH', 'DISABLED')),
  settings           jsonb NOT NULL DEFAULT '{}',
  credentials_sealed bytea NOT NULL,
  -- 128 random bits in the webhook address of this account, instead of a name that could be guessed.
  endpoint_id        text NOT NULL,
  created_at         timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  -- These two cross tenants on purpose: a webhook is routed by what the provider says, so only one tenant may own it.
  CONSTRAINT channel_accounts_external_ref_key UNIQUE (provider, external_ref),
  CONSTRAINT channel_accounts_endpoint_id_key UNIQUE (endpoint_id),
  FOREIGN KEY (tenant_id, team_id) REFERENCES teams
);
CALL app.protect('channel_accounts');
CALL app.let_sweeper_read('channel_accounts');

CREATE TABLE contacts (
  tenant_id  uuid NOT NULL REFERENCES tenants,
  id         uuid NOT NULL,
  name       text NOT NULL DEFAULT '',
  version    bigint NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CALL app.protect('contacts');

CREATE TABLE contact_identities (
  tenant_id      uuid NOT NULL,
  kind           text NOT NULL CHECK (kind IN ('PHONE', 'EMAIL', 'META_USER_ID')),
  value          text NOT NULL,
  contact_id     uuid NOT NULL,
  created_at     timestamptz NOT NULL,
  -- Set when a provider says that this identity cannot be reached; cleared when the person writes.
  invalid_at     timestamptz,
  invalid_reason text,
  CONSTRAINT contact_identities_pkey PRIMARY KEY (tenant_id, kind, value),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts
);
CREATE INDEX contact_identities_contact_idx ON contact_identities (tenant_id, contact_id);
CALL app.protect('contact_identities');
