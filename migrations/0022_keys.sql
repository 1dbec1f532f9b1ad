-- +goose Up
-- A message is written by the transaction that has locked its conversation, on the account of that conversation, which has a key to it; a line of the
-- journal names the account that its webhook was found to be for. Accounts are switched off and never deleted, which the app role cannot do from here
-- on. Each key was looked up for every webhook, and locked the row of the account, which all webhooks to it share. `switchboard verify` finds
-- what would be on a wrong account.
ALTER TABLE messages DROP CONSTRAINT messages_tenant_id_channel_account_id_fkey;
ALTER TABLE webhook_items DROP CONSTRAINT webhook_items_tenant_id_channel_account_id_fkey;
REVOKE DELETE ON channel_accounts FROM switchboard_app;
