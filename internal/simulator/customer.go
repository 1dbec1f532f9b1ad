package simulator

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// customerMessage is what POST /api/customers/{phone}/messages takes: an account and exactly one content.
type customerMessage struct {
	Account  string          `json:"account"` // phone number id
	Name     string          `json:"name,omitzero"`
	ReplyTo  string          `json:"replyTo,omitzero"`
	ID       string          `json:"id,omitzero"` // a wamid of the caller's choice; made when empty
	Text     *string         `json:"text,omitzero"`
	Media    *mediaMessage   `json:"media,omitzero"`
	Location json.RawMessage `json:"location,omitzero"`
	Reaction *struct {
		MessageID string `json:"messageId"`
		Emoji     string `json:"emoji"`
	} `json:"reaction,omitzero"`
	Edit *struct {
		MessageID string `json:"messageId"`
		Text      string `json:"text"`
	} `json:"edit,omitzero"`
	Delete *struct {
		MessageID string `json:"messageId"`
	} `json:"delete,omitzero"`
	// Raw is a message of any other type as Meta would write it; from, id and timestamp are added.
	Raw map[string]any `json:"raw,omitzero"`
}

// mediaMessage names an uploaded file, or holds one.
type mediaMessage struct {
	Type     string `json:"type"` // image, audio, video, document, sticker; image when empty
	ID       string `json:"id,omitzero"`
	Data     []byte `json:"data,omitzero"` // base64
	MIMEType string `json:"mimeType,omitzero"`
	Filename string `json:"filename,omitzero"`
	Caption  string `json:"caption,omitzero"`
	Voice    bool   `json:"voice,omitzero"`
}

// write makes the customer write to a business: the message is on his phone and its webhook on the way, both or neither.
func (s *Simulator) write(phone string, in customerMessage) (Message, error) {
	account, ok := s.account(in.Account)
	if !ok {
		return Message{}, fmt.Errorf("account %q is not known; GET /api/accounts lists the phone number ids", in.Account)
	}
	customer, known := s.store.customer(phone)
	if !known || in.Name != "" && in.Name != customer.Name {
		customer = Customer{Phone: phone, Name: in.Name}
		if customer.Name == "" {
			customer.Name = phone
		}
	}
	m := Message{ID: in.ID, Account: account.PhoneNumberID, Customer: phone, Mine: true, At: s.now().UTC(), ReplyTo: in.ReplyTo, Status: "pending"}
	if m.ID == "" {
		m.ID = newID("wamid.SIM")
	}
	body, err := s.content(in, &m)
	if err != nil {
		return Message{}, err
	}
	body["from"], body["id"], body["type"] = waID(phone), m.ID, m.Type
	body["timestamp"] = strconv.FormatInt(m.At.Unix(), 10)
	if m.ReplyTo != "" {
		body["context"] = map[string]string{"from": waID(account.DisplayPhone), "id": m.ReplyTo}
	}
	d := s.delivery(account, chatKey(m.Account, phone), time.Now(), m.ID, "delivered", map[string]any{
		"contacts": []any{map[string]any{"profile": map[string]string{"name": customer.Name}, "wa_id": waID(phone)}},
		"messages": []any{body}})
	s.store.commit(record{Customer: &customer}, record{Message: &m}, record{Delivery: &d})
	s.outbox.add(d)
	return m, nil
}

// content fills in what kind of message it is, and returns the part of the webhook that belongs to it.
func (s *Simulator) content(in customerMessage, m *Message) (map[string]any, error) {
	switch {
	case in.Text != nil && *in.Text != "":
		m.Type, m.Text = "text", *in.Text
		return map[string]any{"text": map[string]string{"body": *in.Text}}, nil
	case in.Media != nil:
		return s.mediaContent(*in.Media, m)
	case len(in.Location) > 0:
		m.Type, m.Location = "location", in.Location
		return map[string]any{"location": in.Location}, nil
	case in.Reaction != nil && in.Reaction.MessageID != "":
		m.Type, m.Text, m.Target = "reaction", in.Reaction.Emoji, in.Reaction.MessageID
		return map[string]any{"reaction": map[string]string{"message_id": m.Target, "emoji": m.Text}}, nil
	case in.Edit != nil && in.Edit.MessageID != "":
		m.Type, m.Text, m.Target = "edit", in.Edit.Text, in.Edit.MessageID
		return map[string]any{"edit": map[string]any{"original_message_id": m.Target,
			"message": map[string]any{"type": "text", "text": map[string]string{"body": m.Text}}}}, nil
	case in.Delete != nil && in.Delete.MessageID != "":
		m.Type, m.Target = "revoke", in.Delete.MessageID
		return map[string]any{"revoke": map[string]string{"original_message_id": m.Target}}, nil
	case in.Raw != nil:
		kind, _ := in.Raw["type"].(string)
		if kind == "" {
			return nil, errors.New("raw needs a type")
		}
		m.Type, m.Text = kind, "("+kind+")"
		return in.Raw, nil
	}
	return nil, errors.New("the message needs one of text, media, location, reaction, edit, delete or raw")
}

func (s *Simulator) mediaContent(in mediaMessage, m *Message) (map[string]any, error) {
	if in.Type == "" {
		in.Type = "image"
	}
	if len(in.Data) > 0 {
		kept, err := s.keepMedia(in.Data, in.MIMEType, in.Filename)
		if err != nil {
			return nil, err
		}
		in.ID = kept.ID
	}
	kept, _, ok := s.store.loadMedia(in.ID)
	if !ok {
		return nil, errors.New("media needs data, or the id of a file uploaded to /api/media")
	}
	kept.Data = nil
	m.Type, m.Text, m.Media = in.Type, in.Caption, &kept
	body := map[string]any{"id": kept.ID, "mime_type": kept.MIMEType, "sha256": kept.SHA256}
	if in.Caption != "" {
		body["caption"] = in.Caption
	}
	if kept.Filename != "" && in.Type == "document" {
		body["filename"] = kept.Filename
	}
	if in.Type == "audio" {
		body["voice"] = in.Voice
	}
	return map[string]any{in.Type: body}, nil
}

// keepMedia stores a file as Meta would.
func (s *Simulator) keepMedia(data []byte, mimeType, filename string) (Media, error) {
	if mimeType == "" {
		mimeType = "application/octet-stream"
	}
	sum := sha256.Sum256(data)
	return s.store.saveMedia(Media{ID: strconv.FormatInt(9_000_000_000+int64(s.store.nextSeq()), 10), MIMEType: mimeType, Filename: filename,
		Size: len(data), SHA256: base64.StdEncoding.EncodeToString(sum[:])}, data)
}
