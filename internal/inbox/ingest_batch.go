package inbox

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/faultpoint"
)

const (
	// maxKey is the longest provider's id that is stored, in bytes: an index entry must hold it.
	maxKey = 1024
	// maxReason is the longest reason of a quarantined item.
	maxReason = 500
)

// arrival is one item on its way into a tenant.
type arrival struct {
	id       uuid.UUID // of its line in the journal
	account  uuid.UUID
	provider string
	item     channel.Item
	at       time.Time
}

// verdict is what became of an arrival.
type verdict struct {
	outcome Outcome
	reason  string
}

// batch stores arrivals of one tenant in one transaction. It is made anew for every run of the transaction.
type batch struct {
	tx       Tx
	receipts ReceiptApplier
	phones   *phoneBook
	tenant   TenantID
	now      time.Time
	arrivals []arrival
	verdicts []verdict
	crowded  map[int]bool // marks of which there are too many
	after    aftermath
}

// aftermath is what is left to do once the transaction is committed.
type aftermath struct {
	files    []uuid.UUID // attachments to be fetched
	receipts []MatchedReceipts
}

func newBatch(in *Ingest, tx Tx, tenant TenantID, arrivals []arrival) *batch {
	return &batch{
		tx: tx, receipts: in.receipts, phones: &in.phones, tenant: tenant, now: in.now(), arrivals: arrivals,
		verdicts: make([]verdict, len(arrivals)), crowded: crowded(arrivals),
	}
}

// store applies the arrivals and writes the journal. The number of statements does not depend on how many arrivals there are, except
// when they are taken one by one.
func (b *batch) store(ctx context.Context, how mode) error {
	if err := faultpoint.Point("in.apply"); err != nil {
		return err
	}
	if err := b.run(ctx, how); err != nil {
		return err
	}
	if err := faultpoint.Point("in.insert"); err != nil {
		return err
	}
	return b.tx.InsertJournal(ctx, b.journal())
}

func (b *batch) run(ctx context.Context, how mode) error {
	all := make([]int, len(b.arrivals))
	for i := range all {
		all[i] = i
	}
	if how == together {
		return b.apply(ctx, all)
	}
	for i := range all {
		if err := b.alone(ctx, all[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// alone applies one arrival under a savepoint. One whose data is refused is quarantined with the reason.
func (b *batch) alone(ctx context.Context, which []int) error {
	before := b.after
	err := b.tx.Savepoint(ctx, func() error {
		b.after = before // what a run before this one added is undone
		return b.apply(ctx, which)
	})
	if err == nil {
		return nil
	}
	if !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Conflict) {
		return err
	}
	b.after = before
	b.verdicts[which[0]] = verdict{Quarantined, clean("it cannot be stored: "+err.Error(), maxReason)}
	return nil
}

// apply sorts the arrivals by what they report and applies each sort as a set.
func (b *batch) apply(ctx context.Context, which []int) error {
	var messages []*incoming
	var receipts []Receipt
	var reported []int // whose receipts they are
	for _, i := range which {
		a := b.arrivals[i]
		switch event := a.item.Event.(type) {
		case channel.Inbound:
			names := namesOf(event.From, b.phones)
			if reason := refuse(event, names); reason != "" {
				b.verdicts[i] = verdict{Quarantined, reason}
				continue
			}
			if b.crowded[i] {
				b.verdicts[i] = verdict{Quarantined, "too many changes of one message came together; newer ones are stored"}
				continue
			}
			messages = append(messages, &incoming{index: i, arrival: a, event: bounded(event), names: names})
		case channel.StatusChanged:
			if len(event.ExternalID) > maxKey {
				b.verdicts[i] = verdict{Quarantined, "the id of its message is too long"}
				continue
			}
			receipts = append(receipts, Receipt{ChannelAccountID: a.account, StatusChanged: event})
			reported = append(reported, i)
		case channel.Notice:
			b.verdicts[i] = verdict{outcome: Applied}
		default:
			b.verdicts[i] = verdict{Quarantined, clean(orElse(a.item.Reason, "the provider's report is of an unknown sort"), maxReason)}
		}
	}
	if len(receipts) == 0 {
		return b.applyMessages(ctx, messages, nil)
	}
	// One lock order for both: what receipts are matched by comes before contacts; then the conversations of both, together; then messages.
	matched, err := b.receipts.MatchReceipts(ctx, b.tx, b.now, receipts)
	if err != nil {
		return err
	}
	if err := b.applyMessages(ctx, messages, matched.Conversations()); err != nil {
		return err
	}
	return b.applyReceipts(ctx, matched, reported)
}

func (b *batch) applyReceipts(ctx context.Context, matched MatchedReceipts, reported []int) error {
	outcomes, err := matched.Apply(ctx)
	if err != nil {
		return err
	}
	for n, i := range reported {
		b.verdicts[i] = verdict{outcome: outcomes[n]}
	}
	b.after.receipts = append(b.after.receipts, matched)
	return nil
}

// refuse returns why a message cannot be stored whatever happens, or "".
func refuse(event channel.Inbound, names []name) string {
	switch {
	case event.ExternalID == "":
		return "the message has no id"
	case len(event.ExternalID) > maxKey || len(event.Target) > maxKey || len(event.ReplyTo) > maxKey:
		return "an id of the message is too long"
	case len(event.From.UserID) > maxKey || len(event.From.NewUserID) > maxKey:
		return "an id of the sender is too long"
	case len(names) == 0:
		return "the message names no sender"
	case isMark(event.Kind) && event.Target == "":
		return "it does not say which message it changes"
	}
	return ""
}

// journal returns the lines of the journal, in a form that no data can spoil.
func (b *batch) journal() []JournalItem {
	lines := make([]JournalItem, len(b.arrivals))
	for i, a := range b.arrivals {
		lines[i] = JournalItem{
			ID: a.id, ChannelAccountID: a.account, Provider: a.provider, Key: clean(a.key(), maxKey), Kind: a.kind(), Raw: a.item.Raw,
			Outcome: b.verdicts[i].outcome, Reason: b.verdicts[i].reason, ReceivedAt: a.at,
		}
		if lines[i].Outcome == Duplicate {
			lines[i].Raw = nil
		}
	}
	return lines
}

// key is what the journal finds the arrival by; of a message that is the id it is stored under.
func (a arrival) key() string {
	if event, ok := a.item.Event.(channel.Inbound); ok {
		return event.ExternalID
	}
	return a.item.Key
}

func (a arrival) kind() ItemKind {
	switch a.item.Event.(type) {
	case channel.Inbound:
		return ItemMessage
	case channel.StatusChanged:
		return ItemReceipt
	case channel.Notice:
		return ItemNotice
	}
	return ItemUnreadable
}

// clean returns s as Postgres takes it, at most limit bytes long.
func clean(s string, limit int) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") // a character may have been cut
	}
	return s
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
