package inbox

import "time"

// replyWindow is how long after the contact's last message Meta's channels take free text.
const replyWindow = 24 * time.Hour

// ReplyWindow returns whether free text can be sent in the conversation on its channel at the time.
func (c *Conversation) ReplyWindow(ch Channel, now time.Time) ReplyWindow {
	switch ch {
	case ChannelWhatsApp, ChannelMessenger, ChannelInstagram:
	default:
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
