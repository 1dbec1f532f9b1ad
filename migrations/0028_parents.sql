-- +goose Up
-- A row of the queue is written by the transaction that writes its message and has locked its conversation, on the account of that conversation; a line of
-- the audit log and a key of idempotency name the tenant that row security compares them with. None of these parents is ever deleted, which the app role
-- cannot do from here on. Each key was looked up for every change, and locked the row of the tenant or of the account, which all changes of it share.
-- `switchboard verify` finds a row of the queue that is astray.
-- The parents are locked too, and messages are what others read for the longest: who waits for these holds nothing that anybody else asks for.
LOCK TABLE messages, conversations, dispatches, channel_accounts, idempotency_keys, audit_log, tenants IN ACCESS EXCLUSIVE MODE;
ALTER TABLE audit_log DROP CONSTRAINT IF EXISTS audit_log_tenant_id_fkey;
ALTER TABLE idempotency_keys DROP CONSTRAINT IF EXISTS idempotency_keys_tenant_id_fkey;
ALTER TABLE dispatches DROP CONSTRAINT IF EXISTS dispatches_tenant_id_channel_account_id_fkey;
ALTER TABLE dispatches DROP CONSTRAINT IF EXISTS dispatches_tenant_id_conversation_id_fkey;
ALTER TABLE dispatches DROP CONSTRAINT IF EXISTS dispatches_tenant_id_message_id_fkey;
REVOKE DELETE ON conversations, messages FROM switchboard_app;
