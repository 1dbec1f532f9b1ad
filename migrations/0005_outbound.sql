-- +goose Up
-- The unfinished part of sending: a row exists exactly while its message is neither accepted nor terminally failed.
CREATE TABLE dispatches (
  tenant_id          uuid NOT NULL,
  message_id         uuid NOT NULL,
  channel_account_id uuid NOT NULL,
  conversation_id    uuid NOT NULL,
  seq                bigint NOT NULL,  -- the message's seq: later rows of a conversation wait for earlier ones
  -- READY: to be sent at due_at. SENDING: a call is under way until due_at (its lease). UNKNOWN: a call ended without an answer; its
  -- receipt has until due_at to arrive, then on_unknown decides.
  state              text NOT NULL CHECK (state IN ('READY', 'SENDING', 'UNKNOWN')),
  due_at             timestamptz NOT NULL,
  attempt            int  NOT NULL DEFAULT 0, -- the fence: only the holder of the newest attempt may write its result
  tries              int  NOT NULL DEFAULT 0, -- the budget: attempts that count against the retry table
  crashes            int  NOT NULL DEFAULT 0, -- leases that expired without a result; the third is poison
  auth_retried       boolean NOT NULL DEFAULT false,
  hold               text,                    -- why a READY row waits although its time has come: BREAKER, RATE_LIMIT, REAUTH
  held_since         timestamptz,
  -- From when on later messages of the conversation no longer wait for this one; set by its first failure. NULL: they wait.
  passable_at        timestamptz,
  recipient          text,                    -- the address a notification named; NULL: the contact's own
  queued_at          timestamptz NOT NULL,
  expires_at         timestamptz NOT NULL,    -- due_at is never later than this
  PRIMARY KEY (tenant_id, message_id),
  FOREIGN KEY (tenant_id, message_id) REFERENCES messages,
  FOREIGN KEY (tenant_id, channel_account_id) REFERENCES channel_accounts,
  FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations
) WITH (fillfactor = 70);
-- In the order in which a lane is claimed, so that a claim reads as many rows as it takes however long the queue is.
CREATE INDEX dispatches_lane_idx ON dispatches (tenant_id, channel_account_id, due_at, message_id);
CREATE UNIQUE INDEX dispatches_order_idx ON dispatches (tenant_id, conversation_id, seq);
CREATE INDEX dispatches_due_idx ON dispatches (due_at);
CREATE INDEX dispatches_queued_idx ON dispatches (queued_at);
CREATE INDEX dispatches_held_idx ON dispatches (tenant_id, channel_account_id, hold, held_since) WHERE hold IS NOT NULL;
CALL app.protect('dispatches');
CALL app.let_sweeper_read('dispatches');

-- What is known about a channel account as a road: its breaker and its limit.
CREATE TABLE lanes (
  tenant_id          uuid NOT NULL,
  channel_account_id uuid NOT NULL,
  failures           int  NOT NULL DEFAULT 0,  -- transient failures in a row
  breaker_opened_at  timestamptz,              -- not null: open
  probe_at           timestamptz,              -- while open: when the next single probe may go
  limited_until      timestamptz,              -- the reset the provider named
  PRIMARY KEY (tenant_id, channel_account_id),
  FOREIGN KEY (tenant_id, channel_account_id) REFERENCES channel_accounts
) WITH (fillfactor = 50);
CALL app.protect('lanes');

CREATE TABLE delivery_attempts (
  tenant_id          uuid NOT NULL,
  id                 uuid NOT NULL,  -- travels to the provider and comes back in receipts
  message_id         uuid NOT NULL,
  channel_account_id uuid NOT NULL,
  attempt            int  NOT NULL,
  started_at         timestamptz NOT NULL,
  finished_at        timestamptz,
  -- SENDING until a result is recorded; UNKNOWN when none can be; ACCEPTED also when a receipt proved it.
  outcome            text NOT NULL CHECK (outcome IN ('SENDING', 'ACCEPTED', 'REJECTED', 'UNKNOWN')),
  class              text,
  code               text,
  reason             text,
  external_id        text,
  recipient          text NOT NULL DEFAULT '', -- the address that was called
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT delivery_attempts_attempt_key UNIQUE (tenant_id, message_id, attempt),
  FOREIGN KEY (tenant_id, message_id) REFERENCES messages,
  FOREIGN KEY (tenant_id, channel_account_id) REFERENCES channel_accounts
);
-- Receipts find their message here, also when a message was accepted twice.
CREATE INDEX delivery_attempts_external_idx ON delivery_attempts (tenant_id, channel_account_id, external_id)
  WHERE external_id IS NOT NULL;
CALL app.protect('delivery_attempts');

-- The set of facts a message's status is derived from; the first of a kind is kept, with the earliest provider time.
CREATE TABLE delivery_facts (
  tenant_id     uuid NOT NULL,
  message_id    uuid NOT NULL,
  kind          text NOT NULL CHECK (kind IN ('PRESUMED_FAILED', 'SENT', 'FAILED', 'DELIVERED', 'READ')),
  at            timestamptz NOT NULL,
  first_seen_at timestamptz NOT NULL,
  code          text,
  reason        text,
  CONSTRAINT delivery_facts_pkey PRIMARY KEY (tenant_id, message_id, kind),
  FOREIGN KEY (tenant_id, message_id) REFERENCES messages
);
CALL app.protect('delivery_facts');

-- Receipts whose message is not known yet, because they overtook the answer of the send call.
CREATE TABLE parked_facts (
  tenant_id          uuid NOT NULL,
  channel_account_id uuid NOT NULL,
  external_id        text NOT NULL,
  kind               text NOT NULL CHECK (kind IN ('SENT', 'FAILED', 'DELIVERED', 'READ')),
  at                 timestamptz NOT NULL,
  code               text,
  reason             text,
  class              text,
  parked_at          timestamptz NOT NULL,
  CONSTRAINT parked_facts_pkey PRIMARY KEY (tenant_id, channel_account_id, external_id, kind),
  FOREIGN KEY (tenant_id, channel_account_id) REFERENCES channel_accounts
);
CREATE INDEX parked_facts_parked_at_idx ON parked_facts (parked_at);
CALL app.protect('parked_facts');
CALL app.let_sweeper_read('parked_facts');

-- Something people must know about. One row an episode: open until the cause ends.
CREATE TABLE alerts (
  tenant_id          uuid NOT NULL,
  id                 uuid NOT NULL,
  kind               text NOT NULL CHECK (kind IN ('STUCK', 'BREAKER_OPEN', 'RATE_LIMITED', 'NEEDS_REAUTH', 'TEMPLATE_MISSING',
                                                   'FOLLOW_UP', 'TOKEN_REUSE')),
  subject_id         uuid NOT NULL,  -- the message, channel account, conversation or agent it is about
  conversation_id    uuid,
  channel_account_id uuid,
  message            text NOT NULL,  -- one sentence for a person, without contents of messages
  opened_at          timestamptz NOT NULL,
  closed_at          timestamptz,
  -- The signed POST to the tenant's alert URL: due until it succeeded or its retries are spent.
  callback_due_at    timestamptz,
  callback_tries     int NOT NULL DEFAULT 0,
  callback_done_at   timestamptz,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id) REFERENCES tenants,
  FOREIGN KEY (tenant_id, conversation_id) REFERENCES conversations,
  FOREIGN KEY (tenant_id, channel_account_id) REFERENCES channel_accounts
);
CREATE UNIQUE INDEX alerts_episode_key ON alerts (tenant_id, kind, subject_id) WHERE closed_at IS NULL;
CREATE INDEX alerts_opened_idx ON alerts (tenant_id, opened_at DESC, id DESC);
CREATE INDEX alerts_callback_idx ON alerts (callback_due_at) WHERE callback_due_at IS NOT NULL;
CREATE INDEX alerts_open_idx ON alerts (tenant_id) WHERE closed_at IS NULL;
CALL app.protect('alerts');
CALL app.let_sweeper_read('alerts');
