-- +goose Up
CREATE TABLE conversations (
  tenant_id          uuid NOT NULL,
  id                 uuid NOT NULL,
  contact_id         uuid NOT NULL,
  channel_account_id uuid NOT NULL,
  team_id            uuid,
  status             text NOT NULL CHECK (status IN ('OPEN', 'SNOOZED', 'RESOLVED')),
  assignee_id        uuid,
  -- Grows with every change of the row; clients keep the highest they have seen.
  version            bigint NOT NULL DEFAULT 1,
  last_seq           bigint NOT NULL DEFAULT 0, -- seq of the newest message
  inbound_count      bigint NOT NULL DEFAULT 0, -- INBOUND messages so far; messages.inbound_no is the running number
  last_message_at    timestamptz NOT NULL,
  last_inbound_at    timestamptz,               -- our arrival time: opens the reply window
  preview            text NOT NULL DEFAULT '',
  snoozed_until      timestamptz,
  snooze_gen         bigint NOT NULL DEFAULT 0,
  resolved_at        timestamptz,
  resolved_at_seq    bigint,
  -- Set when no channel is left that could deliver; cleared when an agent replies or resolves.
  follow_up_at       timestamptz,
  created_at         timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts,
  FOREIGN KEY (tenant_id, channel_account_id) REFERENCES channel_accounts,
  FOREIGN KEY (tenant_id, assignee_id) REFERENCES agents,
  FOREIGN KEY (tenant_id, team_id) REFERENCES teams,
  CHECK ((status = 'SNOOZED') = (snoozed_until IS NOT NULL)),
  CHECK ((status = 'RESOLVED') = (resolved_at IS NOT NULL)),
  CHECK ((status = 'RESOLVED') = (resolved_at_seq IS NOT NULL))
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX conversations_active_key ON conversations (tenant_id, contact_id, channel_account_id)
  WHERE status IN ('OPEN', 'SNOOZED');
CREATE INDEX conversations_contact_idx ON conversations (tenant_id, contact_id, channel_account_id, created_at DESC);
-- Lists are merged from these, one stretch a status and channel account; each ends in the order of the list.
CREATE INDEX conversations_status_idx ON conversations (tenant_id, status, last_message_at DESC, id DESC);
CREATE INDEX conversations_assignee_idx ON conversations (tenant_id, assignee_id, status, last_message_at DESC, id DESC)
  WHERE assignee_id IS NOT NULL;
CREATE INDEX conversations_unassigned_idx ON conversations (tenant_id, channel_account_id, status, last_message_at DESC, id DESC)
  WHERE assignee_id IS NULL;
CREATE INDEX conversations_account_idx ON conversations (tenant_id, channel_account_id, status, last_message_at DESC, id DESC);
CREATE INDEX conversations_team_idx ON conversations (tenant_id, team_id, channel_account_id, status, last_message_at DESC, id DESC);
CREATE INDEX conversations_snoozed_idx ON conversations (snoozed_until) WHERE status = 'SNOOZED';
CALL app.protect('conversations');
CALL app.let_sweeper_read('conversations');

CREATE TABLE messages (
  tenant_id          uuid NOT NULL,
  id                 uuid NOT NULL,
  conversation_id    uuid NOT NULL,
  channel_account_id uuid NOT NULL,
  seq                bigint NOT NULL, -- order within the conversation, assigned under the conversation's row lock
  inbound_no         bigint,          -- running number among INBOUND messages of the conversation
  direction          text NOT NULL CHECK (direction IN ('INBOUND', 'OUTBOUND', 'NOTE')),
  kind               text NOT NULL,
  text               text NOT NULL DEFAULT '',
  content            jsonb NOT NULL DEFAULT '{}',
  raw                bytea,           -- an inbound item exactly as it came
  external_id        text,            -- the provider's id
  reply_to           text,            -- the provider's id of the quoted message
  author_agent_id    uuid,
  author_api_key_id  uuid,
  correlation_id     text,
  retry_of           uuid,
  -- Outbound only: what to do when a call's outcome stays unknown.
  on_unknown         text CHECK (on_unknown IN ('RECONCILE_THEN_RETRY', 'RECONCILE_THEN_FAIL')),
  -- RECEIVED for INBOUND, WRITTEN for NOTE; for OUTBOUND a function of delivery_facts.
  status             text NOT NULL CHECK (status IN ('RECEIVED', 'WRITTEN', 'QUEUED', 'SENT', 'DELIVERED', 'READ', 'FAILED')),
  failed_code        text,
  failed_reason      text,
  sent_at            timestamptz,
  delivered_at       timestamptz,
  read_at            timestamptz,
  failed_at          timestamptz,
  provider_at        timestamptz,     -- the provider's time; shown, never used for order
  version            bigint NOT NULL DEFAULT 1,
  created_at         timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT messages_seq_key UNIQUE (tenant_id, conversation_id, seq),
  FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations,
  FOREIGN KEY (tenant_id, channel_account_id) REFERENCES channel_accounts,
  FOREIGN KEY (tenant_id, author_agent_id) REFERENCES agents,
  FOREIGN KEY (tenant_id, author_api_key_id) REFERENCES api_keys,
  FOREIGN KEY (tenant_id, retry_of) REFERENCES messages,
  CHECK ((direction = 'INBOUND') = (inbound_no IS NOT NULL)),
  CHECK (direction = 'OUTBOUND' OR status IN ('RECEIVED', 'WRITTEN'))
) WITH (fillfactor = 90);
-- What makes a provider's redelivery harmless, for ever: not partitioned, never pruned.
CREATE UNIQUE INDEX messages_external_id_key ON messages (tenant_id, channel_account_id, external_id)
  WHERE external_id IS NOT NULL;
CREATE UNIQUE INDEX messages_retry_of_key ON messages (tenant_id, retry_of) WHERE retry_of IS NOT NULL;
CREATE INDEX messages_correlation_idx ON messages (tenant_id, correlation_id) WHERE correlation_id IS NOT NULL;
CALL app.protect('messages');

-- Reactions, edits and deletions by a customer: they change how a message is shown and are no messages themselves. The target is
-- named by the provider's id because it may arrive later.
CREATE TABLE message_marks (
  tenant_id          uuid NOT NULL,
  id                 uuid NOT NULL,
  channel_account_id uuid NOT NULL,
  conversation_id    uuid NOT NULL,
  target_external_id text NOT NULL,
  kind               text NOT NULL CHECK (kind IN ('REACTION', 'EDIT', 'DELETION')),
  text               text NOT NULL DEFAULT '', -- the emoji (empty: taken back), or the edited text
  external_id        text NOT NULL,
  raw                bytea NOT NULL,
  provider_at        timestamptz,
  created_at         timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT message_marks_external_id_key UNIQUE (tenant_id, channel_account_id, external_id),
  FOREIGN KEY (tenant_id, channel_account_id) REFERENCES channel_accounts,
  FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations
);
CREATE INDEX message_marks_target_idx ON message_marks (tenant_id, channel_account_id, target_external_id);
CALL app.protect('message_marks');

CREATE TABLE attachments (
  tenant_id          uuid NOT NULL,
  id                 uuid NOT NULL,
  message_id         uuid NOT NULL,
  channel_account_id uuid NOT NULL,
  provider_media     jsonb NOT NULL,            -- channel.Media
  filename           text NOT NULL DEFAULT '',
  mime_type          text NOT NULL DEFAULT '',  -- claimed by the provider until STORED, then sniffed from the bytes
  size_bytes         bigint,
  sha256             bytea,
  blob_key           text,                      -- random, unguessable
  state              text NOT NULL CHECK (state IN ('PENDING', 'STORED', 'FAILED')),
  failed_reason      text,
  tries              int NOT NULL DEFAULT 0,
  due_at             timestamptz,               -- next attempt; NULL once STORED or FAILED
  created_at         timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, message_id) REFERENCES messages,
  FOREIGN KEY (tenant_id, channel_account_id) REFERENCES channel_accounts,
  CHECK ((state = 'PENDING') = (due_at IS NOT NULL))
);
CREATE INDEX attachments_message_idx ON attachments (tenant_id, message_id);
CREATE INDEX attachments_due_idx ON attachments (due_at) WHERE due_at IS NOT NULL;
CALL app.protect('attachments');
CALL app.let_sweeper_read('attachments');

CREATE TABLE read_cursors (
  tenant_id       uuid NOT NULL,
  agent_id        uuid NOT NULL,
  conversation_id uuid NOT NULL,
  seq             bigint NOT NULL,
  inbound_no      bigint NOT NULL, -- INBOUND messages up to seq; unread = conversations.inbound_count - inbound_no
  read_at         timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, agent_id, conversation_id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents,
  FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations
) WITH (fillfactor = 80);
CALL app.protect('read_cursors');
