package outbound

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// noted is a receipt with where it led: to a call, or to the parking place.
type noted struct {
	inbox.Receipt
	kind FactKind
	call *Called
}

// receipts are a batch of them within one transaction; they implement inbox.MatchedReceipts.
type receipts struct {
	o     *Outbound
	tx    Tx
	now   time.Time
	found []noted
	told  learned
}

// MatchReceipts implements inbox.ReceiptApplier. A receipt is matched by our attempt id first and by the provider's id otherwise, both
// only within the channel account it came through, so that knowing an id of somebody else's leads nowhere.
func (o *Outbound) MatchReceipts(ctx context.Context, itx inbox.Tx, now time.Time, reported []inbox.Receipt) (inbox.MatchedReceipts, error) {
	tx := o.store.Join(itx)
	found, err := match(ctx, tx, now, reported)
	if err != nil {
		return nil, err
	}
	return &receipts{o: o, tx: tx, now: now, found: found}, nil
}

// Conversations returns those of the messages that are reported about.
func (r *receipts) Conversations() []uuid.UUID {
	var ids []uuid.UUID
	for _, f := range r.found {
		if f.call != nil {
			ids = append(ids, f.call.ConversationID)
		}
	}
	return unique(ids)
}

// Apply parks what led to no call and learns from the rest. Any receipt proves that the provider has the message, whatever the call's own
// outcome was.
func (r *receipts) Apply(ctx context.Context) ([]inbox.Outcome, error) {
	waiting := toPark(r.found)
	if len(waiting) > 0 {
		if err := faultpoint.Point("in.park"); err != nil {
			return nil, err
		}
	}
	parked, err := r.tx.ParkFacts(ctx, waiting)
	if err != nil {
		return nil, err
	}
	if r.told, err = r.o.learn(ctx, r.tx, r.now, receiptNews(r.found)); err != nil {
		return nil, err
	}
	return outcomes(r.found, parked, r.told.facts), nil
}

// Announce tells the operator about opened alerts and lost messages.
func (r *receipts) Announce(ctx context.Context) { r.o.tell(ctx, r.tx.Tenant(), r.told) }

// match locks the external ids and finds the calls that the receipts are about.
func match(ctx context.Context, tx Tx, now time.Time, receipts []inbox.Receipt) ([]noted, error) {
	refs := make([]Ref, 0, len(receipts))
	ids := make([]uuid.UUID, 0, len(receipts))
	for _, r := range receipts {
		if r.ExternalID != "" {
			refs = append(refs, Ref{ChannelAccountID: r.ChannelAccountID, ExternalID: r.ExternalID})
		}
		if id, err := uuid.Parse(r.AttemptID); err == nil {
			ids = append(ids, id)
		}
	}
	if err := tx.LockReceipts(ctx, refs); err != nil {
		return nil, err
	}
	byID, err := tx.CallsByIDs(ctx, unique(ids))
	if err != nil {
		return nil, err
	}
	byRef, err := tx.CallsByExternalIDs(ctx, refs)
	if err != nil {
		return nil, err
	}
	calls := make(map[uuid.UUID]*Called, len(byID))
	for i := range byID {
		calls[byID[i].AttemptID] = &byID[i]
	}
	known := make(map[Ref]*Called, len(byRef))
	for i := range byRef {
		known[Ref{ChannelAccountID: byRef[i].ChannelAccountID, ExternalID: byRef[i].ExternalID}] = &byRef[i]
	}
	return pair(now, receipts, calls, known), nil
}

func pair(now time.Time, receipts []inbox.Receipt, calls map[uuid.UUID]*Called, known map[Ref]*Called) []noted {
	found := make([]noted, len(receipts))
	for i, r := range receipts {
		if r.At.IsZero() {
			r.At = now
		}
		r.At = r.At.UTC().Truncate(time.Microsecond) // as Postgres keeps it, so that equal times are equal
		found[i] = noted{Receipt: r, kind: FactKind(r.Status)}
		if id, err := uuid.Parse(r.AttemptID); err == nil {
			if call := calls[id]; call != nil && call.ChannelAccountID == r.ChannelAccountID {
				found[i].call = call
				continue
			}
		}
		found[i].call = known[Ref{ChannelAccountID: r.ChannelAccountID, ExternalID: r.ExternalID}]
	}
	return found
}

// toPark returns one fact an id and kind of the receipts that led to no call.
func toPark(found []noted) []Parked {
	at := map[parkedKey]int{}
	var facts []Parked
	for _, f := range found {
		if f.call != nil || f.ExternalID == "" {
			continue
		}
		p := Parked{Ref: Ref{ChannelAccountID: f.ChannelAccountID, ExternalID: f.ExternalID}, Kind: f.kind, At: f.At, Class: f.Class}
		if f.Status == channel.StatusFailed {
			p.Code, p.Reason = f.Code, f.Reason
		}
		i, known := at[f.key()]
		switch {
		case !known:
			at[f.key()] = len(facts)
			facts = append(facts, p)
		case p.fact().before(facts[i].fact()):
			facts[i] = p
		}
	}
	return facts
}

func (p Parked) fact() Fact { return Fact{Kind: p.Kind, At: p.At, Code: p.Code, Reason: p.Reason} }

type parkedKey struct {
	ref  Ref
	kind FactKind
}

func (f noted) key() parkedKey {
	return parkedKey{ref: Ref{ChannelAccountID: f.ChannelAccountID, ExternalID: f.ExternalID}, kind: f.kind}
}

// receiptNews turns the receipts that led to a call into news.
func receiptNews(found []noted) *news {
	n := &news{}
	ended := map[uuid.UUID]bool{}
	for _, f := range found {
		if f.call == nil {
			continue
		}
		fact := Fact{MessageID: f.call.MessageID, Kind: f.kind, At: f.At}
		if f.Status == channel.StatusFailed {
			fact.Code, fact.Reason = f.Code, f.Reason
		}
		n.facts = append(n.facts, reported{Fact: fact, call: *f.call, class: f.Class})
		if !ended[f.call.AttemptID] {
			ended[f.call.AttemptID] = true
			n.endings = append(n.endings, Ending{AttemptID: f.call.AttemptID, Outcome: AttemptAccepted, ExternalID: f.ExternalID})
			n.accepted = append(n.accepted, acceptance{call: *f.call, externalID: f.ExternalID})
		}
	}
	return n
}

// outcomes tells for each receipt whether it changed anything. Of equal ones in a batch the first did.
func outcomes(found []noted, parked []Parked, fresh []NewFact) []inbox.Outcome {
	type fact struct {
		message uuid.UUID
		kind    FactKind
	}
	changed := make(map[fact]bool, len(fresh))
	for _, f := range fresh {
		changed[fact{f.MessageID, f.Kind}] = true
	}
	waiting := make(map[parkedKey]bool, len(parked))
	for _, p := range parked {
		waiting[parkedKey{ref: p.Ref, kind: p.Kind}] = true
	}
	told := make([]inbox.Outcome, len(found))
	for i, f := range found {
		told[i] = inbox.Duplicate
		if f.call != nil {
			if k := (fact{f.call.MessageID, f.kind}); changed[k] {
				told[i] = inbox.Applied
				delete(changed, k)
			}
		} else if waiting[f.key()] {
			told[i] = inbox.Applied
			delete(waiting, f.key())
		}
	}
	return told
}
