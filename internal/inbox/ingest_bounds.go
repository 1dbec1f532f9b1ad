package inbox

import (
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// What of an inbound message is shown, in bytes: far more than people send, and little enough that a page of such messages can be
// rendered for everybody who watches. What is cut off is still in the message's Raw.
const (
	maxText    = 64 << 10
	maxEmoji   = 64
	maxLabel   = 2 << 10  // each name, title, address and URL
	maxEntries = 20       // of one kind in an address card
	maxList    = 64 << 10 // all cards of a message, or its whole basket, as JSON
)

// maxMarks is how many reactions, edits or deletions of one message are stored that come together.
// Where there are more, the older go to quarantine, since the newest of each kind tells how the message looks.
const maxMarks = 100

// bounded returns the event as it is shown. The event itself is not changed.
func bounded(event channel.Inbound) channel.Inbound {
	limit := maxText
	if event.Kind == channel.KindReaction {
		limit = maxEmoji
	}
	clip(limit, &event.Text)
	c := &event.Content
	clip(maxLabel, &c.Label)
	if c.Media != nil {
		m := *c.Media
		clip(maxLabel, &m.MIMEType, &m.SHA256, &m.Filename)
		c.Media = &m
	}
	if c.Location != nil {
		l := *c.Location
		clip(maxLabel, &l.Name, &l.Address, &l.URL)
		c.Location = &l
	}
	if c.Reply != nil {
		r := *c.Reply
		clip(maxLabel, &r.Type, &r.ID, &r.Title, &r.Description)
		if len(r.Form) > maxText {
			r.Form = nil // a part of it would be no JSON
		}
		c.Reply = &r
	}
	if c.Referral != nil {
		r := *c.Referral
		clip(maxLabel, &r.SourceURL, &r.SourceType, &r.SourceID, &r.Headline, &r.Body)
		c.Referral = &r
	}
	if c.Order != nil {
		c.Order = boundedOrder(*c.Order)
	}
	c.Contacts = boundedCards(c.Contacts)
	return event
}

// crowded returns which of the arrivals are marks that so many newer ones of the same message and kind came with.
func crowded(arrivals []arrival) map[int]bool {
	type marked struct {
		target ExternalRef
		kind   channel.Kind
	}
	newer := map[marked]int{}
	var found map[int]bool
	for i, a := range slices.Backward(arrivals) {
		event, ok := a.item.Event.(channel.Inbound)
		if !ok || !isMark(event.Kind) {
			continue
		}
		of := marked{ExternalRef{a.account, event.Target}, event.Kind}
		if newer[of]++; newer[of] > maxMarks {
			if found == nil {
				found = map[int]bool{}
			}
			found[i] = true
		}
	}
	return found
}

func boundedOrder(o channel.Order) *channel.Order {
	clip(maxLabel, &o.CatalogID)
	o.Items = fitting(o.Items, func(i channel.OrderItem) channel.OrderItem {
		clip(maxLabel, &i.ProductID, &i.Currency)
		for _, n := range []*json.Number{&i.Quantity, &i.Price} {
			if len(*n) > maxEmoji {
				*n = "" // a part of it would be another number
			}
		}
		return i
	})
	return &o
}

func boundedCards(cards []channel.ContactCard) []channel.ContactCard {
	return fitting(cards, func(c channel.ContactCard) channel.ContactCard {
		clip(maxLabel, &c.Name, &c.Organization)
		for _, entries := range []*[]string{&c.Phones, &c.Emails, &c.URLs} {
			kept := append([]string(nil), (*entries)[:min(len(*entries), maxEntries)]...)
			for i := range kept {
				clip(maxLabel, &kept[i])
			}
			*entries = kept
		}
		return c
	})
}

// fitting returns the first of the bounded elements: as many as maxList has room for. A list that is nil or empty stays what it is.
func fitting[T any](list []T, bound func(T) T) []T {
	kept := list[:0:0]
	room := maxList
	for _, element := range list {
		element = bound(element)
		shown, err := json.Marshal(element)
		if room -= len(shown); err == nil && room < 0 { // what is no JSON at all is refused when it is stored
			break
		}
		kept = append(kept, element)
	}
	return kept
}

// clip shortens each text to limit bytes at most, between two characters.
func clip(limit int, texts ...*string) {
	for _, text := range texts {
		if len(*text) <= limit {
			continue
		}
		end := limit
		for end > 0 && !utf8.RuneStart((*text)[end]) {
			end--
		}
		*text = (*text)[:end]
	}
}
