package meta

import (
	"encoding/json"
	"strconv"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// receipt is one element of statuses[].
type receipt struct {
	ID              string          `json:"id"`
	Status          string          `json:"status"`
	Timestamp       json.RawMessage `json:"timestamp"`
	RecipientID     string          `json:"recipient_id"`
	RecipientUserID string          `json:"recipient_user_id"`
	Participant     string          `json:"recipient_participant_id"` // in a group, each member has his own receipts
	Opaque          string          `json:"biz_opaque_callback_data"`
	Errors          firstError      `json:"errors"`
}

// status reads one receipt into an item. A kind of receipt that is not known is kept as a notice: it is no fault of its bytes.
func (p *Provider) status(s scope, raw channel.JSON) channel.Item {
	var r receipt
	err := raw.Decode(&r)
	if err == nil && (r.ID == "" || len(r.ID) > maxID || r.Status == "" || len(r.Status) > 64) {
		err = malformed("id or status is missing or too long")
	}
	kept := s.keep(s.contact(r.RecipientID, r.RecipientUserID), "status", raw)
	if err != nil {
		return quarantined(s.account, kept, "status: "+reasonOf(err))
	}
	item := channel.Item{AccountRef: s.account, Key: r.key(), Raw: kept}
	status, known := map[string]channel.Status{
		"sent": channel.StatusSent, "delivered": channel.StatusDelivered, "failed": channel.StatusFailed,
		"read": channel.StatusRead, "played": channel.StatusRead, // a voice message that was listened to
	}[r.Status]
	if !known {
		item.Event = channel.Notice{Field: "statuses." + r.Status}
		return item
	}
	at, err := seconds(r.Timestamp)
	if err != nil {
		return quarantined(s.account, kept, "status: "+reasonOf(err))
	}
	event := channel.StatusChanged{ExternalID: r.ID, AttemptID: r.Opaque, Status: status, At: at}
	if status == channel.StatusFailed {
		event.Code, event.Reason, event.Class = r.failure()
	}
	item.Event = event
	return item
}

// key tells two receipts apart: Meta repeats a receipt, and sends one of each kind for a message.
func (r receipt) key() string {
	key := r.ID + ":" + r.Status
	if r.Participant != "" {
		key += ":" + clip(r.Participant, 64)
	}
	return key
}

func (r receipt) failure() (code, reason string, class channel.Class) {
	if !r.Errors.there {
		return "unknown", "WhatsApp gives no reason.", channel.Permanent
	}
	e := r.Errors.graphError
	return strconv.Itoa(e.Code), e.reason(""), e.class(0)
}
