package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
)

// How far ahead a snooze may end.
const (
	minSnooze = time.Minute
	maxSnooze = 365 * 24 * time.Hour
)

// SnoozeInput names a conversation to set aside, and until when.
type SnoozeInput struct {
	ConversationID uuid.UUID
	Until          time.Time
	Key            string `json:"-"` // the idempotency key; empty: none
	Along          Along  `json:"-"`
}

// SnoozeTimer rings when a snooze may have ended. jobs implements it; the truth stays in the conversation's row.
type SnoozeTimer interface {
	// WakeAt asks for Wake of the conversation's snooze of that number at the given time. It is called after the commit; a ring that
	// is lost is only late, because a sweep finds every snooze that is due.
	WakeAt(ctx context.Context, tenant TenantID, conversation uuid.UUID, gen int64, at time.Time)
}

// noTimer leaves waking to the sweep.
type noTimer struct{}

func (noTimer) WakeAt(context.Context, TenantID, uuid.UUID, int64, time.Time) {}

// Snooze sets an OPEN or SNOOZED conversation aside until a time 1 minute to 1 year ahead, or until the contact writes. It returns Invalid
// for another time, Conflict when it is RESOLVED, and NotFound when the agent does not see it.
func (in *Inbox) Snooze(ctx context.Context, actor Actor, input SnoozeInput) (Conversation, error) {
	input.Until = input.Until.UTC().Truncate(time.Microsecond)
	call := Call{Operation: "snoozeConversation", Key: input.Key, Input: input, Along: input.Along}
	c, err := in.change(ctx, actor, OpSnooze, input.ConversationID, call,
		func(_ context.Context, _ Tx, c *Conversation, now time.Time) (bool, error) {
			if ahead := input.Until.Sub(now); ahead < minSnooze || ahead > maxSnooze {
				return false, fault.BadField("until", "a snooze ends 1 minute to 1 year ahead; choose such a time")
			}
			until := input.Until
			c.SnoozedUntil = &until
			c.SnoozeGen++
			return true, nil
		})
	if err == nil && c.SnoozedUntil != nil {
		in.timer.WakeAt(ctx, actor.Tenant(), c.ID, c.SnoozeGen, *c.SnoozedUntil)
	}
	return c, err
}

// Wake opens a conversation whose snooze of that number is over. When it is not over yet, nothing happens and remaining tells how long
// it still lasts. A conversation that is not snoozed, or snoozed anew, or does not exist, is left alone: of the timer, the
// contact and an agent, whoever came first has ended the snooze.
func (in *Inbox) Wake(ctx context.Context, tenant TenantID, conversation uuid.UUID, gen int64) (remaining time.Duration, err error) {
	if err := faultpoint.Point("snooze.fire"); err != nil {
		return 0, err
	}
	err = in.store.InTenant(ctx, tenant, func(tx Tx) error {
		remaining = 0
		locked, err := tx.LockConversations(ctx, []uuid.UUID{conversation})
		if err != nil || len(locked) == 0 {
			return err
		}
		c := locked[0]
		if c.Status != StatusSnoozed || c.SnoozeGen != gen {
			return nil
		}
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		if remaining = c.SnoozedUntil.Sub(now); remaining > 0 {
			return nil
		}
		remaining = 0
		_, err = in.apply(ctx, tx, SystemActor(tenant), OpWake, c, func(_ context.Context, _ Tx, c *Conversation, _ time.Time) (bool, error) {
			c.SnoozedUntil = nil
			return true, faultpoint.Point("snooze.commit")
		})
		return err
	})
	return remaining, err
}
