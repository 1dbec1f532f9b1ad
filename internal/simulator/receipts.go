package simulator

import (
	"context"
	"encoding/json"
	"strconv"
	"time"
)

// earlyPatience is how long a call waits for its own early receipts to be taken.
const earlyPatience = 5 * time.Second

// accept records an accepted call together with the message and the receipts that will follow it, in one step: after a kill, either
// all of it is there or nothing.
func (s *Simulator) accept(ctx context.Context, account Account, in sendRequest, call Call, hit struck) {
	m := Message{ID: call.MessageID, Account: account.PhoneNumberID, Customer: call.To, At: call.StartedAt, Type: in.Type, Text: call.Text,
		ReplyTo: in.Context.MessageID, Opaque: in.Opaque, Status: "accepted"}
	deliveries := s.planReceipts(account, m, hit.receipts)
	records := []record{{Call: &call}, {Message: &m}}
	if _, known := s.store.customer(call.To); !known {
		records = append(records, record{Customer: &Customer{Phone: call.To, Name: call.To}})
	}
	for i := range deliveries {
		records = append(records, record{Delivery: &deliveries[i]})
	}
	s.store.commit(records...)
	var early []string
	for _, d := range deliveries {
		s.outbox.add(d)
		if hit.receipts["early_receipts"] && d.Status != "read" {
			early = append(early, d.ID)
		}
	}
	if len(early) > 0 {
		ctx, cancel := context.WithTimeout(ctx, earlyPatience)
		defer cancel()
		_ = s.outbox.await(ctx, chatKey(m.Account, m.Customer), early) // if nobody takes them, they are merely not early
	}
}

// planReceipts returns the receipts of an accepted message, in the order and number that the faults ask for.
func (s *Simulator) planReceipts(account Account, m Message, faults map[string]bool) []Delivery {
	settings, now := s.store.currentSettings(), time.Now()
	if faults["lost_receipts"] {
		return nil
	}
	after := func(ms int) time.Time { return now.Add(time.Duration(ms) * time.Millisecond) }
	type step struct {
		status string
		due    time.Time
	}
	steps := []step{{"sent", after(settings.SentAfter)}, {"delivered", after(settings.DeliveredAfter)}}
	if settings.ReadAfter >= 0 {
		steps = append(steps, step{"read", after(settings.DeliveredAfter + settings.ReadAfter)})
	}
	if faults["undeliverable"] {
		steps = []step{{"sent", after(settings.SentAfter)}, {"failed", after(settings.DeliveredAfter)}}
	}
	if faults["early_receipts"] {
		steps[0].due, steps[1].due = now, now
	}
	if faults["reordered_receipts"] {
		for i, j := 0, len(steps)-1; i < j; i, j = i+1, j-1 {
			steps[i].status, steps[j].status = steps[j].status, steps[i].status
		}
		steps[len(steps)-1].due = steps[len(steps)-2].due.Add(time.Millisecond) // nobody waits long for the last one
	}
	copies := 1
	if faults["duplicate_receipts"] {
		copies = 2
	}
	var out []Delivery
	for _, step := range steps {
		for range copies {
			out = append(out, s.receipt(account, m, step.status, step.due))
		}
	}
	return out
}

// receipt returns one status webhook.
func (s *Simulator) receipt(account Account, m Message, status string, due time.Time) Delivery {
	body := map[string]any{"id": m.ID, "status": status, "timestamp": strconv.FormatInt(s.now().Unix(), 10), "recipient_id": waID(m.Customer)}
	if m.Opaque != "" {
		body["biz_opaque_callback_data"] = m.Opaque
	}
	if status == "failed" {
		body["errors"] = []map[string]any{{"code": 131026, "title": "Message undeliverable", "message": "Message undeliverable",
			"error_data": map[string]string{"details": "Message undeliverable"}}}
	} else if status != "read" {
		body["conversation"] = map[string]any{"id": "simulated", "origin": map[string]string{"type": "service"}}
		body["pricing"] = map[string]any{"billable": false, "pricing_model": "PMP", "category": "service", "type": "free_customer_service"}
	}
	return s.delivery(account, chatKey(m.Account, m.Customer), due, m.ID, status, map[string]any{"statuses": []any{body}})
}

// delivery returns a webhook with one change of the field "messages".
func (s *Simulator) delivery(account Account, lane string, due time.Time, message, status string, value map[string]any) Delivery {
	return Delivery{ID: newID("d"), Seq: s.store.nextSeq(), Account: account.PhoneNumberID, Lane: lane, Due: due, Message: message,
		Status: status, Body: envelope(account, value)}
}

// delivered notes that the business took a webhook: what it was about has moved on.
func (s *Simulator) delivered(d Delivery) {
	records := []record{{Done: d.ID}}
	if m, ok := s.store.message(d.Message); ok && rank(d.Status) > rank(m.Status) {
		m.Status = d.Status
		if m.ToldAt.IsZero() {
			m.ToldAt = time.Now()
		}
		records = append(records, record{Message: &m})
	}
	s.store.commit(records...)
}

// rank orders what the phone shows beside a bubble.
func rank(status string) int {
	return map[string]int{"accepted": 1, "sent": 2, "delivered": 3, "failed": 3, "read": 4}[status]
}

// open tells that the customer looks at the chat: what is unread there is read now.
func (s *Simulator) open(account Account, phone string) {
	lane := chatKey(account.PhoneNumberID, phone)
	latest := map[string]time.Time{} // of the other receipts of a message, which must come first
	pending := map[string]Delivery{}
	for _, d := range s.store.undelivered() {
		if d.Lane != lane || d.Message == "" {
			continue
		}
		if d.Status == "read" {
			pending[d.Message] = d
		} else if d.Due.After(latest[d.Message]) {
			latest[d.Message] = d.Due
		}
	}
	for _, m := range s.store.chat(account.PhoneNumberID, phone) {
		untold := m.Status == "accepted" && latest[m.ID].IsZero() // its receipts were lost, so this one is too
		if m.Mine || m.Status == "read" || m.Status == "failed" || untold {
			continue
		}
		due := time.Now()
		if earliest := latest[m.ID].Add(time.Millisecond); earliest.After(due) {
			due = earliest
		}
		d, planned := pending[m.ID]
		if !planned {
			d = s.receipt(account, m, "read", due)
		}
		if d.Due.Before(due) {
			continue
		}
		d.Due = due
		s.store.commit(record{Delivery: &d})
		s.outbox.add(d)
	}
}

// markRead notes that the business has read what the customer wrote, up to that message.
func (s *Simulator) markRead(account Account, id string) {
	last, ok := s.store.message(id)
	if !ok || last.Account != account.PhoneNumberID {
		return
	}
	for _, m := range s.store.chat(last.Account, last.Customer) {
		if m.Mine && m.Status != "read" && !m.At.After(last.At) {
			m.Status = "read"
			s.store.commit(record{Message: &m})
		}
	}
}

// envelope wraps the value of a change as Meta does.
func envelope(account Account, value map[string]any) json.RawMessage {
	value["messaging_product"] = "whatsapp"
	value["metadata"] = map[string]string{"display_phone_number": waID(account.DisplayPhone), "phone_number_id": account.PhoneNumberID}
	return encode(map[string]any{"object": "whatsapp_business_account", "entry": []any{
		map[string]any{"id": account.WABAID, "changes": []any{map[string]any{"field": "messages", "value": value}}}}})
}
