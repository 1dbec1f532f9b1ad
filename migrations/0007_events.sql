-- +goose Up
-- One change of a tenant's data. Numbered without gaps in commit order, because the number is taken under the tenant_heads row lock
-- as the last act of the transaction.
CREATE TABLE events (
  tenant_id             uuid NOT NULL,
  seq                   bigint NOT NULL,
  kind                  text NOT NULL,
  at                    timestamptz NOT NULL,
  actor_kind            text NOT NULL CHECK (actor_kind IN ('AGENT', 'API_KEY', 'CONTACT', 'SYSTEM')),
  actor_id              uuid,
  cause                 text,
  conversation_id       uuid,
  channel_account_id    uuid,
  contact_id            uuid,
  message_id            uuid,
  message_seq           bigint,
  direction             text,
  agent_id              uuid,   -- whom an access or read event concerns
  session_id            uuid,   -- the sign-in an access event concerns; NULL: all of the agent's
  alert_id              uuid,
  version               bigint, -- of the conversation, or of the message for message events
  status_before         text,
  status_after          text,
  assignee_before       uuid,
  assignee_after        uuid,
  team_before           uuid,
  team_after            uuid,
  message_status_before text,
  message_status_after  text,
  PRIMARY KEY (tenant_id, seq)
);
CALL app.protect('events');
REVOKE UPDATE ON events FROM switchboard_app;

CREATE TABLE idempotency_keys (
  tenant_id    uuid  NOT NULL,
  actor_id     uuid  NOT NULL,
  key          text  NOT NULL,
  operation    text  NOT NULL,
  request_hash bytea NOT NULL,
  result       jsonb NOT NULL DEFAULT '{}', -- the ids of what the mutation made or changed, resolved again for every answer
  created_at   timestamptz NOT NULL,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, actor_id, key),
  FOREIGN KEY (tenant_id) REFERENCES tenants
);
CREATE INDEX idempotency_keys_created_idx ON idempotency_keys (created_at);
CALL app.protect('idempotency_keys');
CALL app.let_sweeper_read('idempotency_keys');

-- Who did what, written in the transaction that did it. The login role can add and read, never change or remove.
CREATE TABLE audit_log (
  tenant_id      uuid NOT NULL REFERENCES tenants,
  id             uuid NOT NULL,
  at             timestamptz NOT NULL,
  actor_kind     text NOT NULL CHECK (actor_kind IN ('AGENT', 'API_KEY', 'CONTACT', 'SYSTEM', 'OPERATOR')),
  actor_id       uuid,
  action         text NOT NULL,
  subject_kind   text NOT NULL,
  subject_id     uuid,
  details        jsonb NOT NULL DEFAULT '{}',
  correlation_id text,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX audit_log_at_idx ON audit_log (tenant_id, at);
CALL app.protect('audit_log');
REVOKE UPDATE, DELETE ON audit_log FROM switchboard_app;
CALL app.let_sweeper_read('audit_log');

-- The hash chain over the audit rows, added by a job shortly after them: hash = SHA-256(hash before || row).
CREATE TABLE audit_seals (
  tenant_id uuid   NOT NULL,
  no        bigint NOT NULL,
  audit_id  uuid   NOT NULL,
  hash      bytea  NOT NULL,
  PRIMARY KEY (tenant_id, no),
  CONSTRAINT audit_seals_audit_id_key UNIQUE (tenant_id, audit_id),
  FOREIGN KEY (tenant_id, audit_id) REFERENCES audit_log
);
CALL app.protect('audit_seals');
REVOKE UPDATE, DELETE ON audit_seals FROM switchboard_app;
CALL app.let_sweeper_read('audit_seals');
