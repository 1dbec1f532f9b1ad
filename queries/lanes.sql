-- name: LaneByAccount :one
SELECT a.channel, a.provider, a.external_ref, a.settings, a.credentials_sealed, a.status, coalesce(l.failures, 0)::int AS failures,
  (l.breaker_opened_at IS NOT NULL)::boolean AS open, coalesce(l.limited_until > app.now(), false)::boolean AS limited,
  coalesce(l.hold, '') AS hold, app.now()::timestamptz AS now
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

-- name: HoldLane :execrows
-- With a patience only when a row has been due for it, the time before the lane was freed aside.
INSERT INTO lanes AS l (tenant_id, channel_account_id, hold, held_since)
SELECT @tenant_id, @channel_account_id, @hold::text, app.now()
WHERE @patience::interval = interval '0' OR EXISTS (SELECT FROM dispatches d
  WHERE d.tenant_id = @tenant_id AND d.channel_account_id = @channel_account_id AND NOT d.waits AND d.state = 'READY'
    AND d.due_at <= (SELECT app.now()) - @patience::interval)
ON CONFLICT (tenant_id, channel_account_id) DO UPDATE SET hold = EXCLUDED.hold, held_since = EXCLUDED.held_since
WHERE l.hold IS DISTINCT FROM EXCLUDED.hold
  AND (@patience::interval = interval '0' OR l.freed_at IS NULL OR l.freed_at <= app.now() - @patience::interval);

-- name: FreeLane :execrows
-- With a patience only when no row has been due for it.
UPDATE lanes l SET hold = NULL, held_since = NULL, freed_at = app.now()
WHERE l.tenant_id = @tenant_id AND l.channel_account_id = @channel_account_id AND l.hold = @hold::text
  AND (@patience::interval = interval '0' OR NOT EXISTS (SELECT FROM dispatches d
    WHERE d.tenant_id = @tenant_id AND d.channel_account_id = @channel_account_id AND NOT d.waits AND d.state = 'READY'
      AND d.due_at <= (SELECT app.now()) - @patience::interval));

-- name: SetAccountStatus :execrows
UPDATE channel_accounts SET status = @status WHERE tenant_id = @tenant_id AND id = @id AND status = @was;
