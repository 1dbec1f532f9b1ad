package meta

import (
	"context"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// maxText is the longest text body that Meta takes, in characters.
const maxText = 4096

// message is the body of POST /{phone-number-id}/messages.
type message struct {
	Product   string        `json:"messaging_product"`
	Addressee string        `json:"recipient_type"`
	To        string        `json:"to,omitzero"`
	Recipient string        `json:"recipient,omitzero"` // a business-scoped user id, when no phone number is known
	Type      string        `json:"type"`
	Context   *quote        `json:"context,omitzero"`
	Text      *textBody     `json:"text,omitzero"`
	Template  *templateBody `json:"template,omitzero"`
	// Opaque comes back in every receipt. It is the one way to match a receipt to a call whose answer was lost.
	Opaque string `json:"biz_opaque_callback_data,omitzero"`
}

type quote struct {
	MessageID string `json:"message_id"`
}

type textBody struct {
	Body       string `json:"body"`
	PreviewURL bool   `json:"preview_url"`
}

type templateBody struct {
	Name       string       `json:"name"`
	Language   languageCode `json:"language"`
	Components []component  `json:"components,omitzero"`
}

type languageCode struct {
	Code string `json:"code"`
}

type component struct {
	Type       string      `json:"type"`
	Parameters []parameter `json:"parameters"`
}

type parameter struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// sent is the answer to an accepted message.
type sent struct {
	Contacts []struct {
		WAID string `json:"wa_id"`
	} `json:"contacts"`
	Messages []struct {
		ID string `json:"id"`
	} `json:"messages"`
}

// Send hands one message to Meta and returns its wamid. Every error is a *channel.SendError.
func (p *Provider) Send(ctx context.Context, account channel.Account, m channel.Outbound) (channel.Receipt, error) {
	if !isObjectID(account.ExternalRef) {
		return channel.Receipt{}, refused(channel.Auth, "phone_number_id", "The account has no valid phone number id.")
	}
	body, failure := encode(m)
	if failure != nil {
		return channel.Receipt{}, failure
	}
	token, err := channel.Credentials(account, accessToken)
	if err != nil {
		return channel.Receipt{}, &channel.SendError{Class: channel.Auth, Code: "credentials",
			Reason: "The account's access token is missing or unreadable.", Err: err}
	}
	answer, failure := p.post(ctx, account.ExternalRef+"/messages", token, body)
	if failure != nil {
		return channel.Receipt{}, failure
	}
	return readReceipt(answer)
}

// readReceipt reads an answer with a 2xx status. One that names no message tells nothing about the message's fate.
func readReceipt(a answer) (channel.Receipt, error) {
	var s sent
	if err := json.Unmarshal(a.body, &s); err != nil || len(s.Messages) != 1 || s.Messages[0].ID == "" {
		return channel.Receipt{}, unreadable(a.status)
	}
	receipt := channel.Receipt{ExternalID: s.Messages[0].ID}
	if len(s.Contacts) == 1 {
		receipt.Recipient = phone(strings.TrimSpace(s.Contacts[0].WAID))
	}
	return receipt, nil
}

// encode returns the JSON of m, or the reason why Meta would never take it.
func encode(m channel.Outbound) ([]byte, *channel.SendError) {
	out := message{Product: "whatsapp", Addressee: "individual", Opaque: m.AttemptID}
	switch {
	case m.To.Phone != "":
		out.To = strings.TrimPrefix(m.To.Phone, "+")
	case m.To.UserID != "":
		out.Recipient = m.To.UserID
	default:
		return nil, refused(channel.InvalidRecipient, "no_recipient", "The contact has no phone number for WhatsApp.")
	}
	if m.ReplyTo != "" {
		out.Context = &quote{MessageID: m.ReplyTo}
	}
	switch {
	case m.Template != nil && m.Text == "":
		out.Type, out.Template = "template", encodeTemplate(*m.Template)
	case m.Template == nil && strings.TrimSpace(m.Text) != "":
		if utf8.RuneCountInString(m.Text) > maxText {
			return nil, refused(channel.Permanent, "text_too_long", "WhatsApp takes at most 4096 characters.")
		}
		out.Type, out.Text = "text", &textBody{Body: m.Text}
	default:
		return nil, refused(channel.Permanent, "no_content", "The message needs either a text or a template.")
	}
	body, err := json.Marshal(out)
	if err != nil {
		return nil, refused(channel.Permanent, "no_content", "The message cannot be written as JSON.")
	}
	return body, nil
}

func encodeTemplate(t channel.Template) *templateBody {
	out := &templateBody{Name: t.Name, Language: languageCode{Code: t.Language}}
	for _, part := range []struct {
		name   string
		values []string
	}{{"header", t.Header}, {"body", t.Body}} {
		if len(part.values) == 0 {
			continue
		}
		c := component{Type: part.name}
		for _, v := range part.values {
			c.Parameters = append(c.Parameters, parameter{Type: "text", Text: v})
		}
		out.Components = append(out.Components, c)
	}
	return out
}

// refused is a failure known before anything was sent.
func refused(class channel.Class, code, reason string) *channel.SendError {
	return &channel.SendError{Class: class, Code: code, Reason: reason}
}
