-- name: Lane :one
SELECT a.channel, a.provider, a.external_ref, a.settings, a.credentials_sealed, a.status, coalesce(l.failures, 0)::int AS failures,
  (l.breaker_opened_at IS NOT NULL)::boolean AS open, coalesce(l.limited_until > app.now(), false)::boolean AS limited
FROM channel_accounts a
LEFT JOIN lanes l ON l.tenant_id = a.tenant_id AND l.channel_account_id = a.id
WHERE a.tenant_id = @tenant_id AND a.id = @channel_account_id;

-- name: TakeProbe :execrows
-- One winner across all processes: whoever moves probe_at.
UPDATE lanes SET probe_at = app.now() + @pause::interval
WHERE tenant_id = @tenant_id AND channel_account_id = @channel_account_id AND breaker_opened_at IS NOT NULL AND probe_at <= app.now();

-- name: AddLane :exec
INSERT INTO lanes (tenant_id, channel_account_id) VALUES (@tenant_id, @channel_account_id) ON CONFLICT DO NOTHING;

-- name: LockLane :one
SELECT failures, breaker_opened_at, probe_at, limited_until FROM lanes
WHERE tenant_id = @tenant_id AND channel_account_id = @channel_account_id FOR UPDATE;

-- name: UpdateLane :exec
UPDATE lanes SET failures = @failures,
  breaker_opened_at = CASE WHEN NOT @open::boolean THEN NULL ELSE coalesce(breaker_opened_at, app.now()) END,
  probe_at = CASE WHEN NOT @open::boolean THEN NULL WHEN breaker_opened_at IS NULL THEN app.now() + @pause::interval ELSE probe_at END,
  limited_until = greatest(limited_until, CASE WHEN @limit_for::interval > interval '0' THEN app.now() + @limit_for::interval END)
WHERE tenant_id = @tenant_id AND channel_account_id = @channel_account_id;

-- name: SetAccountStatus :execrows
UPDATE channel_accounts SET status = @status WHERE tenant_id = @tenant_id AND id = @id AND status = @was;
