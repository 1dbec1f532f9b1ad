package outbound_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

// grudge panics in every transaction of one tenant.
type grudge struct {
	outbound.Store
	against inbox.TenantID
}

func (g *grudge) InTenant(ctx context.Context, tenant inbox.TenantID, fn func(outbound.Tx) error) error {
	return g.Store.InTenant(ctx, tenant, func(tx outbound.Tx) error {
		if tenant == g.against {
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
	for _, slug := range []string{"acme", "bolt"} { // one of them is the first that the sweep comes to
		t.Run(slug, func(t *testing.T) {
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
			w.out = w.processOn(&grudge{w.DB.Outbound(), tenants[slug]}, func(c *outbound.Config) {
				c.Bells, c.Log = loud{}, slog.New(slog.NewJSONHandler(&log, nil))
			})
			r := &ringer{}
			if err := w.out.Sweep(t.Context(), r); err == nil {
				t.Error("no error tells that parts of the sweep panicked")
			}
			if len(r.wakes) != 1 {
				t.Errorf("after the lanes, whose bell panics, %d snoozes were rung for, want 1", len(r.wakes))
			}
			w.wantAlert(outbound.AlertStuck, 1) // of the other tenant
			for _, words := range []string{
				`"sweep":"lanes","panic":"loud"`, "outbound_test.loud.Ring", `"sweep":"stuck","panic":"a grudge"`, "outbound_test.(*grudge).InTenant",
			} {
				if !strings.Contains(log.String(), words) {
					t.Errorf("%s does not stand in the log:\n%s", words, log.String())
				}
			}
		})
	}
}
