-- +goose Up
CREATE TABLE tenants (
  tenant_id             uuid PRIMARY KEY,
  slug                  text NOT NULL CONSTRAINT tenants_slug_key UNIQUE CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
  name                  text NOT NULL,
  status                text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'SUSPENDED')),
  -- A message that arrives within this many days after RESOLVED reopens the conversation; later it starts a new one. 0: always new.
  reopen_within_days    int  NOT NULL DEFAULT 7 CHECK (reopen_within_days BETWEEN 0 AND 3650),
  reopen_keeps_assignee boolean NOT NULL DEFAULT true,
  alert_url             text,
  alert_secret_sealed   bytea,
  created_at            timestamptz NOT NULL
);
CALL app.protect('tenants');
REVOKE INSERT, UPDATE, DELETE ON tenants FROM switchboard_app;
GRANT INSERT, UPDATE ON tenants TO switchboard_app;
CALL app.let_sweeper_read('tenants');

-- The number of the tenant's newest event. No foreign key points here: the row is updated by every change, last in its transaction.
CREATE TABLE tenant_heads (
  tenant_id uuid PRIMARY KEY,
  seq       bigint NOT NULL DEFAULT 0,
  -- Changes when history may have been lost (restore from a backup); cursors of another epoch are answered with a resync.
  epoch     uuid   NOT NULL
) WITH (fillfactor = 20);
CALL app.protect('tenant_heads');
CALL app.let_sweeper_read('tenant_heads');

CREATE TABLE agents (
  tenant_id     uuid NOT NULL REFERENCES tenants,
  id            uuid NOT NULL,
  email         text NOT NULL,
  email_folded  text NOT NULL,
  name          text NOT NULL,
  role          text NOT NULL CHECK (role IN ('AGENT', 'SUPERVISOR', 'ADMIN')),
  status        text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'DISABLED')),
  password_hash text NOT NULL,
  created_at    timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT agents_email_key UNIQUE (tenant_id, email_folded)
);
CALL app.protect('agents');

CREATE TABLE teams (
  tenant_id  uuid NOT NULL REFERENCES tenants,
  id         uuid NOT NULL,
  name       text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT teams_name_key UNIQUE (tenant_id, name)
);
CALL app.protect('teams');

CREATE TABLE team_members (
  tenant_id uuid NOT NULL,
  team_id   uuid NOT NULL,
  agent_id  uuid NOT NULL,
  PRIMARY KEY (tenant_id, team_id, agent_id),
  FOREIGN KEY (tenant_id, team_id) REFERENCES teams,
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents
);
CREATE INDEX team_members_agent_idx ON team_members (tenant_id, agent_id);
CALL app.protect('team_members');

CREATE TABLE api_keys (
  tenant_id    uuid  NOT NULL REFERENCES tenants,
  id           uuid  NOT NULL,
  name         text  NOT NULL,
  hash         bytea NOT NULL,
  scopes       text[] NOT NULL,
  created_at   timestamptz NOT NULL,
  expires_at   timestamptz,
  last_used_at timestamptz,
  revoked_at   timestamptz,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT api_keys_hash_key UNIQUE (tenant_id, hash)
);
CALL app.protect('api_keys');

-- A family is one sign-in; each refresh spends one token of it and makes the next.
CREATE TABLE refresh_tokens (
  tenant_id  uuid  NOT NULL,
  id         uuid  NOT NULL,
  agent_id   uuid  NOT NULL,
  family_id  uuid  NOT NULL,
  hash       bytea NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  spent_at   timestamptz,
  -- SHA-256 of the nonce the spender sent, and the successor sealed for it, so that the very same client whose answer was lost
  -- gets the same successor within the grace period.
  spent_nonce      bytea,
  successor_sealed bytea,
  revoked_at timestamptz,
  PRIMARY KEY (tenant_id, id),
  CONSTRAINT refresh_tokens_hash_key UNIQUE (tenant_id, hash),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents
);
CREATE INDEX refresh_tokens_family_idx ON refresh_tokens (tenant_id, family_id);
CALL app.protect('refresh_tokens');
