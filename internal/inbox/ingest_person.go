package inbox

import (
	"context"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// person is a contact who wrote something in the batch.
type person struct {
	contact *Contact
	fresh   bool // not stored yet
	changed bool // stored, and its name or identities are about to change
}

// name is an identity without its contact; what a roster finds people by.
type name struct {
	kind  IdentityKind
	value string
}

// roster is everybody who wrote something in the batch.
type roster struct {
	byName   map[name]*person
	byID     map[uuid.UUID]*person
	people   []*person
	invalid  map[name]bool // identities that could not be reached until now
	links    []Identity    // to be added
	revived  []Identity
	quarrels []AuditEntry // two identities of one sender that belong to two contacts
}

// people finds or makes the contact of each message, and writes what changed about contacts.
func (b *batch) people(ctx context.Context, messages []*incoming, standing Standing) error {
	r := &roster{byName: map[name]*person{}, byID: map[uuid.UUID]*person{}, invalid: map[name]bool{}}
	r.load(standing)
	// Those who come under two names first, so that a message which carries only one of them finds the same contact.
	for _, both := range []bool{true, false} {
		for _, m := range messages {
			if len(m.names) > 1 == both {
				if err := r.meet(b, m); err != nil {
					return err
				}
			}
		}
	}
	return r.write(ctx, b)
}

// namesOf returns the names of a sender, the one that finds him first: his phone, his user id, and where he moves to.
func namesOf(from channel.Sender, phones *phoneBook) []name {
	var names []name
	for _, n := range []name{
		{IdentityPhone, phones.form(from.Phone)}, {IdentityMetaUserID, from.UserID},
		{IdentityPhone, phones.form(from.NewPhone)}, {IdentityMetaUserID, from.NewUserID},
	} {
		if n.value != "" {
			names = append(names, n)
		}
	}
	return distinct(names)
}

// load enters the stored contacts of the senders.
func (r *roster) load(standing Standing) {
	for i := range standing.Contacts {
		c := &standing.Contacts[i]
		p := &person{contact: c}
		r.people = append(r.people, p)
		r.byID[c.ID] = p
	}
	for _, i := range standing.Identities {
		n := name{i.Kind, i.Value}
		r.byName[n] = r.byID[i.ContactID]
		r.invalid[n] = i.InvalidAt != nil
	}
}

// meet gives the message its person and teaches that person the names that nobody has yet.
func (r *roster) meet(b *batch, m *incoming) error {
	for _, n := range m.names {
		if p := r.byName[n]; p != nil {
			m.person = p
			break
		}
	}
	if m.person == nil {
		id, err := uuid.NewV7()
		if err != nil {
			return err
		}
		m.person = &person{fresh: true, contact: &Contact{ID: id, Version: 1, CreatedAt: b.now}}
		r.people = append(r.people, m.person)
		r.byID[id] = m.person
	}
	p := m.person
	for _, n := range m.names {
		r.name(b, p, n)
	}
	if profile := clean(m.event.From.Name, maxName); p.contact.Name == "" && profile != "" {
		p.contact.Name, p.changed = profile, true
	}
	return nil
}

// maxName is the longest name of a contact, in bytes.
const maxName = 500

// name makes n a name of the person, unless it is somebody else's: then the contact that was found first keeps the message, and the audit
// log says that the two may be one.
func (r *roster) name(b *batch, p *person, n name) {
	identity := Identity{Kind: n.kind, Value: n.value, ContactID: p.contact.ID}
	switch owner := r.byName[n]; {
	case owner == nil:
		r.byName[n] = p
		r.links = append(r.links, identity)
		p.changed = true
	case owner != p:
		r.quarrels = append(r.quarrels, NewAuditEntry(PersonActor(b.tenant, p.contact.ID), "contact.identity_conflict", "contact", p.contact.ID,
			map[string]any{"kind": n.kind, "otherContact": owner.contact.ID}, b.now))
	case r.invalid[n]:
		r.invalid[n] = false
		r.revived = append(r.revived, identity)
		p.changed = true
	}
}

// write stores new contacts and what changed about the others.
func (r *roster) write(ctx context.Context, b *batch) error {
	var fresh, changed []Contact
	for _, p := range r.people {
		switch {
		case p.fresh:
			fresh = append(fresh, *p.contact)
		case p.changed:
			p.contact.Version++
			changed = append(changed, *p.contact)
		}
	}
	if len(fresh) > 0 {
		if err := b.tx.InsertContacts(ctx, fresh); err != nil {
			return err
		}
	}
	if len(changed) > 0 {
		if err := b.tx.UpdateContacts(ctx, changed); err != nil {
			return err
		}
	}
	if len(r.links) > 0 {
		if err := b.tx.InsertIdentities(ctx, r.links, b.now); err != nil {
			return err
		}
	}
	if len(r.revived) > 0 {
		if err := b.tx.ValidateIdentities(ctx, r.revived); err != nil {
			return err
		}
	}
	if len(r.quarrels) == 0 {
		return nil
	}
	return b.tx.Audit(ctx, r.quarrels...)
}

// recordPeople tells, in the conversation where each of them wrote, whose contact has changed.
func (b *batch) recordPeople(messages []*incoming, houses *housing) {
	told := map[*person]bool{}
	for _, m := range messages {
		p := m.person
		if p.fresh || !p.changed || told[p] {
			continue
		}
		var c *Conversation
		switch {
		case m.slot != nil:
			c = m.slot.conversation
		case houses.byID[m.target.ConversationID] != nil:
			c = houses.byID[m.target.ConversationID]
		default:
			continue // it marks a message of this batch, whose sender is told about there
		}
		told[p] = true
		b.tx.Record(ConversationEvent(EventContactChanged, PersonActor(b.tenant, p.contact.ID), c, c, b.now))
	}
}
