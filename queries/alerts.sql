-- name: OpenAlerts :many
-- One row an episode: an alert that is open already is not opened again.
INSERT INTO alerts (tenant_id, id, kind, subject_id, conversation_id, channel_account_id, message, opened_at, callback_due_at)
SELECT t.tenant_id, u.id, u.kind, u.subject_id, nullif(u.conversation_id, '00000000-0000-0000-0000-000000000000'::uuid),
  nullif(u.channel_account_id, '00000000-0000-0000-0000-000000000000'::uuid), u.message, @now,
  CASE WHEN t.alert_url IS NOT NULL THEN app.now() END
FROM tenants t, (SELECT unnest(@ids::uuid[]) AS id, unnest(@kinds::text[]) AS kind, unnest(@subject_ids::uuid[]) AS subject_id,
  unnest(@conversation_ids::uuid[]) AS conversation_id, unnest(@channel_account_ids::uuid[]) AS channel_account_id,
  unnest(@messages::text[]) AS message) u
WHERE t.tenant_id = @tenant_id
ON CONFLICT (tenant_id, kind, subject_id) WHERE closed_at IS NULL DO NOTHING
RETURNING id;

-- name: Alerts :many
SELECT * FROM alerts WHERE tenant_id = @tenant_id AND (@include_closed::boolean OR closed_at IS NULL)
ORDER BY opened_at DESC, id DESC LIMIT @most;

-- name: AlertsByIDs :many
SELECT * FROM alerts WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]);

-- name: ClaimCallback :one
-- Moves the callback's due time before the call, so that a crash costs time and nobody else calls meanwhile.
UPDATE alerts a SET callback_tries = a.callback_tries + 1, callback_due_at = app.now() + @lease::interval
FROM tenants t
WHERE a.tenant_id = @tenant_id AND a.id = @id AND a.callback_due_at <= app.now() AND t.tenant_id = a.tenant_id
RETURNING a.id, a.kind, a.subject_id, a.conversation_id, a.channel_account_id, a.message, a.opened_at, a.closed_at, a.callback_tries,
  t.alert_url, t.alert_secret_sealed;

-- name: FinishCallback :exec
-- A wait of zero: no further try.
UPDATE alerts SET callback_due_at = CASE WHEN @wait::interval > interval '0' THEN app.now() + @wait::interval END,
  callback_done_at = CASE WHEN @done::boolean THEN app.now() ELSE callback_done_at END
WHERE tenant_id = @tenant_id AND id = @id AND callback_tries = @tries;

-- name: EndCallbacks :exec
UPDATE alerts SET callback_due_at = NULL WHERE tenant_id = @tenant_id AND callback_due_at IS NOT NULL;
