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
	facts := n.earliest()
	fresh, err := tx.InsertFacts(ctx, now, facts)
	if err != nil {
		return learned{}, err
	}
	if err := tx.AttachExternalIDs(ctx, n.stale(fresh)); err != nil || len(fresh) == 0 {
		return learned{}, err
	}
	c, err := statuses(ctx, tx, messages, facts, fresh)
	if err != nil {
		return learned{}, err
	}
	return o.derive(ctx, tx, now, n, messages, conversations, c)
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
// message tells the state of its conversation too, and an older one must not come after a newer one; and a message that is queued behind one that
// just ends must not miss that. It returns them where a message may be lost, since only then somebody has to see to its conversation.
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
	ids = unique(append(ids, n.passable()...))
	if len(ids) == 0 {
		return nil, nil
	}
	if err := tx.InvalidateAddresses(ctx, now, refused); err != nil {
		return nil, err
	}
	if !n.mayLose() {
		return nil, tx.HoldConversations(ctx, ids)
	}
	locked, err := tx.LockConversations(ctx, ids)
	conversations := make(map[uuid.UUID]*inbox.Conversation, len(locked))
	for i := range locked {
		conversations[locked[i].ID] = &locked[i]
	}
	return conversations, err
}

// mayLose reports whether a message may fail by the news.
func (n *news) mayLose() bool {
	return len(n.failures) > 0 || slices.ContainsFunc(n.facts, func(f reported) bool { return f.Kind == FactFailed })
}

// passable returns the conversations whose later messages wait 30 s at most from now on.
func (n *news) passable() []uuid.UUID {
	var ids []uuid.UUID
	for _, s := range n.steps {
		if s.what.Passable {
			ids = append(ids, s.call.ConversationID)
		}
	}
	return ids
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
