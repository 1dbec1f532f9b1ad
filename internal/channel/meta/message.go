package meta

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// maxID is longer than any id Meta gives, and short enough for a unique index.
const maxID = 512

// inbound is what all messages share; the object that belongs to Type is read by readContent.
type inbound struct {
	ID         string          `json:"id"`
	From       string          `json:"from"`
	FromUserID string          `json:"from_user_id"`
	FromParent string          `json:"from_parent_user_id"`
	Timestamp  json.RawMessage `json:"timestamp"` // seconds, as a string or a number
	Type       string          `json:"type"`
	Context    struct {
		ID         string `json:"id"`
		Forwarded  bool   `json:"forwarded"`
		Frequently bool   `json:"frequently_forwarded"`
	} `json:"context"`
	Referral *referral    `json:"referral"`
	System   systemChange `json:"system"`
	Errors   firstError   `json:"errors"`
}

// systemChange is Meta's report about a person: a new phone number, a new user id, a new device.
type systemChange struct {
	Type           string `json:"type"`
	Body           string `json:"body"`
	WAID           string `json:"wa_id"`
	NewWAID        string `json:"new_wa_id"`
	UserID         string `json:"user_id"`
	PreviousUserID string `json:"previous_user_id"`
}

type referral struct {
	SourceURL  string `json:"source_url"`
	SourceType string `json:"source_type"`
	SourceID   string `json:"source_id"`
	Headline   string `json:"headline"`
	Body       string `json:"body"`
}

// message reads one element of messages[] into an item. It never fails: what cannot be read is quarantined with its bytes.
func (p *Provider) message(s scope, raw channel.JSON) channel.Item {
	event, from, err := p.readMessage(s, raw)
	kept := s.keep(from, "message", raw)
	if err != nil {
		return quarantined(s.account, kept, "message: "+reasonOf(err))
	}
	return channel.Item{AccountRef: s.account, Key: event.ExternalID, Raw: kept, Event: event}
}

// readMessage reads one message, and finds the person it is from even when the rest cannot be read. Its error says what is wrong in
// words for an operator.
func readMessage(s scope, raw channel.JSON) (channel.Inbound, *contact, error) {
	if err := raw.Check(); err != nil {
		return channel.Inbound{}, nil, err
	}
	clean := raw.Clean()
	var m inbound
	err := decode("", clean, &m)
	from := s.contact(m.From, m.FromUserID)
	if err != nil {
		return channel.Inbound{}, from, err
	}
	event, err := m.event(from, clean)
	return event, from, err
}

// event turns the message into what the contract knows; raw is the whole message.
func (m inbound) event(from *contact, raw channel.JSON) (channel.Inbound, error) {
	if m.ID == "" || len(m.ID) > maxID {
		return channel.Inbound{}, malformed("the id is missing or too long")
	}
	at, err := seconds(m.Timestamp)
	if err != nil {
		return channel.Inbound{}, err
	}
	out := channel.Inbound{ExternalID: m.ID, SentAt: at, From: m.sender(from), ReplyTo: clip(m.Context.ID, maxID)}
	if out.From.Phone == "" && out.From.UserID == "" {
		return channel.Inbound{}, malformed("the sender has neither a phone number nor a user id")
	}
	if err := m.readContent(raw, &out); err != nil {
		return channel.Inbound{}, err
	}
	out.Content.Forwarded = m.Context.Forwarded || m.Context.Frequently
	if r := m.Referral; r != nil {
		out.Content.Referral = &channel.Referral{SourceURL: r.SourceURL, SourceType: r.SourceType, SourceID: r.SourceID,
			Headline: r.Headline, Body: r.Body}
	}
	return out, nil
}

// sender returns who wrote m: what the message says, completed by the contact entry that matches it.
func (m inbound) sender(c *contact) channel.Sender {
	from := channel.Sender{Phone: phone(m.From), UserID: m.FromUserID, ParentUserID: m.FromParent}
	if c != nil {
		from.Name, from.Username = c.Profile.Name, c.Profile.Username
		if m.From == "" && from.Phone == "" {
			from.Phone = phone(c.WAID)
		}
		if from.UserID == "" {
			from.UserID = c.UserID
		}
		if from.ParentUserID == "" {
			from.ParentUserID = c.Parent
		}
	}
	if m.Type == "system" {
		m.System.apply(&from)
	}
	return from
}

// apply records where a person moved to.
func (c systemChange) apply(from *channel.Sender) {
	if from.UserID == "" {
		from.UserID = c.PreviousUserID
	}
	switch c.Type {
	case "user_changed_number":
		if from.NewPhone = phone(c.WAID); from.NewPhone == "" {
			from.NewPhone = phone(c.NewWAID)
		}
		if c.UserID != from.UserID {
			from.NewUserID = c.UserID
		}
	case "user_changed_user_id":
		from.NewUserID = c.UserID
	}
}

// seconds reads Meta's time: whole seconds since 1970.
func seconds(raw json.RawMessage) (time.Time, error) {
	const year9999 = 253402300799
	s, err := strconv.ParseInt(channel.JSON(raw).Text(), 10, 64)
	if err != nil || s < 0 || s > year9999 {
		return time.Time{}, malformed("the timestamp is missing or not a time")
	}
	return time.Unix(s, 0).UTC(), nil
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", channel.ErrMalformed, fmt.Sprintf(format, args...))
}
