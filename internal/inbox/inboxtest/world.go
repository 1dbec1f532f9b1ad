// Package inboxtest fills a test's database with a small business, and reads back what a test wants to compare. Rows are written as the
// tables' owner, past every use case, so that a test controls each column.
//
// Imports: channel, inbox, dbtest, pgx. Only tests import this package.
package inboxtest

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/switchboard-inbox/switchboard/db/dbtest"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// World is a database with tenants in it.
type World struct {
	*dbtest.Database
	t      testing.TB
	owner  *pgxpool.Pool
	phones atomic.Int64
}

// New returns an empty World that ends with the test.
func New(t testing.TB) *World {
	t.Helper()
	return On(t, dbtest.New(t))
}

// On returns an empty World in a database that the test has made.
func On(t testing.TB, d *dbtest.Database) *World {
	t.Helper()
	w := &World{Database: d, t: t}
	owner, err := pgxpool.New(t.Context(), w.OwnerURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(owner.Close)
	w.owner = owner
	return w
}

// Exec runs SQL as the owner of the tables and fails the test when it fails.
func (w *World) Exec(sql string, args ...any) {
	w.t.Helper()
	if _, err := w.owner.Exec(context.Background(), sql, args...); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
}

// Int returns the one number that SQL yields as the owner of the tables.
func (w *World) Int(sql string, args ...any) int64 {
	w.t.Helper()
	var n int64
	if err := w.owner.QueryRow(context.Background(), sql, args...).Scan(&n); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// Text returns the one text that SQL yields as the owner of the tables.
func (w *World) Text(sql string, args ...any) string {
	w.t.Helper()
	var text string
	if err := w.owner.QueryRow(context.Background(), sql, args...).Scan(&text); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
	return text
}

// Shift moves the database's clock by d from the real time.
func (w *World) Shift(d time.Duration) { w.Exec("UPDATE app.clock SET shift = $1", d) }

// Tenant is one business of a World.
type Tenant struct {
	ID   inbox.TenantID
	Slug string
	w    *World
}

// Tenant adds a business with the slug.
func (w *World) Tenant(slug string) *Tenant {
	w.t.Helper()
	id := NewID()
	w.Exec("INSERT INTO tenants (tenant_id, slug, name, created_at) VALUES ($1, $2, $3, now())", id, slug, "The "+slug)
	w.Exec("INSERT INTO tenant_heads (tenant_id, epoch) VALUES ($1, $2)", id, NewID())
	return &Tenant{ID: inbox.TenantOf(id), Slug: slug, w: w}
}

// Team adds a team.
func (n *Tenant) Team(name string) uuid.UUID {
	id := NewID()
	n.w.Exec("INSERT INTO teams (tenant_id, id, name, created_at) VALUES ($1, $2, $3, now())", n.ID.UUID(), id, name)
	return id
}

// Agent adds an agent who is a member of the teams.
func (n *Tenant) Agent(name string, role inbox.Role, teams ...uuid.UUID) uuid.UUID {
	id := NewID()
	email := name + "@" + n.Slug + ".example"
	n.w.Exec(`INSERT INTO agents (tenant_id, id, email, email_folded, name, role, password_hash, created_at)
		VALUES ($1, $2, $3, $3, $4, $5, '-', now())`, n.ID.UUID(), id, email, name, string(role))
	for _, team := range teams {
		n.w.Exec("INSERT INTO team_members (tenant_id, team_id, agent_id) VALUES ($1, $2, $3)", n.ID.UUID(), team, id)
	}
	return id
}

// Account adds a WhatsApp channel account that routes to the team, or to every agent when team is nil.
func (n *Tenant) Account(name string, team *uuid.UUID) uuid.UUID {
	id := NewID()
	n.w.Exec(`INSERT INTO channel_accounts (tenant_id, id, channel, provider, external_ref, name, team_id, credentials_sealed,
		endpoint_id, created_at) VALUES ($1, $2, 'WHATSAPP', 'meta', $3, $4, $5, '\x00', $6, now())`,
		n.ID.UUID(), id, "ref-"+id.String(), name, team, id.String())
	return id
}

// Contact adds a contact with a phone number.
func (n *Tenant) Contact(name, phone string) uuid.UUID {
	id := NewID()
	n.w.Exec("INSERT INTO contacts (tenant_id, id, name, created_at) VALUES ($1, $2, $3, now())", n.ID.UUID(), id, name)
	n.w.Exec(`INSERT INTO contact_identities (tenant_id, kind, value, contact_id, created_at)
		VALUES ($1, 'PHONE', $2, $3, now())`, n.ID.UUID(), phone, id)
	return id
}

// Conversation adds an OPEN, unassigned conversation of a new contact on the account, with its first inbound message.
func (n *Tenant) Conversation(account uuid.UUID) uuid.UUID {
	id := NewID()
	contact := n.Contact("Sam", n.w.phone())
	n.w.Exec(`INSERT INTO conversations (tenant_id, id, contact_id, channel_account_id, team_id, status, last_message_at, created_at)
		SELECT $1, $2, $3, $4, a.team_id, 'OPEN', now(), now() FROM channel_accounts a WHERE a.tenant_id = $1 AND a.id = $4`,
		n.ID.UUID(), id, contact, account)
	n.Inbound(id, "hello")
	return id
}

// Inbound adds an inbound message as ingest would, without its event, and returns its id.
func (n *Tenant) Inbound(conversation uuid.UUID, text string) uuid.UUID {
	id := NewID()
	n.w.Exec(`WITH c AS (
			UPDATE conversations SET last_seq = last_seq + 1, inbound_count = inbound_count + 1, version = version + 1,
			  last_message_at = now(), last_inbound_at = now(), preview = left($4, 120)
			WHERE tenant_id = $1 AND id = $2 RETURNING *)
		INSERT INTO messages (tenant_id, id, conversation_id, channel_account_id, seq, inbound_no, direction, kind, text, status,
		  created_at)
		SELECT $1, $3, c.id, c.channel_account_id, c.last_seq, c.inbound_count, 'INBOUND', 'TEXT', $4, 'RECEIVED', now() FROM c`,
		n.ID.UUID(), conversation, id, text)
	return id
}

// As returns the Actor of an agent as signing in makes it.
func (n *Tenant) As(agent uuid.UUID, role inbox.Role, accounts ...uuid.UUID) inbox.Actor {
	return inbox.AgentActor(n.ID, agent, NewID(), role, accounts)
}

// NewID returns a new UUIDv7.
func NewID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// phone returns a phone number that nobody in the world has.
func (w *World) phone() string { return fmt.Sprintf("+491511%07d", w.phones.Add(1)) }

// Ingest returns an Ingest of the world that ends with the test. It is for messages: nobody applies receipts.
func (w *World) Ingest() *inbox.Ingest {
	in := inbox.NewIngest(inbox.IngestConfig{
		Store: w.DB, Directory: w.DB, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
	})
	w.t.Cleanup(func() {
		if err := in.Drain(context.Background()); err != nil {
			w.t.Error(err)
		}
	})
	return in
}

// Text returns the webhook of a text that the person with the phone number sends to the account.
func Text(account uuid.UUID, phone, text string) inbox.Request {
	id := "wamid." + NewID().String()
	return inbox.Request{Provider: "meta", Items: []channel.Item{{
		AccountRef: "ref-" + account.String(), Key: id, Raw: []byte(`{}`),
		Event: channel.Inbound{
			ExternalID: id, From: channel.Sender{Phone: phone}, SentAt: time.Now(), Kind: channel.KindText, Text: text,
		},
	}}}
}

// PhoneOf returns the phone number of the conversation's contact.
func (n *Tenant) PhoneOf(conversation uuid.UUID) string {
	n.w.t.Helper()
	var phone string
	err := n.w.owner.QueryRow(context.Background(), `SELECT i.value FROM contact_identities i
		JOIN conversations c ON c.tenant_id = i.tenant_id AND c.contact_id = i.contact_id
		WHERE c.tenant_id = $1 AND c.id = $2`, n.ID.UUID(), conversation).Scan(&phone)
	if err != nil {
		n.w.t.Fatal(err)
	}
	return phone
}
