-- +goose Up
-- The journal: one row for every item of every authentic webhook that routed to a tenant.
CREATE TABLE webhook_items (
  tenant_id          uuid NOT NULL REFERENCES tenants,
  id                 uuid NOT NULL,
  channel_account_id uuid NOT NULL,
  provider           text NOT NULL,
  item_key           text NOT NULL DEFAULT '',
  -- MESSAGE: once APPLIED, its item_key is the external_id of a message or a mark, so that verify can prove that it took effect.
  kind               text NOT NULL CHECK (kind IN ('MESSAGE', 'RECEIPT', 'NOTICE', 'UNREADABLE')),
  raw                bytea,  -- NULL for a DUPLICATE: the first delivery holds the bytes
  state              text NOT NULL CHECK (state IN ('APPLIED', 'DUPLICATE', 'QUARANTINED')),
  reason             text,
  received_at        timestamptz NOT NULL,
  replayed_at        timestamptz, -- a QUARANTINED item that was applied later becomes APPLIED and keeps this mark
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, channel_account_id) REFERENCES channel_accounts
);
CREATE INDEX webhook_items_received_idx ON webhook_items (tenant_id, channel_account_id, received_at);
CREATE INDEX webhook_items_quarantine_idx ON webhook_items (tenant_id, received_at) WHERE state = 'QUARANTINED';
CALL app.protect('webhook_items');

-- Authentic items that belong to no account. They name no tenant, so no tenant can read them; operators can.
CREATE TABLE app.unrouted_webhook_items (
  id          uuid PRIMARY KEY,
  provider    text NOT NULL,
  account_ref text NOT NULL,
  item_key    text NOT NULL,
  raw         bytea NOT NULL,
  reason      text NOT NULL,
  received_at timestamptz NOT NULL
);
GRANT INSERT ON app.unrouted_webhook_items TO switchboard_app;
