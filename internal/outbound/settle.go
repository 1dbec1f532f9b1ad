package outbound

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
)

// settleDispatches moves dispatches on and removes those that are finished. Failures that are overtaken are dropped; the others become
// facts.
func (n *news) settleDispatches(ctx context.Context, tx Tx, now time.Time) error {
	current, err := n.lockGuarded(ctx, tx)
	if err != nil {
		return err
	}
	n.failures = slices.DeleteFunc(n.failures, func(f guarded[failure]) bool { return !holds(f, current) })
	if err := n.addFailures(ctx, tx, now); err != nil {
		return err
	}
	done, freed := make([]uuid.UUID, 0, len(n.accepted)+len(n.failures)), n.passable()
	n.external = make(map[uuid.UUID]string, len(n.accepted))
	for _, a := range n.accepted {
		done, freed = append(done, a.call.MessageID), append(freed, a.call.ConversationID)
		if a.externalID != "" {
			n.external[a.call.MessageID] = a.externalID
		}
	}
	for _, f := range n.failures {
		done, freed = append(done, f.call.MessageID), append(freed, f.call.ConversationID)
	}
	if err := tx.DeleteDispatches(ctx, unique(done)); err != nil {
		return err
	}
	if err := tx.CallNext(ctx, unique(freed)); err != nil {
		return err
	}
	steps := make([]Step, 0, len(n.steps))
	for _, s := range n.steps {
		if s.state == "" || holds(s, current) {
			steps = append(steps, s.what)
		}
	}
	return tx.StepDispatches(ctx, steps)
}

// lockGuarded locks the dispatches whose state decides whether the news about them still holds.
func (n *news) lockGuarded(ctx context.Context, tx Tx) (map[uuid.UUID]Dispatch, error) {
	var ids []uuid.UUID
	for _, f := range n.failures {
		ids = append(ids, f.call.MessageID)
	}
	for _, s := range n.steps {
		if s.state != "" {
			ids = append(ids, s.call.MessageID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	locked, err := tx.LockDispatches(ctx, unique(ids))
	current := make(map[uuid.UUID]Dispatch, len(locked))
	for _, d := range locked {
		current[d.MessageID] = d
	}
	return current, err
}

func holds[T any](g guarded[T], current map[uuid.UUID]Dispatch) bool {
	d, there := current[g.call.MessageID]
	return there && d.Attempt == g.attempt && (g.state == "" || d.State == g.state)
}

// addFailures turns failures into facts. Where the outcome of any call is unknown, the failure is only presumed: proof of acceptance
// still outranks it.
func (n *news) addFailures(ctx context.Context, tx Tx, now time.Time) error {
	if len(n.failures) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, len(n.failures))
	for i, f := range n.failures {
		ids[i] = f.call.MessageID
	}
	uncertain, err := tx.UncertainMessages(ctx, ids)
	if err != nil {
		return err
	}
	for _, f := range n.failures {
		fact := Fact{MessageID: f.call.MessageID, Kind: FactFailed, At: now, Code: f.what.code, Reason: f.what.reason}
		if slices.Contains(uncertain, f.call.MessageID) {
			fact.Kind = FactPresumedFailed
			if fact.Code != CodePoison {
				fact.Code = CodeOutcomeUnknown
			}
		}
		n.facts = append(n.facts, reported{Fact: fact, call: f.call, class: f.what.class})
	}
	return nil
}
