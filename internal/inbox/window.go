package inbox

import "time"

// replyWindow is how long after the contact's last message Meta's channels take free text.
const replyWindow = 24 * time.Hour

// HasReplyWindow reports whether the channel takes free text only for a time after the contact wrote.
func HasReplyWindow(ch Channel) bool {
	return ch == ChannelWhatsApp || ch == ChannelMessenger || ch == ChannelInstagram
}

// ReplyWindow returns whether free text can be sent in the conversation on its channel at the time.
func (c *Conversation) ReplyWindow(ch Channel, now time.Time) ReplyWindow {
	if !HasReplyWindow(ch) {
		return ReplyWindow{Open: true, Reason: WindowUnlimited}
	}
	if c.LastInboundAt == nil {
		return ReplyWindow{Reason: WindowNeverStarted}
	}
	closes := c.LastInboundAt.Add(replyWindow)
	if now.Before(closes) {
		return ReplyWindow{Open: true, ClosesAt: &closes, Reason: WindowOpen}
	}
	return ReplyWindow{ClosesAt: &closes, Reason: WindowExpired}
}
