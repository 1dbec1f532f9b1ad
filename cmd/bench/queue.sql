-- A queue of a million due messages: 100 tenants with one number each, 1,000 conversations a number, ten messages that wait in each.
CREATE SCHEMA bench;
CREATE FUNCTION bench.id(kind int, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
AS $$ SELECT (lpad(to_hex(kind), 8, '0') || '-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid $$;
SET session_replication_role = replica;
SET synchronous_commit = off;

INSERT INTO tenants (tenant_id, slug, name, created_at) SELECT bench.id(1, t), 't' || t, 'Tenant ' || t, now() FROM generate_series(1, 100) t;
INSERT INTO tenant_heads (tenant_id, epoch) SELECT bench.id(1, t), bench.id(2, t) FROM generate_series(1, 100) t;
CREATE TABLE bench.conversations AS SELECT t, c, t::bigint * 1000000 + c AS n FROM generate_series(1, 100) t, generate_series(1, 1000) c;
INSERT INTO contacts (tenant_id, id, name, created_at) SELECT bench.id(1, t), bench.id(7, n), 'Contact ' || c, now() FROM bench.conversations;
INSERT INTO contact_identities (tenant_id, kind, value, contact_id, created_at)
  SELECT bench.id(1, t), 'PHONE', '+49151' || lpad(c::text, 8, '0'), bench.id(7, n), now() FROM bench.conversations;
INSERT INTO conversations (tenant_id, id, contact_id, channel_account_id, status, last_seq, inbound_count, last_message_at, last_inbound_at, preview,
    created_at)
  SELECT bench.id(1, t), bench.id(8, n), bench.id(7, n), bench.id(6, t * 10), 'OPEN', 10, 0, now(), now() + interval '10 years', 'Thank you', now()
  FROM bench.conversations;
INSERT INTO messages (tenant_id, id, conversation_id, channel_account_id, seq, direction, kind, text, on_unknown, status, created_at)
  SELECT bench.id(1, t), bench.id(9, n * 10 + m - 1), bench.id(8, n), bench.id(6, t * 10), m, 'OUTBOUND', 'TEXT',
    'Your parcel is on its way.', 'RECONCILE_THEN_RETRY', 'QUEUED', now() FROM bench.conversations, generate_series(1, 10) m;
INSERT INTO dispatches (tenant_id, message_id, channel_account_id, conversation_id, seq, state, due_at, queued_at, expires_at)
  SELECT tenant_id, id, channel_account_id, conversation_id, seq, 'READY', now(), now(), now() + interval '10 years'
  FROM messages ORDER BY seq, conversation_id;
DROP TABLE bench.conversations;
