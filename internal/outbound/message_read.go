package outbound

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// AttemptsOf returns the calls made for messages, in order, by the message's id. Its caller has found the messages through a conversation
// that the actor may see.
func (o *Outbound) AttemptsOf(ctx context.Context, actor inbox.Actor, messages []uuid.UUID) (map[uuid.UUID][]Attempt, error) {
	found := make(map[uuid.UUID][]Attempt, len(messages))
	err := o.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		attempts, err := tx.AttemptsByMessageIDs(ctx, messages)
		for _, a := range attempts {
			found[a.MessageID] = append(found[a.MessageID], a)
		}
		return err
	})
	return found, err
}

// HoldsOf returns the unfinished sendings of messages with what holds them, by the message's id; finished ones are absent. Its caller has
// found the messages through a conversation that the actor may see.
func (o *Outbound) HoldsOf(ctx context.Context, actor inbox.Actor, messages []uuid.UUID) (map[uuid.UUID]Dispatch, error) {
	found := make(map[uuid.UUID]Dispatch, len(messages))
	err := o.store.ReadTenant(ctx, actor.Tenant(), func(tx Tx) error {
		dispatches, err := tx.DispatchesByIDs(ctx, messages)
		for _, d := range dispatches {
			found[d.MessageID] = d
		}
		return err
	})
	return found, err
}
