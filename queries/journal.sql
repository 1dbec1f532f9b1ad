-- name: LockQuarantined :many
SELECT * FROM webhook_items WHERE tenant_id = @tenant_id AND state = 'QUARANTINED' AND (replayed_at IS NULL OR replayed_at < @before)
ORDER BY received_at, id
LIMIT @most::int FOR UPDATE;

-- name: SettleWebhookItems :exec
UPDATE webhook_items w SET state = u.state, reason = nullif(u.reason, ''), kind = u.kind, item_key = u.item_key,
  replayed_at = @replayed_at::timestamptz, raw = CASE WHEN u.state = 'DUPLICATE' THEN NULL ELSE w.raw END
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@states::text[]) AS state, unnest(@reasons::text[]) AS reason,
  unnest(@item_kinds::text[]) AS kind, unnest(@item_keys::text[]) AS item_key) u
WHERE w.tenant_id = @tenant_id AND w.id = u.id;

-- name: Ledger :many
SELECT w.channel_account_id, date_bin('1 hour', w.received_at, '2000-01-01 00:00:00+00')::timestamptz AS hour, count(*) AS received,
  count(*) FILTER (WHERE state = 'APPLIED') AS applied, count(*) FILTER (WHERE state = 'DUPLICATE') AS duplicate,
  count(*) FILTER (WHERE state = 'QUARANTINED') AS quarantined,
  count(*) FILTER (WHERE state = 'APPLIED' AND kind = 'MESSAGE'
    AND NOT EXISTS (SELECT FROM messages m WHERE m.tenant_id = @tenant_id AND m.channel_account_id = w.channel_account_id
      AND m.external_id = w.item_key)
    AND NOT EXISTS (SELECT FROM message_marks k WHERE k.tenant_id = @tenant_id AND k.channel_account_id = w.channel_account_id
      AND k.external_id = w.item_key)) AS missing
FROM webhook_items w WHERE w.tenant_id = @tenant_id AND w.received_at >= @since AND w.received_at < @until
GROUP BY 1, 2 ORDER BY 2, 1;

-- name: InsertUnrouted :exec
INSERT INTO app.unrouted_webhook_items (id, provider, account_ref, item_key, raw, reason, received_at, volume)
SELECT unnest(@ids::uuid[]), @provider, unnest(@account_refs::text[]), unnest(@item_keys::text[]), unnest(@raws::bytea[]),
  unnest(@reasons::text[]), @received_at, (SELECT max(v.volume) FROM app.volumes v WHERE v.opened_at IS NOT NULL);

-- name: AccountsByRef :many
SELECT r.external_ref::text AS external_ref, r.tenant_id::uuid AS tenant_id, r.channel_account_id::uuid AS channel_account_id
FROM app.accounts_by_ref(@provider, @refs::text[]) r;

-- name: AccountByEndpoint :many
SELECT r.tenant_id::uuid AS tenant_id, r.channel_account_id::uuid AS channel_account_id
FROM app.account_by_endpoint(@provider, @endpoint) r;
