package db_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/inbox/inboxtest"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// zoo is a database in which a tenant can be made that has a row in every table.
type zoo struct {
	t      *testing.T
	w      *inboxtest.World
	owner  *pgx.Conn
	tables []table
}

// table is a tenant table with its columns and their types.
type table struct {
	name    string
	columns []string
	types   []string
}

func newZoo(t *testing.T) *zoo {
	t.Helper()
	z := &zoo{t: t, w: inboxtest.New(t)}
	conn, err := pgx.Connect(t.Context(), z.w.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	z.owner = conn
	// Every row of a victim has the same id, so the order of inserts does not matter, and constraints hold all the same.
	if _, err := conn.Exec(t.Context(), "SET session_replication_role = replica"); err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), `
		SELECT c.relname::text, array_agg(a.attname::text ORDER BY a.attnum), array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'goose_db_version'
		GROUP BY c.relname ORDER BY c.relname`)
	if err != nil {
		t.Fatal(err)
	}
	z.tables, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (tb table, err error) {
		return tb, row.Scan(&tb.name, &tb.columns, &tb.types)
	})
	if err != nil || len(z.tables) < 20 {
		t.Fatalf("%d tables, %v", len(z.tables), err)
	}
	return z
}

// victim makes a tenant with a row in every table.
func (z *zoo) victim(no int) victim {
	z.t.Helper()
	v := victim{tenant: inbox.TenantOf(inboxtest.NewID()), id: inboxtest.NewID(), canary: fmt.Sprintf("canary-%d", no)}
	for _, tb := range z.tables {
		marks, args := make([]string, len(tb.columns)), []any{}
		for i, column := range tb.columns {
			marks[i] = z.cell(v, tb, column, tb.types[i], &args)
		}
		sql := "INSERT INTO " + tb.name + " (" + strings.Join(tb.columns, ", ") + ") VALUES (" + strings.Join(marks, ", ") + ")"
		if _, err := z.owner.Exec(z.t.Context(), sql, args...); err != nil {
			z.t.Fatalf("a row of %s cannot be made; teach cells(): %v", tb.name, err)
		}
	}
	return v
}

// cell returns the SQL of one column of a victim's row.
func (z *zoo) cell(v victim, tb table, column, kind string, args *[]any) string {
	if fixed, ok := cells()[tb.name+"."+column]; ok {
		return fixed
	}
	arg := func(value any) string {
		*args = append(*args, value)
		return fmt.Sprintf("$%d", len(*args))
	}
	switch kind {
	case "uuid":
		if column == "tenant_id" {
			return arg(v.tenant.UUID())
		}
		return arg(v.id)
	case "text":
		return arg(v.canary)
	case "text[]":
		return arg([]string{v.canary})
	case "bytea":
		return arg(v.bytes())
	case "jsonb":
		return "'{}'"
	case "timestamp with time zone":
		return "now() - interval '1 hour'"
	case "bigint":
		return "1" // versions can grow to what victim.make gives
	case "integer":
		return "10" // tries and attempts are what victim.make gives
	case "boolean":
		return "false"
	}
	z.t.Fatalf("no value for %s.%s of type %s", tb.name, column, kind)
	return ""
}

// snapshot returns a text that changes when any row of the tenant does.
func (z *zoo) snapshot(tenant inbox.TenantID) string {
	z.t.Helper()
	parts := make([]string, len(z.tables))
	for i, tb := range z.tables {
		parts[i] = "SELECT '" + tb.name + "' AS name, md5(coalesce(string_agg(r::text, '|' ORDER BY r::text), '')) AS sum FROM " + tb.name +
			" r WHERE r.tenant_id = $1"
	}
	var sum string
	sql := "SELECT string_agg(name || sum, ',' ORDER BY name) FROM (" + strings.Join(parts, " UNION ALL ") + ") s"
	if err := z.owner.QueryRow(z.t.Context(), sql, tenant.UUID()).Scan(&sum); err != nil {
		z.t.Fatal(err)
	}
	return sum
}

// cells are the columns that not every value fits.
func cells() map[string]string {
	return map[string]string{
		"tenants.status": "'ACTIVE'", "tenants.reopen_within_days": "7",
		"agents.role": "'AGENT'", "agents.status": "'ACTIVE'",
		"api_keys.expires_at": "NULL", "api_keys.revoked_at": "NULL",
		"refresh_tokens.expires_at": "now() + interval '1 hour'", "refresh_tokens.spent_at": "NULL", "refresh_tokens.revoked_at": "NULL",
		"channel_accounts.channel": "'WHATSAPP'", "channel_accounts.status": "'ACTIVE'",
		"contact_identities.kind": "'PHONE'",
		"conversations.status":    "'OPEN'", "conversations.snoozed_until": "NULL", "conversations.resolved_at": "NULL",
		"conversations.resolved_at_seq": "NULL",
		"messages.direction":            "'INBOUND'", "messages.status": "'RECEIVED'", "messages.on_unknown": "'RECONCILE_THEN_RETRY'",
		"messages.kind":      "'TEXT'",
		"message_marks.kind": "'REACTION'", "attachments.state": "'PENDING'",
		"dispatches.state": "'READY'", "dispatches.hold": "NULL", "dispatches.held_since": "NULL",
		"dispatches.expires_at":     "now() + interval '1 hour'",
		"delivery_attempts.outcome": "'SENDING'", "delivery_facts.kind": "'SENT'", "parked_facts.kind": "'SENT'",
		"alerts.kind": "'STUCK'", "alerts.closed_at": "NULL", "alerts.callback_done_at": "NULL",
		"events.volume": "1", "webhook_items.volume": "1", "tenant_heads.volume": "1",
		"webhook_items.state": "'QUARANTINED'", "webhook_items.kind": "'MESSAGE'",
		"events.actor_kind": "'SYSTEM'", "audit_log.actor_kind": "'SYSTEM'",
		"idempotency_keys.created_at": "now() - interval '25 hours'",
	}
}

// words are values of types that are texts from a list.
func words() map[string]any {
	return map[string]any{
		"inbox.Role": inbox.RoleAgent, "inbox.Status": inbox.StatusOpen, "inbox.AssigneeFilter": inbox.AnyAssignee,
		"inbox.IdentityKind": inbox.IdentityPhone, "inbox.Channel": inbox.ChannelWhatsApp, "inbox.AccountStatus": inbox.AccountActive,
		"inbox.Direction": inbox.Inbound, "inbox.MessageStatus": inbox.MessageReceived, "inbox.OnUnknown": inbox.ReconcileThenRetry,
		"inbox.ActorKind": inbox.ActorSystem, "inbox.EventKind": inbox.EventAlertOpened,
		"inbox.ItemKind": inbox.ItemMessage, "inbox.SealedTable": inbox.SealedCredentials, "channel.Kind": channel.KindText, "channel.Class": channel.Transient,
		"outbound.AlertKind": outbound.AlertStuck, "outbound.AttemptOutcome": outbound.AttemptUnknown, "outbound.State": outbound.Ready,
		"outbound.Hold": outbound.HoldBreaker, "outbound.FactKind": outbound.FactSent,
		"inbox.AttachmentState": inbox.AttachmentPending, "inbox.Outcome": inbox.Quarantined, "inbox.Scope": inbox.ScopeRead,
	}
}

// preparations are what a victim's rows need before a method has something to do; $1 is the tenant.
func preparations() map[string][]string {
	without := func(table string) []string { return []string{"DELETE FROM " + table + " WHERE tenant_id = $1"} }
	return map[string][]string{
		"AttachExternalIDs": {"UPDATE messages SET external_id = NULL WHERE tenant_id = $1"},
		"Claim":             {"DELETE FROM delivery_attempts WHERE tenant_id = $1", "UPDATE lanes SET breaker_opened_at = NULL, limited_until = NULL WHERE tenant_id = $1"},
		"CallNext":          {"UPDATE dispatches SET waits = true WHERE tenant_id = $1"},
		"CloseEndedAlerts":  {"DELETE FROM dispatches WHERE tenant_id = $1"},
		"DownTooLong":       {"UPDATE lanes SET breaker_opened_at = now() - interval '1 hour', hold = 'BREAKER', held_since = now() - interval '1 hour' WHERE tenant_id = $1"},
		"HoldLane":          {"UPDATE lanes SET hold = NULL WHERE tenant_id = $1"},
		"FreeLane":          {"UPDATE lanes SET hold = 'BREAKER' WHERE tenant_id = $1", "DELETE FROM dispatches WHERE tenant_id = $1"},
		"OrderAgain":        {"UPDATE dispatches SET passable_at = now() WHERE tenant_id = $1"},
		"Overdue":           {"UPDATE dispatches SET state = 'UNKNOWN' WHERE tenant_id = $1"},
		"InsertAPIKey":      without("api_keys"), "InsertAgent": append(without("agents"), without("team_members")...), "InsertAlerts": without("alerts"),
		"InsertAttachments": without("attachments"), "InsertChannelAccount": without("channel_accounts"),
		"InsertContacts": without("contacts"), "InsertConversations": without("conversations"), "InsertDispatches": without("dispatches"),
		"InsertFacts": without("delivery_facts"), "InsertIdentities": without("contact_identities"), "InsertJournal": without("webhook_items"),
		"InsertMarks": without("message_marks"), "InsertMessages": without("messages"), "InsertPerson": append(without("contacts"), without("contact_identities")...),
		"InsertRefreshToken": without("refresh_tokens"), "InsertSeals": without("audit_seals"), "InsertTeam": without("teams"),
		"OpenTokenReuseAlert": without("alerts"), "ParkFacts": without("parked_facts"), "InsertTenant": append(without("tenants"), without("tenant_heads")...),
		"UnsealedAudit":       append(without("audit_seals"), "UPDATE audit_log SET at = now() + interval '1 hour' WHERE tenant_id = $1"),
		"RenewAttachment":     {"UPDATE attachments SET state = 'FAILED', due_at = NULL WHERE tenant_id = $1"},
		"LockDeliveries":      {"UPDATE messages SET direction = 'OUTBOUND', inbound_no = NULL WHERE tenant_id = $1"},
		"PutReadCursor":       without("read_cursors"),
		"NextDue":             {"UPDATE dispatches SET due_at = now() + interval '1 hour' WHERE tenant_id = $1"},
		"RenewEpoch":          {"UPDATE tenant_heads SET epoch = tenant_id WHERE tenant_id = $1"},
		"SetAlertURL":         {"UPDATE tenants SET alert_url = NULL WHERE tenant_id = $1"},
		"InvalidateAddresses": {"UPDATE contact_identities SET invalid_at = NULL WHERE tenant_id = $1"},
	}
}

// powerless names the methods that see and change nothing in a victim's own tenant when they are called once with its ids, and why
// that is right. What remains is proven: they give nothing to another tenant.
func powerless() map[string]string {
	return map[string]string{
		"HoldConversations": "takes the locks of rows only",
		"Last":              "sends nothing: it is about the statement after it",
		"Ledger":            "asks for the time between one moment and the same",
		"LockReceipts":      "takes advisory locks only, by channel account and external id",
		"Savepoint":         "runs what it is given",
		"Tenant":            "the tenant it returns hides its id from JSON",
	}
}
