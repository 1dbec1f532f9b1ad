package outbound

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// news is everything that one transaction has learned about messages, by results of calls, by receipts or by the clock.
type news struct {
	endings  []Ending
	accepted []acceptance
	steps    []guarded[Step]
	failures []guarded[failure]
	facts    []reported
	external map[uuid.UUID]string // the providers' ids of accepted messages
}

// acceptance proves that a provider has the message: it is never sent again.
type acceptance struct {
	call       Called
	externalID string
}

// reported is a fact with what a failure needs to be acted upon.
type reported struct {
	Fact
	call  Called
	class channel.Class
}

// guarded is a step or a failure of a dispatch that holds only while the dispatch is as it was seen.
type guarded[T any] struct {
	call    Called
	attempt int
	state   State // "": any
	what    T
}

// learned is what became of news: which facts changed something, and what to tell the operator after the commit.
type learned struct {
	facts  []NewFact
	opened []Alert
	failed []string // codes
}

// learn writes the news down. It costs the same few statements for one message and for hundreds. Locks are taken in the
// order of the house: external ids, addresses, conversations, messages, dispatches; the caller has locked the lane before.
func (o *Outbound) learn(ctx context.Context, tx Tx, now time.Time, n *news) (learned, error) {
	if err := n.unpark(ctx, tx); err != nil {
		return learned{}, err
	}
	conversations, err := n.lockConversations(ctx, tx, now)
	if err != nil {
		return learned{}, err
	}
	messages, err := tx.LockDeliveries(ctx, n.messages())
	if err != nil {
		return learned{}, err
	}
	if err := tx.FinishAttempts(ctx, n.endings); err != nil {
		return learned{}, err
	}
	if err := n.settleDispatches(ctx, tx, now); err != nil {
		return learned{}, err
	}
	fresh, err := tx.InsertFacts(ctx, now, n.earliest())
	if err != nil {
		return learned{}, err
	}
	if err := tx.AttachExternalIDs(ctx, n.stale(fresh)); err != nil || len(fresh) == 0 {
		return learned{}, err
	}
	return o.derive(ctx, tx, now, n, messages, conversations, fresh)
}

// unpark adds the receipts that came before their message was known.
func (n *news) unpark(ctx context.Context, tx Tx) error {
	byRef := make(map[Ref]Called, len(n.accepted))
	refs := make([]Ref, 0, len(n.accepted))
	for _, a := range n.accepted {
		if a.externalID != "" {
			ref := Ref{ChannelAccountID: a.call.ChannelAccountID, ExternalID: a.externalID}
			refs, byRef[ref] = append(refs, ref), a.call
		}
	}
	if err := tx.LockReceipts(ctx, refs); err != nil {
		return err
	}
	parked, err := tx.TakeParked(ctx, refs)
	for _, p := range parked {
		call := byRef[p.Ref]
		n.facts = append(n.facts, reported{
			Fact: Fact{MessageID: call.MessageID, Kind: p.Kind, At: p.At, Code: p.Code, Reason: p.Reason}, call: call, class: p.Class,
		})
	}
	return err
}

// lockConversations marks addresses that a provider refused, and locks the conversations of all messages that may change: an event about a
// message tells the state of its conversation too, and an older one must not come after a newer one.
func (n *news) lockConversations(ctx context.Context, tx Tx, now time.Time) (map[uuid.UUID]*inbox.Conversation, error) {
	var ids []uuid.UUID
	refused := map[string]string{}
	note := func(call Called, class channel.Class, reason string) {
		ids = append(ids, call.ConversationID)
		if class == channel.InvalidRecipient && call.Recipient != "" {
			refused[call.Recipient] = reason
		}
	}
	for _, f := range n.failures {
		note(f.call, f.what.class, f.what.reason)
	}
	for _, f := range n.facts {
		if f.Kind == FactFailed {
			note(f.call, f.class, f.Reason)
		} else {
			ids = append(ids, f.call.ConversationID)
		}
	}
	for _, a := range n.accepted {
		ids = append(ids, a.call.ConversationID)
	}
	if len(ids) == 0 {
		return nil, nil
	}
	if err := tx.InvalidateAddresses(ctx, now, refused); err != nil {
		return nil, err
	}
	locked, err := tx.LockConversations(ctx, unique(ids))
	conversations := make(map[uuid.UUID]*inbox.Conversation, len(locked))
	for i := range locked {
		conversations[locked[i].ID] = &locked[i]
	}
	return conversations, err
}

// messages returns the messages that the news is about and that may change. Steps alone change no message.
func (n *news) messages() []uuid.UUID {
	var ids []uuid.UUID
	for _, a := range n.accepted {
		ids = append(ids, a.call.MessageID)
	}
	for _, f := range n.failures {
		ids = append(ids, f.call.MessageID)
	}
	for _, f := range n.facts {
		ids = append(ids, f.MessageID)
	}
	return unique(ids)
}

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
	done := make([]uuid.UUID, 0, len(n.accepted)+len(n.failures))
	n.external = make(map[uuid.UUID]string, len(n.accepted))
	for _, a := range n.accepted {
		done = append(done, a.call.MessageID)
		if a.externalID != "" {
			n.external[a.call.MessageID] = a.externalID
		}
	}
	for _, f := range n.failures {
		done = append(done, f.call.MessageID)
	}
	if _, err := tx.DeleteDispatches(ctx, unique(done)); err != nil {
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

// earliest returns one fact a message and kind.
func (n *news) earliest() []Fact {
	type key struct {
		message uuid.UUID
		kind    FactKind
	}
	at := make(map[key]int, len(n.facts))
	facts := make([]Fact, 0, len(n.facts))
	for _, f := range n.facts {
		k := key{f.MessageID, f.Kind}
		i, known := at[k]
		switch {
		case !known:
			at[k] = len(facts)
			facts = append(facts, f.Fact)
		case f.before(facts[i]):
			facts[i] = f.Fact
		}
	}
	return facts
}

func unique(ids []uuid.UUID) []uuid.UUID {
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(ids)
}

// stale returns the providers' ids of messages about which there is no fresh fact; the others get theirs with their status.
func (n *news) stale(fresh []NewFact) map[uuid.UUID]string {
	ids := maps.Clone(n.external)
	for _, f := range fresh {
		delete(ids, f.MessageID)
	}
	return ids
}
