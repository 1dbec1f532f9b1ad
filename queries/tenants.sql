-- name: TenantBySlug :one
SELECT t.tenant_id::uuid AS tenant_id, t.status::text AS status FROM app.tenant_by_slug(@slug) t;

-- name: TenantIDs :many
SELECT t.id::uuid AS id FROM app.tenant_ids() AS t(id) ORDER BY 1;

-- name: TenantByID :one
SELECT * FROM tenants WHERE tenant_id = @tenant_id;

-- name: Head :one
SELECT seq, epoch FROM tenant_heads WHERE tenant_id = @tenant_id;

-- name: Now :one
SELECT app.now()::timestamptz AS now;

-- name: InsertTenant :exec
INSERT INTO tenants (tenant_id, slug, name, reopen_within_days, reopen_keeps_assignee, created_at)
VALUES (@tenant_id, @slug, @name, @reopen_within_days, @reopen_keeps_assignee, @created_at);

-- name: InsertHead :exec
INSERT INTO tenant_heads (tenant_id, epoch) VALUES (@tenant_id, @epoch);

-- name: RenewEpoch :exec
UPDATE tenant_heads SET epoch = @epoch WHERE tenant_id = @tenant_id;

-- name: SetAlertURL :exec
UPDATE tenants SET alert_url = @alert_url, alert_secret_sealed = @alert_secret_sealed WHERE tenant_id = @tenant_id;
