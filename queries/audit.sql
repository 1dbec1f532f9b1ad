-- name: InsertAudit :batchexec
INSERT INTO audit_log (tenant_id, id, at, actor_kind, actor_id, action, subject_kind, subject_id, details, correlation_id)
VALUES (@tenant_id, @id, @at, @actor_kind, @actor_id, @action, @subject_kind, @subject_id, @details, @correlation_id);
