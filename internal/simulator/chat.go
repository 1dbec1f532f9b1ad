package simulator

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"
)

// Customer is a person with a phone.
type Customer struct {
	Phone string `json:"phone"` // E.164 with "+"
	Name  string `json:"name"`
}

// Message is one bubble on the customer's phone.
type Message struct {
	ID       string          `json:"id"` // the wamid
	Account  string          `json:"account"`
	Customer string          `json:"customer"` // phone
	Mine     bool            `json:"mine"`     // written by the customer
	At       time.Time       `json:"at"`
	Type     string          `json:"type"`
	Text     string          `json:"text,omitzero"` // body, caption, or a template as it reads
	Media    *Media          `json:"media,omitzero"`
	Location json.RawMessage `json:"location,omitzero"`
	ReplyTo  string          `json:"replyTo,omitzero"`
	Target   string          `json:"target,omitzero"` // of a reaction, an edit or a deletion
	Status   string          `json:"status"`          // mine: pending, delivered, read; theirs: accepted, sent, delivered, read, failed
	Opaque   string          `json:"opaque,omitzero"` // biz_opaque_callback_data
	ToldAt   time.Time       `json:"toldAt,omitzero"` // theirs: when the business took its first receipt
}

// Media is a file that the customer sent.
type Media struct {
	ID       string `json:"id"`
	MIMEType string `json:"mimeType"`
	SHA256   string `json:"sha256"`
	Size     int    `json:"size"`
	Filename string `json:"filename,omitzero"`
	Data     []byte `json:"data,omitzero"` // only in memory, when there is no folder for it
}

// Call is one request to send, as the vendor saw it: the record that a test compares with what the product believes.
type Call struct {
	Seq       int       `json:"seq"`
	StartedAt time.Time `json:"startedAt"`
	EndedAt   time.Time `json:"endedAt,omitzero"` // zero while the call is under way
	Account   string    `json:"account"`
	To        string    `json:"to"`
	Type      string    `json:"type"`
	Text      string    `json:"text,omitzero"`
	Opaque    string    `json:"opaque"`
	Accepted  bool      `json:"accepted"`
	MessageID string    `json:"messageId,omitzero"` // when accepted
	Status    int       `json:"status"`             // HTTP status answered; 0 when the connection was cut
	ErrorCode int       `json:"errorCode,omitzero"`
	Fault     string    `json:"fault,omitzero"`
	Told      string    `json:"told,omitzero"`   // the furthest status that the business took a receipt of; "accepted": none yet
	ToldAt    time.Time `json:"toldAt,omitzero"` // when it took the first
}

// Delivery is one webhook on its way to the business.
type Delivery struct {
	ID      string          `json:"id"`
	Seq     int             `json:"seq"`
	Account string          `json:"account"`
	Lane    string          `json:"lane"` // deliveries of one lane go out one after the other
	Due     time.Time       `json:"due"`
	Body    json.RawMessage `json:"body"`
	Message string          `json:"message,omitzero"` // the wamid it is about
	Status  string          `json:"status,omitzero"`  // what the message's status is once it was taken
}

// chatKey names the chat of one customer with one business number.
func chatKey(account, phone string) string { return account + "|" + phone }

// newID returns an unguessable id in the alphabet of a wamid.
func newID(prefix string) string {
	b := make([]byte, 18)
	_, _ = rand.Read(b) // never fails
	return prefix + base64.RawURLEncoding.EncodeToString(b)
}

// e164 returns a phone number with "+", or "" when it is none.
func e164(s string) string {
	digits := strings.TrimPrefix(strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -()/.", r) {
			return -1
		}
		return r
	}, s), "+")
	if len(digits) < 5 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
		return ""
	}
	return "+" + digits
}

// waID returns a phone number as Meta writes it.
func waID(phone string) string { return strings.TrimPrefix(phone, "+") }
