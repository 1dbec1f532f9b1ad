// Package channel is the contract between Switchboard and whoever carries its messages, and the few things every provider
// needs: the registry, a guarded HTTP client, signature helpers. It is a leaf: a provider imports only this package, and this
// package knows no database, no tenant and no GraphQL.
//
// Imports: the standard library only.
package channel

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Provider speaks one vendor's protocol. Implementations hold no state of a message or an account and are safe for concurrent use.
// A provider classifies failures; what is done about them is decided once, in outbound.
type Provider interface {
	// Kind is the stored name of the provider and its segment in webhook URLs, for example "meta".
	Kind() string
	// Send hands one message to the vendor. Every error it returns is a *SendError.
	Send(ctx context.Context, account Account, message Outbound) (Receipt, error)
	// Receive authenticates a webhook over its raw bytes and decodes it into items. It returns ErrSignature when the request is
	// not the vendor's, and ErrMalformed when the body as a whole cannot be read; one bad item inside a good body is an Item
	// with a Reason, never an error.
	Receive(ctx context.Context, endpoint Endpoint, request Request) ([]Item, error)
}

// Challenger is implemented by providers that prove a webhook URL before using it (Meta's hub.challenge).
type Challenger interface {
	// Challenge returns the body to answer with (as text/plain), or ErrSignature when the request does not carry the endpoint's token.
	Challenge(ctx context.Context, endpoint Endpoint, request Request) ([]byte, error)
}

// EndpointMaker is implemented by providers whose webhooks are proved by something in an account's own credentials, so that the account
// has a webhook address of its own.
type EndpointMaker interface {
	// Endpoint returns the account's webhook address, or an error when its credentials hold nothing that proves a caller.
	Endpoint(id string, account Account) (Endpoint, error)
}

// Rereader is implemented by providers that can read an item's Raw again, after a program that understands more has been installed.
type Rereader interface {
	// Reread returns the items that Raw stands for: usually one, with an Event or again a Reason.
	Reread(raw []byte) []Item
}

// MediaFetcher is implemented by providers whose webhooks only name a file.
type MediaFetcher interface {
	// FetchMedia opens the file that an inbound message names. The caller closes the reader and bounds what it reads. Every error
	// is a *SendError, so that the caller knows whether to try again.
	FetchMedia(ctx context.Context, account Account, media Media) (io.ReadCloser, error)
}

// Limiter is implemented by providers with a known sending rate.
type Limiter interface {
	// Rate returns the sending rate of the account; the zero Rate means unlimited.
	Rate(account Account) Rate
}

// Checker is implemented by providers that can validate an account's configuration without sending.
type Checker interface {
	// Check returns nil when the account's configuration and credentials are complete, otherwise an error that names the field.
	Check(account Account) error
}

// Rate is a token bucket: PerSecond tokens a second, at most Burst at once.
type Rate struct {
	PerSecond float64
	Burst     int
}

// Request is a webhook as it arrived: the body is the raw bytes, already capped in size.
type Request struct {
	Method string
	Query  url.Values
	Header http.Header
	Body   []byte
}

// Receipt is what a vendor answers when it accepts a message: accepted for processing, never delivered.
type Receipt struct {
	ExternalID string // the vendor's id of the message; receipts name it
	Recipient  string // the recipient as the vendor normalised it (Meta's wa_id); empty when it says nothing
}

// Recipient is whom a message is for. At least one of the two is set.
type Recipient struct {
	Phone  string // E.164 with "+"
	UserID string // the vendor's own id of a person, for those known by nothing else (Meta's business-scoped user id)
}

// Outbound is one message to send. Exactly one of Text and Template is set.
type Outbound struct {
	MessageID string // our id of the message
	AttemptID string // our id of this call; travels to the vendor and comes back in its receipts
	To        Recipient
	Text      string
	Template  *Template
	ReplyTo   string // the vendor's id of the message that this one quotes; empty for none
}

// Item is one thing a webhook reports: an Event that was understood, or the Reason why it could not be. Raw always holds the
// item's own bytes.
type Item struct {
	AccountRef string // the vendor's key of the account it concerns (Meta's phone_number_id); empty when the item names none
	Key        string // what makes two deliveries of the same thing equal; empty only beside a Reason
	Raw        []byte
	Event      Event  // nil when Reason is set
	Reason     string // why the item is quarantined; empty when Event is set
}

// Event is a closed sum: Inbound, StatusChanged or Notice.
type Event interface{ event() }

// Sender is the person an inbound message came from. At least one of Phone and UserID is set.
type Sender struct {
	Phone        string // E.164 with "+"; empty for a person known only by UserID
	UserID       string // the vendor's business-scoped id; empty when the vendor gives none
	ParentUserID string
	Name         string // the profile name; may be empty
	Username     string
	NewPhone     string // the sender's new number, when this message reports a change of number
	NewUserID    string
}

// Inbound is a message, reaction, edit or deletion by a customer.
type Inbound struct {
	ExternalID string // the vendor's id; unique within the account
	From       Sender
	SentAt     time.Time // the vendor's time; shown, never used for order
	Kind       Kind
	Text       string // body or caption; for KindReaction the emoji (empty: removed); for KindEdit the new text
	Content    Content
	ReplyTo    string // the vendor's id of the quoted message; empty for none
	Target     string // for KindReaction, KindEdit and KindDeletion: the vendor's id of the message it concerns
}

// StatusChanged is a receipt for a message we sent.
type StatusChanged struct {
	ExternalID string // the vendor's id of the message
	AttemptID  string // our id of the call, when the vendor echoes it; otherwise empty
	Status     Status
	At         time.Time // the vendor's time
	Code       string    // the vendor's error code, for StatusFailed
	Reason     string    // the vendor's words, for StatusFailed
	Class      Class     // what the code means, for StatusFailed
}

// Notice is an understood report about an account that changes no message; it is kept in the journal and has no other effect.
type Notice struct {
	Field string // the vendor's name of the report
}

func (Inbound) event()       {}
func (StatusChanged) event() {}
func (Notice) event()        {}

// Status is what a receipt says.
type Status string

// The receipts that vendors send.
const (
	StatusSent      Status = "SENT"
	StatusDelivered Status = "DELIVERED"
	StatusRead      Status = "READ"
	StatusFailed    Status = "FAILED"
)
