package outbound_test

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// grudge panics in every transaction of some tenants.
type grudge struct {
	outbound.Store
	against []inbox.TenantID
}

func (g *grudge) InTenant(ctx context.Context, tenant inbox.TenantID, fn func(outbound.Tx) error) error {
	return g.Store.InTenant(ctx, tenant, func(tx outbound.Tx) error {
		if slices.Contains(g.against, tenant) {
			panic("a grudge")
		}
		return fn(tx)
	})
}

// loud panics when it is rung.
type loud struct{}

func (loud) Ring(context.Context, inbox.TenantID, uuid.UUID) { panic("loud") }

// What a sweep finds at one tenant, or in one of its parts, keeps no other tenant and no other part from its turn when it panics, and the log
// tells where that was.
func TestAPanicDoesNotEndTheSweep(t *testing.T) {
	t.Parallel()
	for _, slugs := range []string{"acme", "bolt", "acme bolt"} { // one of them is the first that the sweep comes to
		t.Run(slugs, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tenants := map[string]inbox.TenantID{"acme": w.tenant.ID}
			w.send(w.tenant.Conversation(w.account), "stuck")
			w.tenant = w.Tenant("bolt")
			tenants["bolt"], w.account = w.tenant.ID, w.addAccount(w.tenant, "sales")
			w.agent = w.tenant.As(w.tenant.Agent("bea", inbox.RoleAgent), inbox.RoleAgent, w.account)
			w.send(w.tenant.Conversation(w.account), "stuck")
			snoozed := w.tenant.Conversation(w.account)
			w.Exec("UPDATE conversations SET status = 'SNOOZED', snoozed_until = now() - interval '1 second', snooze_gen = 3 WHERE id = $1", snoozed)
			w.Exec("UPDATE app.clock SET shift = interval '301 seconds'")
			var log bytes.Buffer
			var against []inbox.TenantID
			words := []string{`"sweep":"lanes","kind":"string","stack":"goroutine `, "outbound_test.loud.Ring", "outbound_test.(*grudge).InTenant"}
			for slug := range strings.FieldsSeq(slugs) {
				against = append(against, tenants[slug])
				words = append(words, `"sweep":"stuck","tenant":"`+tenants[slug].String()+`","kind":"string","stack":"goroutine `)
			}
			w.out = w.processOn(&grudge{w.DB.Outbound(), against}, func(c *outbound.Config) {
				c.Bells, c.Log = loud{}, slog.New(slog.NewJSONHandler(&log, nil))
			})
			r := &ringer{}
			if err := w.out.Sweep(t.Context(), r); err == nil {
				t.Error("no error tells that parts of the sweep panicked")
			}
			if len(r.wakes) != 1 {
				t.Errorf("after the lanes, whose bell panics, %d snoozes were rung for, want 1", len(r.wakes))
			}
			w.wantAlert(outbound.AlertStuck, int64(2-len(against))) // of the other tenant
			for _, part := range words {
				if !strings.Contains(log.String(), part) {
					t.Errorf("%s does not stand in the log:\n%s", part, log.String())
				}
			}
		})
	}
}

// A call that panics says in the log where it was, and why when the runtime says so. The text of any other panic may quote the message, and is kept
// back.
func TestAPanickingCallTellsWhere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer answer
		words  []string
	}{
		"of the provider's own": {answer{panics: true}, []string{`"kind":"string","stack":"goroutine `}},
		"of the runtime": {answer{stumbles: true},
			[]string{`"kind":"runtime.boundsError","panic":"runtime error: index out of range [0] with length 0","stack":"goroutine `}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			w := newWorld(t, func(c *outbound.Config) { c.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
			m := w.send(w.tenant.Conversation(w.account), "between us")
			w.vendor.behave(func(*vendorCall) answer { return c.answer })
			w.drain()
			for _, part := range append(c.words, "outbound_test.stub.Send", w.tenant.ID.String(), m.ID.String()) {
				if !strings.Contains(log.String(), part) {
					t.Errorf("%s does not stand in the log:\n%s", part, log.String())
				}
			}
			if strings.Contains(log.String(), "between us") {
				t.Errorf("the text of the message stands in the log:\n%s", log.String())
			}
		})
	}
}
