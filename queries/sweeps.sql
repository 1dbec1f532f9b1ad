-- name: DueLanes :many
SELECT t.tenant_id::uuid AS tenant_id, t.channel_account_id::uuid AS id FROM app.due_lanes(@most) t;

-- name: UncalledConversations :many
SELECT t.tenant_id::uuid AS tenant_id, t.conversation_id::uuid AS id FROM app.uncalled_conversations(@most) t;

-- name: LimitedLanes :many
SELECT t.tenant_id::uuid AS tenant_id, t.channel_account_id::uuid AS id FROM app.limited_lanes(@patience, @most) t;

-- name: DueSnoozes :many
SELECT t.tenant_id::uuid AS tenant_id, t.conversation_id::uuid AS id, t.snooze_gen::bigint AS gen FROM app.due_snoozes(@most) t;

-- name: DueAttachments :many
SELECT t.tenant_id::uuid AS tenant_id, t.attachment_id::uuid AS id FROM app.due_attachments(@most) t;

-- name: StuckDispatches :many
SELECT t.tenant_id::uuid AS tenant_id, t.message_id::uuid AS id FROM app.stuck_dispatches(@patience, @most) t;

-- name: DueCallbacks :many
SELECT t.tenant_id::uuid AS tenant_id, t.alert_id::uuid AS id FROM app.due_callbacks(@most) t;

-- name: ParkedTenants :many
SELECT t.tenant_id::uuid AS tenant_id FROM (SELECT app.parked_tenants(@after, @most) AS tenant_id) t;

-- name: UnsealedTenants :many
SELECT t.tenant_id::uuid AS tenant_id FROM (SELECT app.unsealed_tenants(@after, @most) AS tenant_id) t;

-- name: AlertTenants :many
SELECT t.tenant_id::uuid AS tenant_id FROM (SELECT app.alert_tenants(@after, @most) AS tenant_id) t;

-- name: StaleKeyTenants :many
SELECT t.tenant_id::uuid AS tenant_id FROM (SELECT app.stale_key_tenants(@age, @most) AS tenant_id) t;

-- name: LastSeal :one
SELECT s.no, s.hash, l.at FROM audit_seals s JOIN audit_log l ON l.tenant_id = s.tenant_id AND l.id = s.audit_id
WHERE s.tenant_id = @tenant_id ORDER BY s.no DESC LIMIT 1;

-- name: UnsealedAudit :many
SELECT l.* FROM audit_log l
WHERE l.tenant_id = @tenant_id AND l.at >= @since
  AND NOT EXISTS (SELECT FROM audit_seals s WHERE s.tenant_id = l.tenant_id AND s.audit_id = l.id)
ORDER BY l.at, l.id LIMIT @most;

-- name: InsertSeals :exec
INSERT INTO audit_seals (tenant_id, no, audit_id, hash)
SELECT @tenant_id, u.no, u.audit_id, u.hash
FROM (SELECT unnest(@nos::bigint[]) AS no, unnest(@audit_ids::uuid[]) AS audit_id, unnest(@hashes::bytea[]) AS hash) u;

-- name: TryLock :one
SELECT pg_try_advisory_xact_lock(@key)::boolean AS taken;
