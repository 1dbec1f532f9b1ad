-- What the benchmark works on, ten messages a conversation. Tenant 1 has 100,000 conversations and 1 million messages; tenants 2 to 11 have 1,000
-- conversations each, 201 to 300 have 300 each, 301 has 100, 302 has 10,000 and 303 has 1,000; the others begin empty. Foreign keys are not checked
-- while this is loaded, and are kept by how the ids are made.
CREATE SCHEMA bench;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements SCHEMA bench;
CREATE FUNCTION bench.id(kind int, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$ SELECT (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
SET session_replication_role = replica;
SET synchronous_commit = off;

INSERT INTO tenants (tenant_id, slug, name, created_at) SELECT bench.id(1, t), 't' || t, 'Tenant ' || t, now() FROM generate_series(1, 1000) t;
INSERT INTO tenant_heads (tenant_id, epoch) SELECT bench.id(1, t), bench.id(2, t) FROM generate_series(1, 1000) t;

-- The first agent of each tenant is an admin and the others supervisors, who see everything.
CREATE TABLE bench.tenants AS SELECT t,
  CASE WHEN t = 1 THEN 100000 WHEN t <= 11 THEN 1000 WHEN t BETWEEN 201 AND 300 THEN 300 WHEN t = 301 THEN 100 WHEN t = 302 THEN 10000
    WHEN t = 303 THEN 1000 ELSE 0 END AS conversations,
  CASE WHEN t <= 2 THEN 600 WHEN t <= 21 OR t BETWEEN 201 AND 303 THEN 25 ELSE 2 END AS agents
  FROM generate_series(1, 1000) t;
CREATE TABLE bench.agents AS SELECT t, a, t * 1000 + a AS n FROM bench.tenants, generate_series(1, agents) a;
INSERT INTO agents (tenant_id, id, email, email_folded, name, role, password_hash, created_at)
  SELECT bench.id(1, t), bench.id(3, n), 'a' || a || '@example.com', 'a' || a || '@example.com', 'Agent ' || a,
    CASE WHEN a = 1 THEN 'ADMIN' ELSE 'SUPERVISOR' END, '-', now() FROM bench.agents;
INSERT INTO refresh_tokens (tenant_id, id, agent_id, family_id, hash, created_at, expires_at)
  SELECT bench.id(1, t), bench.id(4, n), bench.id(3, n), bench.id(4, n), decode(md5(n::text), 'hex'), now(), now() + interval '10 years'
  FROM bench.agents;
INSERT INTO teams (tenant_id, id, name, created_at) SELECT bench.id(1, t), bench.id(5, t), 'Team', now() FROM generate_series(1, 1000) t;

CREATE TABLE bench.conversations AS
  SELECT t, c, t::bigint * 1000000 + c AS n, now() - (c * 20 || ' s')::interval AS at FROM bench.tenants,
    generate_series(1, conversations) c;
INSERT INTO contacts (tenant_id, id, name, created_at) SELECT bench.id(1, t), bench.id(7, n), 'Contact ' || c, at FROM bench.conversations;
INSERT INTO contact_identities (tenant_id, kind, value, contact_id, created_at)
  SELECT bench.id(1, t), 'PHONE', '+49151' || lpad(c::text, 8, '0'), bench.id(7, n), at FROM bench.conversations;
-- Reply windows stay open, however long the loaded data are kept. Half are open, a tenth snoozed, the rest resolved; every other one is assigned.
INSERT INTO conversations (tenant_id, id, contact_id, channel_account_id, team_id, status, assignee_id, last_seq, inbound_count, last_message_at,
    last_inbound_at, preview, snoozed_until, resolved_at, resolved_at_seq, created_at)
  SELECT bench.id(1, t), bench.id(8, n), bench.id(7, n), bench.id(6, t * 10 + c % 2), bench.id(5, t),
    CASE WHEN c % 10 < 5 THEN 'OPEN' WHEN c % 10 = 5 THEN 'SNOOZED' ELSE 'RESOLVED' END,
    CASE WHEN c % 2 = 0 THEN bench.id(3, t * 1000 + 1 + (c / 2) % 25) END, 10, 5, at, now() + interval '10 years', 'Where is parcel ' || c || '?',
    CASE WHEN c % 10 = 5 THEN now() + interval '30 days' END, CASE WHEN c % 10 > 5 THEN at END, CASE WHEN c % 10 > 5 THEN 10 END,
    at - interval '10 min' FROM bench.conversations;
INSERT INTO messages (tenant_id, id, conversation_id, channel_account_id, seq, inbound_no, direction, kind, text, raw, external_id, on_unknown, status,
    created_at)
  SELECT bench.id(1, t), bench.id(9, n * 10 + m - 1), bench.id(8, n), bench.id(6, t * 10 + c % 2), m, CASE WHEN m % 2 = 1 THEN (m + 1) / 2 END,
    CASE WHEN m % 2 = 1 THEN 'INBOUND' ELSE 'OUTBOUND' END, 'TEXT', 'Message ' || m || ' of a conversation about parcel ' || c,
    CASE WHEN m % 2 = 1 THEN '\x7b7d'::bytea END, 'wamid.load.' || n || '.' || m, CASE WHEN m % 2 = 0 THEN 'RECONCILE_THEN_RETRY' END,
    CASE WHEN m % 2 = 1 THEN 'RECEIVED' ELSE 'READ' END, at - ((10 - m) || ' min')::interval
  FROM bench.conversations, generate_series(1, 10) m;
-- The first agent has read every other conversation.
INSERT INTO read_cursors (tenant_id, agent_id, conversation_id, seq, inbound_no, read_at)
  SELECT bench.id(1, t), bench.id(3, t * 1000 + 1), bench.id(8, n), 10, 5, at FROM bench.conversations WHERE c % 2 = 0;

CREATE SCHEMA standin;
CREATE TABLE standin.journal (id uuid PRIMARY KEY, ref text, key text, raw bytea, at timestamptz, UNIQUE (ref, key));
CREATE TABLE standin.contacts (ref text, phone text, PRIMARY KEY (ref, phone));
CREATE TABLE standin.conversations (ref text, phone text, status text, last_message_at timestamptz, preview text, count bigint,
  PRIMARY KEY (ref, phone));
CREATE INDEX ON standin.conversations (ref, status, last_message_at DESC);
CREATE TABLE standin.messages (id uuid PRIMARY KEY, ref text, phone text, key text, text text, raw bytea, at timestamptz);
CREATE INDEX ON standin.messages (ref, phone, at);
CREATE TABLE standin.outbox (id int PRIMARY KEY, recipient text, text text, status text);
DROP TABLE bench.tenants, bench.agents, bench.conversations;
