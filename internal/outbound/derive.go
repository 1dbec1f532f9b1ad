package outbound

import (
	"time"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Delivery is how far a message has come: a function of what is known about it, whatever the order in which it became known.
type Delivery struct {
	Status       inbox.MessageStatus
	Rank         int // only ever grows
	FailedCode   string
	FailedReason string
	SentAt       *time.Time
	DeliveredAt  *time.Time
	ReadAt       *time.Time
	FailedAt     *time.Time
}

// rank orders what can be known: the highest fact decides. A provider's refusal outranks its acceptance, because it comes after it, and
// a delivery outranks both, because it cannot be undone.
func (k FactKind) rank() int {
	switch k {
	case FactPresumedFailed:
		return 1
	case FactSent:
		return 2
	case FactFailed:
		return 3
	case FactDelivered:
		return 4
	case FactRead:
		return 5
	}
	return 0
}

func (k FactKind) status() inbox.MessageStatus {
	switch k {
	case FactPresumedFailed, FactFailed:
		return inbox.MessageFailed
	case FactSent:
		return inbox.MessageSent
	case FactDelivered:
		return inbox.MessageDelivered
	case FactRead:
		return inbox.MessageRead
	}
	return inbox.MessageQueued
}

// DeriveStatus returns what the facts about one message say together. Their order and repetition make no difference. READ implies
// delivered and sent, DELIVERED implies sent: where the lesser fact is missing, the greater one's time stands for it.
func DeriveStatus(facts []Fact) Delivery {
	first := map[FactKind]Fact{}
	d := Delivery{Status: inbox.MessageQueued}
	for _, f := range facts {
		if known, ok := first[f.Kind]; !ok || f.before(known) {
			first[f.Kind] = f
		}
		if r := f.Kind.rank(); r > d.Rank {
			d.Rank, d.Status = r, f.Kind.status()
		}
	}
	at := func(kinds ...FactKind) *time.Time {
		for _, k := range kinds {
			if f, ok := first[k]; ok {
				return &f.At
			}
		}
		return nil
	}
	d.SentAt = at(FactSent, FactDelivered, FactRead)
	d.DeliveredAt = at(FactDelivered, FactRead)
	d.ReadAt = at(FactRead)
	if d.Status == inbox.MessageFailed {
		f := first[FactFailed]
		if d.Rank == FactPresumedFailed.rank() {
			f = first[FactPresumedFailed]
		}
		d.FailedCode, d.FailedReason, d.FailedAt = f.Code, f.Reason, &f.At
	}
	return d
}
