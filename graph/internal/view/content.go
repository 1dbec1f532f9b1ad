package view

import "github.com/switchboard-inbox/switchboard/internal/channel"

// Location shows a channel.Location.
type Location struct {
	Latitude, Longitude float64
	Name, Address       *string
}

// ContactCard shows a channel.ContactCard.
type ContactCard struct {
	Name                 string
	Organization         *string
	Phones, Emails, URLs []string
}

// Reply shows a channel.Reply.
type Reply struct {
	Title                 string
	ID, Description, Form *string
}

// Order shows a channel.Order.
type Order struct{ Items []OrderItem }

// OrderItem shows a channel.OrderItem.
type OrderItem struct {
	ProductID, Quantity string
	Price, Currency     *string
}

// Referral shows a channel.Referral.
type Referral struct{ Headline, Body, SourceURL, SourceType *string }

// Template shows a channel.Template.
type Template struct {
	Name, Language string
	Header, Body   []string
}

// Location returns the place that the message is, or nil.
func (m *Message) Location() *Location {
	l := m.Content.Location
	if l == nil {
		return nil
	}
	return &Location{Latitude: l.Latitude, Longitude: l.Longitude, Name: Optional(l.Name), Address: Optional(l.Address)}
}

// ContactCards returns the shared address book entries.
func (m *Message) ContactCards() []ContactCard {
	cards := make([]ContactCard, len(m.Content.Contacts))
	for i, c := range m.Content.Contacts {
		cards[i] = ContactCard{
			Name: c.Name, Organization: Optional(c.Organization), Phones: list(c.Phones), Emails: list(c.Emails), URLs: list(c.URLs),
		}
	}
	return cards
}

// Reply returns the choice made on a button, list or form, or nil.
func (m *Message) Reply() *Reply {
	r := m.Content.Reply
	if r == nil {
		return nil
	}
	return &Reply{Title: r.Title, ID: Optional(r.ID), Description: Optional(r.Description), Form: Optional(string(r.Form))}
}

// Order returns the basket, or nil.
func (m *Message) Order() *Order {
	o := m.Content.Order
	if o == nil {
		return nil
	}
	items := make([]OrderItem, len(o.Items))
	for i, item := range o.Items {
		items[i] = OrderItem{
			ProductID: item.ProductID, Quantity: item.Quantity.String(),
			Price: Optional(item.Price.String()), Currency: Optional(item.Currency),
		}
	}
	return &Order{Items: items}
}

// Referral returns what brought the contact, or nil.
func (m *Message) Referral() *Referral {
	r := m.Content.Referral
	if r == nil {
		return nil
	}
	return &Referral{
		Headline: Optional(r.Headline), Body: Optional(r.Body), SourceURL: Optional(r.SourceURL), SourceType: Optional(r.SourceType),
	}
}

// Template returns the template that was sent, or nil.
func (m *Message) Template() *Template { return templateOf(m.Content.Template) }

func templateOf(t *channel.Template) *Template {
	if t == nil {
		return nil
	}
	return &Template{Name: t.Name, Language: t.Language, Header: list(t.Header), Body: list(t.Body)}
}

// list returns an empty list for none: a list of the API is never null.
func list(texts []string) []string {
	if texts == nil {
		return []string{}
	}
	return texts
}
