package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
)

// ConversationInput names a conversation to claim, release or reopen.
type ConversationInput struct {
	ConversationID uuid.UUID
	Key            string `json:"-"` // the idempotency key; empty: none
	Along          Along  `json:"-"`
}

// act is one operation on one locked conversation. It changes the conversation and reports whether it did; the status has been set
// from the table of transitions already.
type act func(ctx context.Context, tx Tx, c *Conversation, now time.Time) (changed bool, err error)

// kept is what an operation stores under its idempotency key.
type kept struct {
	ConversationID uuid.UUID
}

// change does an operation of an agent on a conversation he sees: lock, rule, table, act; then version, event and audit row, all in one
// transaction. An operation that changed nothing leaves no trace. It returns the conversation as it is afterwards; a repeated call
// returns the conversation of the first, whoever holds it by now.
func (in *Inbox) change(ctx context.Context, actor Actor, op Operation, id uuid.UUID, call Call, do act) (Conversation, error) {
	var result Conversation
	var beside *Snapshot
	if err := actor.RequireAgent(); err != nil {
		return result, err
	}
	err := in.store.InTenant(ctx, actor.Tenant(), func(tx Tx) error {
		repeated := true
		done, err := Once(ctx, tx, actor, call, func() (kept, error) {
			repeated = false
			c, err := lockOne(ctx, tx, id)
			if err != nil {
				return kept{}, err
			}
			if err := Permit(actor, op, &c); err != nil {
				return kept{}, err
			}
			result, err = in.apply(ctx, tx, actor, op, c, do)
			return kept{ConversationID: id}, err
		})
		if err == nil && repeated {
			result, err = one(ctx, tx, done.ConversationID)
		}
		if err == nil {
			beside = call.Along.read(tx, result)
		}
		return err
	})
	_ = faultpoint.Point("mut.after_commit")
	if err == nil {
		call.Along.give(beside)
	}
	return result, err
}

// apply moves a locked conversation by the table and the act, writes what came of it, and returns it as it is then.
func (in *Inbox) apply(ctx context.Context, tx Tx, actor Actor, op Operation, before Conversation, do act) (Conversation, error) {
	move, err := Next(op, before.Status)
	if err != nil || move.Event == "" {
		return before, err
	}
	after, now := before, in.now()
	after.Status = move.To
	changed, err := do(ctx, tx, &after, now)
	if err != nil || !changed {
		return before, err
	}
	after.Version++
	if err := tx.UpdateConversations(ctx, []Conversation{after}); err != nil {
		return before, err
	}
	event := ConversationEvent(move.Event, actor, &before, &after, now)
	event.Cause = move.Cause
	tx.Record(event)
	return after, tx.Audit(ctx, changeEntry(actor, op, &before, &after, now))
}

// changeEntry is the audit row of an operation; it holds ids and codes only.
func changeEntry(actor Actor, op Operation, before, after *Conversation, at time.Time) AuditEntry {
	details := map[string]any{
		"version": after.Version, "statusBefore": before.Status, "statusAfter": after.Status,
		"assigneeBefore": before.AssigneeID, "assigneeAfter": after.AssigneeID,
	}
	if after.SnoozedUntil != nil {
		details["snoozedUntil"] = after.SnoozedUntil.Format(time.RFC3339)
	}
	return NewAuditEntry(actor, auditAction(op), "conversation", after.ID, details, at)
}

// NewAuditEntry returns an audit row of the actor about one thing; details may be nil.
func NewAuditEntry(actor Actor, action, subject string, id uuid.UUID, details map[string]any, at time.Time) AuditEntry {
	entry := AuditEntry{At: at, ActorKind: actor.Kind(), Action: action, SubjectKind: subject, SubjectID: &id, Details: details}
	if by := actor.ID(); by != uuid.Nil {
		entry.ActorID = &by
	}
	return entry
}

func auditAction(op Operation) string {
	switch op {
	case OpClaim:
		return "conversation.claimed"
	case OpReassign:
		return "conversation.reassigned"
	case OpRelease:
		return "conversation.released"
	case OpResolve:
		return "conversation.resolved"
	case OpReopen:
		return "conversation.reopened"
	case OpSnooze:
		return "conversation.snoozed"
	case OpWake:
		return "conversation.woken"
	case OpMarkRead:
		return "conversation.read"
	default:
		return "conversation.changed"
	}
}

// lockOne locks a conversation; NotFound when it does not exist.
func lockOne(ctx context.Context, tx Tx, id uuid.UUID) (Conversation, error) {
	locked, err := tx.LockConversations(ctx, []uuid.UUID{id})
	if err == nil && len(locked) == 0 {
		err = NoConversation()
	}
	if err != nil {
		return Conversation{}, err
	}
	return locked[0], nil
}

// one reads a conversation; NotFound when it does not exist.
func one(ctx context.Context, tx Tx, id uuid.UUID) (Conversation, error) {
	found, err := tx.ConversationsByIDs(ctx, []uuid.UUID{id})
	if err == nil && len(found) == 0 {
		err = NoConversation()
	}
	if err != nil {
		return Conversation{}, err
	}
	return found[0], nil
}
