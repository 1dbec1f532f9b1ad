package outbound

import (
	"time"

	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Lifetime is how long a message may wait before it is given up as EXPIRED.
const Lifetime = 24 * time.Hour

// Purpose is why a message is sent; it decides what happens when nobody can know whether a call was accepted.
type Purpose string

// The purposes.
const (
	PurposeReply        Purpose = "REPLY"        // a person answers a person
	PurposeNotification Purpose = "NOTIFICATION" // another system tells a person something
)

// OnUnknown is the published policy for a call whose outcome stays unknown after its receipt had time to arrive. A reply is sent again:
// a person who waits for an answer would rather get it twice. A notification is given up and shown with a resend button: it may be
// one of thousands, and each is paid for.
func OnUnknown(p Purpose) inbox.OnUnknown {
	if p == PurposeReply {
		return inbox.ReconcileThenRetry
	}
	return inbox.ReconcileThenFail
}

// hasWindow reports whether the channel lets free text go only for a time after the contact wrote.
func hasWindow(c inbox.Channel) bool { return inbox.HasReplyWindow(c) }

// windowShut reports whether free text cannot be sent to the conversation now.
func windowShut(channel inbox.Channel, c *inbox.Conversation, now time.Time) bool {
	return !c.ReplyWindow(channel, now).Open
}
