package chaos

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load is customers who write, agents who answer and act, and systems that notify, until it is stopped.
type load struct {
	w       *world
	stop    chan struct{}
	ended   sync.Once
	running sync.WaitGroup
	open    [2]atomic.Pointer[[]place] // open conversations of each tenant
	serial  *atomic.Int64
	refused atomic.Int64 // webhooks that were answered with 503
	latest  sync.Map     // of each tenant and customer: a message of theirs that was taken
	prefix  string
}

// place is a conversation with its newest message and the customer's number.
type place struct{ conversation, message, phone string }

// rates are so many a second, over both tenants.
type rates struct{ inbound, replies, notifications, operations int }

// startLoad begins the load and the subscribers.
func (w *world) startLoad(r rates) {
	w.t.Helper()
	w.load = &load{w: w, stop: make(chan struct{}), serial: &atomic.Int64{}, prefix: strconv.FormatInt(time.Now().UnixNano(), 36)}
	w.t.Cleanup(w.load.end) // a run that fails ends it here, while the ledger is still open
	for _, tn := range w.tenants {
		if tn.sees == nil {
			for i := range 3 {
				tn.sees = append(tn.sees, newSubscriber(w, tn, tn.agents[i], newDice(w.seed, fmt.Sprint("subscriber ", i, " of ", tn.slug))))
			}
			tn.sees[2].narrow = true
		}
		for _, s := range tn.sees {
			w.load.running.Go(func() { s.run(w.load.stop) })
		}
		w.load.every("look "+tn.slug, 2*time.Second, func(*dice) { w.load.look(tn) })
	}
	w.load.every("write", 2*time.Second/time.Duration(max(r.inbound, 1)), w.load.write) // two items a request on average
	w.load.every("reply", time.Second/time.Duration(max(r.replies, 1)), w.load.reply)
	w.load.every("notify", time.Second/time.Duration(max(r.notifications, 1)), w.load.notify)
	w.load.every("operate", time.Second/time.Duration(max(r.operations, 1)), w.load.operate)
}

// every calls do at the interval, beside, each time with dice of its own; what is under way at the end is waited for. At most 60 wait for
// answers at a time.
func (l *load) every(name string, interval time.Duration, do func(*dice)) {
	slots := make(chan struct{}, 60)
	l.running.Go(func() {
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-tick.C:
			case <-l.stop:
				return
			}
			select {
			case slots <- struct{}{}:
				l.running.Go(func() { defer func() { <-slots }(); do(newDice(l.w.seed, name+" "+strconv.Itoa(n))) })
			default:
			}
		}
	})
}

// end stops the load, and waits for what is under way.
func (l *load) end() {
	l.ended.Do(func() { close(l.stop) })
	l.running.Wait()
}

// key returns a name that no other entry has.
func (l *load) key(kind string) string {
	return fmt.Sprintf("%s-%s-%d", kind, l.prefix, l.serial.Add(1))
}

func (l *load) tenant(d *dice) *tenant { return l.w.tenants[d.n(len(l.w.tenants))] }

// pause waits as someone does who comes again later; it returns false when the load ends.
func (l *load) pause(d *dice) bool {
	timer := time.NewTimer(d.between(100*time.Millisecond, 600*time.Millisecond))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.stop:
		return false
	}
}

// write posts one webhook with one to three messages, as the provider does: again when it was not taken, and sometimes although it was.
func (l *load) write(d *dice) {
	tn := l.tenant(d)
	var messages []map[string]any
	var keys []string
	from := l.customer(d)
	for range 1 + d.n(3) {
		id := l.key("wamid")
		keys = append(keys, id)
		messages = append(messages, map[string]any{"from": from, "id": id, "timestamp": strconv.FormatInt(time.Now().Unix(), 10),
			"type": "text", "text": map[string]string{"body": canary + id}})
	}
	if mark := l.react(d, tn, from, keys[0]); mark != nil {
		keys, messages = append(keys, mark["id"].(string)), append(messages, mark)
	}
	var strays []map[string]any
	if d.n(4) == 0 {
		id := l.key(kindStray)
		keys = append(keys, id)
		strays = append(strays, map[string]any{"id": id, "status": "delivered", "timestamp": strconv.FormatInt(time.Now().Unix(), 10), "recipient_id": from})
	}
	body, _ := json.Marshal(map[string]any{"object": "whatsapp_business_account", "entry": []any{map[string]any{"id": "1", "changes": []any{
		map[string]any{"field": "messages", "value": map[string]any{
			"messaging_product": "whatsapp", "metadata": map[string]string{"display_phone_number": tn.phone[1:], "phone_number_id": tn.ref},
			"contacts": []any{map[string]any{"profile": map[string]string{"name": "Robin"}, "wa_id": from}}, "messages": messages, "statuses": strays,
		}}}}}}) // plain values always marshal
	again := d.n(20) == 0
	for range 8 {
		l.note(tn, from, keys, answerUnknown, "posting")
		status := l.w.post(d, body)
		switch {
		case status == http.StatusServiceUnavailable:
			l.refused.Add(1)
		case status == http.StatusInternalServerError:
			l.w.broken.Add(1)
		case status != 0 && status/100 != 2:
			l.w.t.Errorf("a webhook was answered with %d", status)
		}
		taken := answerUnknown
		if status/100 == 2 {
			taken = answerYes
			l.latest.Store(tn.slug+from, keys[0])
		}
		l.note(tn, from, keys, taken, strconv.Itoa(status))
		if status/100 == 2 && !again || !l.pause(d) {
			return
		}
		again = again && status/100 != 2
	}
}

// customer is one of forty, and every fourth time the first, so that one conversation is busy.
func (l *load) customer(d *dice) string {
	if d.n(4) == 0 {
		return busyPhone
	}
	return fmt.Sprintf(customerPhones+"%02d", d.n(40))
}

// note writes down what a customer wrote.
func (l *load) note(tn *tenant, from string, keys []string, taken, detail string) {
	for _, key := range keys {
		e := entry{Kind: kindInbound, Tenant: tn.number, Key: key, Phone: "+" + from, Answer: taken, Detail: detail}
		for _, kind := range []string{kindMark, kindStray} {
			if strings.HasPrefix(key, kind) {
				e.Kind = kind
			}
		}
		l.w.ledger.write(e)
	}
}

// react returns, now and then, a customer's reaction to what they wrote before, and to what they write just now otherwise; and nil.
func (l *load) react(d *dice, tn *tenant, from string, now any) map[string]any {
	if d.n(4) > 0 {
		return nil
	}
	if before, known := l.latest.Load(tn.slug + from); known {
		now = before
	}
	return map[string]any{"from": from, "id": l.key(kindMark), "timestamp": strconv.FormatInt(time.Now().Unix(), 10),
		"type": "reaction", "reaction": map[string]any{"message_id": now, "emoji": "👍"}}
}

// post sends a signed webhook to one of the servers and returns the status; 0: none.
func (w *world) post(d *dice, body []byte) int {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	address := "http://" + w.public[d.n(len(w.public))] + "/webhooks/meta"
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		w.t.Error(err)
		return 0
	}
	mac := hmac.New(sha256.New, []byte(appSecret))
	_, _ = mac.Write(body) // never fails
	r.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// look finds conversations to answer in.
func (l *load) look(tn *tenant) {
	got := tn.agents[3].query(`{ conversations(filter: {status: [OPEN]}, first: 50) { edges { node { id
		contact { identities { kind value } } messages(last: 1) { edges { node { id } } } } } } }`, nil)
	type node struct{ ID string }
	var page struct {
		Edges []struct {
			Node struct {
				node
				Contact struct {
					Identities []struct{ Kind, Value string }
				}
				Messages struct{ Edges []struct{ Node node } }
			}
		}
	}
	if got.code() != "" || json.Unmarshal(got.Data["conversations"], &page) != nil {
		return
	}
	var places []place
	for _, e := range page.Edges {
		if newest := e.Node.Messages.Edges; len(newest) > 0 {
			at := place{conversation: e.Node.ID, message: newest[0].Node.ID}
			for _, identity := range e.Node.Contact.Identities {
				if identity.Kind == "PHONE" {
					at.phone = identity.Value
				}
			}
			places = append(places, at)
		}
	}
	l.open[tn.number].Store(&places)
}

func (l *load) somewhere(d *dice, tn *tenant) (place, bool) {
	places := l.open[tn.number].Load()
	if places == nil || len(*places) == 0 {
		return place{}, false
	}
	return (*places)[d.n(len(*places))], true
}

// busy returns the conversation of the customer who writes most.
func (l *load) busy(tn *tenant) (place, bool) {
	if places := l.open[tn.number].Load(); places != nil {
		for _, at := range *places {
			if at.phone == "+"+busyPhone {
				return at, true
			}
		}
	}
	return place{}, false
}

// insist asks with the same idempotency key until the answer is certain, and keeps the ledger.
func (l *load) insist(d *dice, e entry, payload string, ask func() answer) {
	for range 8 {
		l.w.ledger.write(entry{Kind: e.Kind, Tenant: e.Tenant, Key: e.Key, Answer: answerUnknown, Detail: "asking"})
		got := ask()
		code := got.code()
		e.Answer, e.Detail, e.ID = answerUnknown, code, ""
		switch {
		case code == "":
			var made struct{ Message struct{ ID string } }
			_ = json.Unmarshal(got.Data[payload], &made) // operations have no message
			e.Answer, e.ID = answerYes, made.Message.ID
		case certain(code):
			e.Answer = answerNo
		}
		l.w.ledger.write(e)
		if e.Answer != answerUnknown || !l.pause(d) {
			return
		}
	}
}

func (l *load) reply(d *dice) {
	tn := l.tenant(d)
	at, ok := l.somewhere(d, tn)
	if often, there := l.busy(tn); there && d.n(4) == 0 {
		at = often
	}
	if !ok {
		return
	}
	who, key := tn.agents[d.n(len(tn.agents))], l.key("reply")
	l.insist(d, entry{Kind: kindReply, Tenant: tn.number, Key: key, Phone: at.phone}, "sendMessage", func() answer {
		return who.query(`mutation ($i: SendMessageInput!) { sendMessage(input: $i) { message { id } } }`,
			map[string]any{"i": map[string]any{"conversationId": at.conversation, "text": canary + key, "idempotencyKey": key}})
	})
}

func (l *load) notify(d *dice) {
	tn, key, phone := l.tenant(d), l.key("notification"), fmt.Sprintf("+"+buyerPhones+"%02d", d.n(60))
	input := map[string]any{"channelAccountId": tn.acct, "recipient": map[string]any{"phone": phone},
		"template": map[string]any{"name": "shipped", "language": "en", "body": []string{canary + key}}, "correlationId": key, "idempotencyKey": key}
	l.insist(d, entry{Kind: kindNotification, Tenant: tn.number, Key: key, Phone: phone}, "sendNotification", func() answer {
		return l.w.query(d, "X-API-Key", tn.key, `mutation ($i: SendNotificationInput!) { sendNotification(input: $i) { message { id } } }`,
			map[string]any{"i": input})
	})
}

// operate claims, resolves, snoozes or reads a conversation; a snooze is hurried so that its timer has something to do.
func (l *load) operate(d *dice) {
	tn := l.tenant(d)
	at, ok := l.somewhere(d, tn)
	if !ok {
		return
	}
	who, key := tn.agents[d.n(len(tn.agents))], l.key("operation")
	input := map[string]any{"conversationId": at.conversation, "idempotencyKey": key}
	name, title := "", ""
	switch d.n(5) {
	case 0:
		name, title = "claimConversation", "ClaimConversation"
	case 1:
		name, title = "resolveConversation", "ResolveConversation"
	case 2:
		name, title = "markRead", "MarkRead"
		input["upToMessageId"] = at.message
	default:
		name, title = "snoozeConversation", "SnoozeConversation"
		input["until"] = time.Now().Add(2 * time.Minute).UTC().Format(time.RFC3339)
	}
	l.insist(d, entry{Kind: kindOperation, Tenant: tn.number, Key: key}, name, func() answer {
		return who.query(`mutation ($i: `+title+`Input!) { `+name+`(input: $i) { conversation { id } } }`, map[string]any{"i": input})
	})
	if name == "snoozeConversation" {
		// A server that is down now leaves the snooze as long as it was.
		_ = l.w.exec("UPDATE conversations SET snoozed_until = app.now() + interval '1 second' WHERE id = $1 AND status = 'SNOOZED'", at.conversation)
	}
}
