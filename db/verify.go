package db

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/db/internal/gen"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

//go:embed verify.sql
var verifySQL string

// Finding is what one check of Verify found.
type Finding struct {
	Check      string   // what ought to hold
	Violations int      // how often it does not
	Examples   []string // the first violations in words, with ids only
}

// examplesKept is how many violations of a check are told in words.
const examplesKept = 10

// Verify checks the invariants that the database can prove about itself, over all tenants, and returns every check with what it found.
// It reads each tenant in one snapshot, so it may run beside a working installation. It returns an error when it cannot read.
func (d *DB) Verify(ctx context.Context) ([]Finding, error) {
	tenants, err := gen.New(d.pool).TenantIDs(ctx)
	if err != nil {
		return nil, mapError(err)
	}
	checks := parseChecks(verifySQL)
	findings := make([]Finding, len(checks), len(checks)+2)
	for i, c := range checks {
		findings[i].Check = c.name
	}
	chain := Finding{Check: "the audit log is what its hash chain sealed (R63)"}
	for _, tenant := range tenants {
		err := d.readTenant(ctx, inbox.TenantOf(tenant), func(tx *Tx) error {
			if _, err := tx.conn.Exec(ctx, survey); err != nil {
				return err
			}
			for i, c := range checks {
				if err := tx.check(ctx, &findings[i], c.query, tenant); err != nil {
					return fmt.Errorf("%s: %w", c.name, err)
				}
			}
			return tx.checkAudit(ctx, &chain)
		})
		if err != nil {
			return nil, err
		}
	}
	fence, err := d.checkFence(ctx)
	return append(findings, chain, fence), err
}

// survey are the settings for reading all of a tenant, which may take longer than any request may, and for which the plans of requests, each row from
// an index, are the worst.
const survey = `SELECT set_config('statement_timeout', '0', true), set_config('enable_seqscan', 'on', true),
  set_config('plan_cache_mode', 'force_custom_plan', true), set_config('work_mem', '64MB', true)`

type check struct{ name, query string }

// parseChecks reads the file's checks: each begins with a line "-- check: name".
func parseChecks(file string) []check {
	var checks []check
	for _, part := range strings.Split(file, "-- check: ")[1:] {
		name, query, _ := strings.Cut(part, "\n")
		checks = append(checks, check{strings.TrimSpace(name), query})
	}
	return checks
}

func (tx *Tx) check(ctx context.Context, f *Finding, query string, args ...any) error {
	rows, err := tx.conn.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	return f.add(rows, "tenant "+tx.tenant.String()+": ")
}

// add counts the violations that a query selects.
func (f *Finding) add(rows pgx.Rows, prefix string) error {
	var violation string
	_, err := pgx.ForEachRow(rows, []any{&violation}, func() error {
		f.note(prefix + violation)
		return nil
	})
	return err
}

func (f *Finding) note(violation string) {
	f.Violations++
	if len(f.Examples) < examplesKept {
		f.Examples = append(f.Examples, violation)
	}
}

// checkAudit computes the hash chain over the audit log again. A row that was changed or removed breaks it at its link; a link that was
// removed breaks the numbers.
func (tx *Tx) checkAudit(ctx context.Context, f *Finding) error {
	const sealed = `SELECT s.no, s.hash, s.audit_id, l.id, coalesce(l.at, 'epoch'), coalesce(l.actor_kind, ''),
	    coalesce(l.actor_id::text, ''), coalesce(l.action, ''), coalesce(l.subject_kind, ''), coalesce(l.subject_id::text, ''),
	    coalesce(l.details::text, ''), coalesce(l.correlation_id, '')
	  FROM audit_seals s LEFT JOIN audit_log l ON l.tenant_id = s.tenant_id AND l.id = s.audit_id
	  WHERE s.tenant_id = $1 ORDER BY s.no`
	rows, err := tx.conn.Query(ctx, sealed, tx.tenant)
	if err != nil {
		return err
	}
	var (
		before, hash []byte
		no, expected int64
		auditID      uuid.UUID
		id           *uuid.UUID
		row          outbound.AuditRow
	)
	into := []any{&no, &hash, &auditID, &id, &row.At, &row.ActorKind, &row.ActorID, &row.Action, &row.SubjectKind, &row.SubjectID,
		&row.Details, &row.CorrelationID}
	_, err = pgx.ForEachRow(rows, into, func() error {
		expected++
		row.ID = auditID
		computed, err := outbound.SealHash(before, row)
		if err != nil {
			return err
		}
		if no != expected || id == nil || !bytes.Equal(computed, hash) {
			f.note(fmt.Sprintf("tenant %s: link %d, audit row %s", tx.tenant, no, auditID))
			expected = no
		}
		before = bytes.Clone(hash)
		return nil
	})
	return err
}

// checkFence looks whether every table that belongs to tenants is fenced, as migrations make it.
func (d *DB) checkFence(ctx context.Context) (Finding, error) {
	const open = `SELECT c.relname::text FROM pg_class c
	  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
	    AND EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped)
	    AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy p
	      WHERE p.polrelid = c.oid AND p.polname = 'tenant_isolation' AND p.polcmd = '*' AND p.polpermissive
	        AND p.polqual IS NOT NULL AND p.polwithcheck IS NOT NULL))
	  ORDER BY 1`
	f := Finding{Check: "row security is forced on every table of tenants"}
	rows, err := d.pool.Query(ctx, open)
	if err != nil {
		return f, mapError(err)
	}
	return f, mapError(f.add(rows, "table "))
}
