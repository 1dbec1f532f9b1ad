-- name: InsertAttachments :exec
-- Due at once: a ring that is lost is made up for by the sweep.
INSERT INTO attachments (tenant_id, id, message_id, channel_account_id, provider_media, filename, mime_type, state, due_at, created_at)
SELECT @tenant_id, a.id, a.message_id, a.channel_account_id, a.provider_media, a.filename, a.mime_type, 'PENDING', app.now(), a.created_at
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@message_ids::uuid[]) AS message_id,
  unnest(@channel_account_ids::uuid[]) AS channel_account_id, unnest(@provider_medias::jsonb[]) AS provider_media,
  unnest(@filenames::text[]) AS filename, unnest(@mime_types::text[]) AS mime_type,
  unnest(@created_ats::timestamptz[]) AS created_at) a;

-- name: AttachmentsByIDs :many
SELECT * FROM attachments WHERE tenant_id = @tenant_id AND id = ANY (@ids::uuid[]) ORDER BY id;

-- name: AttachmentsByMessageIDs :many
SELECT * FROM attachments WHERE tenant_id = @tenant_id AND message_id = ANY (@message_ids::uuid[]) ORDER BY message_id, id;

-- name: ClaimAttachment :many
-- The lease is due_at itself: nobody else finds the row due before it, and after it the row is due again.
UPDATE attachments SET due_at = app.now() + @lease::interval, tries = tries + 1
WHERE tenant_id = @tenant_id AND id = @id AND state = 'PENDING' AND due_at <= app.now()
RETURNING *;

-- name: StoreAttachment :execrows
-- Fenced by tries: a holder whose lease has run out does not overwrite what a later one stored.
UPDATE attachments SET state = 'STORED', due_at = NULL, failed_reason = NULL, mime_type = @mime_type, size_bytes = @size_bytes,
  sha256 = @sha256, blob_key = @blob_key
WHERE tenant_id = @tenant_id AND id = @id AND state = 'PENDING' AND tries = @tries;

-- name: DeferAttachment :execrows
UPDATE attachments SET due_at = app.now() + @wait::interval, failed_reason = @reason::text
WHERE tenant_id = @tenant_id AND id = @id AND state = 'PENDING' AND tries = @tries;

-- name: FailAttachment :execrows
UPDATE attachments SET state = 'FAILED', due_at = NULL, failed_reason = @reason::text
WHERE tenant_id = @tenant_id AND id = @id AND state = 'PENDING' AND tries = @tries;

-- name: RenewAttachment :execrows
UPDATE attachments SET state = 'PENDING', due_at = app.now(), failed_reason = NULL, tries = 0
WHERE tenant_id = @tenant_id AND id = @id AND state = 'FAILED';
