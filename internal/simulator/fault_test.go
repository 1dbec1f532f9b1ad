package simulator_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/simulator"
)

// Every fault of the answer must look to the real provider like the trouble it is named for, and the record must tell what truly
// happened to the message.
func TestAnswerFaults(t *testing.T) {
	for kind, want := range map[string]struct {
		class    channel.Class
		unknown  bool // what the business can know
		accepted bool // what is true
	}{
		"rate_limited":      {channel.RateLimited, false, false},
		"server_error":      {channel.Transient, false, false},
		"server_garbage":    {channel.Transient, true, false},
		"timeout":           {channel.Transient, true, false},
		"accept_cut":        {channel.Transient, true, true},
		"accept_half":       {channel.Transient, true, true},
		"window_closed":     {channel.Permanent, false, false},
		"invalid_recipient": {channel.InvalidRecipient, false, false},
		"template_missing":  {channel.TemplateMissing, false, false},
		"auth":              {channel.Auth, false, false},
	} {
		t.Run(kind, func(t *testing.T) {
			b := newBusiness(t)
			v := b.start()
			v.write(map[string]any{"text": "hello"})
			b.await(1)
			v.fault(kind, "minutes", 7)
			_, err := b.send("one")
			e := channel.AsSendError(err)
			if err == nil || e.Class != want.class || e.OutcomeUnknown != want.unknown {
				t.Fatalf("the business sees %v (unknown %t), want %s (unknown %t)", err, e.OutcomeUnknown, want.class, want.unknown)
			}
			if kind == "rate_limited" && e.RetryAfter != 7*time.Minute {
				t.Errorf("retry after %s, want 7 minutes", e.RetryAfter)
			}
			call := v.calls()[0]
			if call.Accepted != want.accepted || call.Fault != kind || call.Opaque != "attempt-one" || (call.MessageID != "") != want.accepted {
				t.Errorf("on record: %+v, want accepted %t", call, want.accepted)
			}
			if want.accepted { // the receipt tells what the answer could not
				if s, ok := b.await(2)[1].Event.(channel.StatusChanged); !ok || s.AttemptID != "attempt-one" {
					t.Errorf("the receipt is %+v", s)
				}
			}
			if _, err := b.send("two"); err != nil {
				t.Errorf("the fault strikes more than once: %v", err)
			}
		})
	}
}

// A slow vendor takes the message at once: its receipts do not wait for its answer.
func TestSlowAnswer(t *testing.T) {
	const late = 300 * time.Millisecond
	b := newBusiness(t)
	v := b.start()
	v.write(map[string]any{"text": "hello"})
	b.await(1)
	v.call(http.MethodPut, "/api/settings", map[string]any{"answerAfter": late.Milliseconds()}, nil)
	began := time.Now()
	if _, err := b.send("one"); err != nil {
		t.Fatalf("a slow vendor answers all the same: %v", err)
	}
	if took := time.Since(began); took < late {
		t.Errorf("it answered after %v, want %v at least", took, late)
	}
	if call := v.calls()[0]; !call.Accepted || call.EndedAt.Sub(call.StartedAt) < late {
		t.Errorf("on record: %+v, want an accepted call of %v at least", call, late)
	}
}

func TestReceiptFaults(t *testing.T) {
	for kind, want := range map[string]string{
		"duplicate_receipts": "SENT SENT DELIVERED DELIVERED READ READ",
		"reordered_receipts": "READ DELIVERED SENT",
		"undeliverable":      "SENT FAILED",
	} {
		t.Run(kind, func(t *testing.T) {
			b := newBusiness(t)
			v := b.start()
			v.write(map[string]any{"text": "hello"})
			v.fault(kind)
			if _, err := b.send("x"); err != nil {
				t.Fatal(err)
			}
			b.await(1 + len(strings.Fields(want)))
			if got := b.statuses(); got != want {
				t.Errorf("receipts = %s, want %s", got, want)
			}
		})
	}
}

func TestEarlyReceipts(t *testing.T) {
	b := newBusiness(t)
	v := b.start(func(c *simulator.Config) {
		c.Settings = simulator.Settings{SentAfter: 50_000, DeliveredAfter: 50_000, ReadAfter: -1}
	})
	v.write(map[string]any{"text": "hello"})
	v.fault("early_receipts")
	if _, err := b.send("x"); err != nil {
		t.Fatal(err)
	}
	if got := b.statuses(); got != "SENT DELIVERED" { // without waiting: they came before the answer
		t.Errorf("before the answer came %q, want SENT DELIVERED", got)
	}
}

func TestFaultsCountAndMatch(t *testing.T) {
	b := newBusiness(t)
	v := b.start()
	v.write(map[string]any{"text": "hello"})
	v.fault("server_error", "count", 2)
	v.fault("auth", "customer", "+15550100999", "count", -1)
	v.fault("auth", "probability", 0.0000001, "count", -1)
	var errs []string
	for range 3 {
		if _, err := b.send("x"); err != nil {
			errs = append(errs, channel.AsSendError(err).Code)
		}
	}
	if got := strings.Join(errs, " "); got != "131000 131000" {
		t.Errorf("failures = %s, want the server error twice", got)
	}
	var list struct{ Faults []simulator.Fault }
	v.call(http.MethodGet, "/api/faults", nil, &list)
	if len(list.Faults) != 2 {
		t.Errorf("faults left: %+v, want the two lasting ones", list.Faults)
	}
	v.call(http.MethodDelete, "/api/faults", nil, nil)
	v.call(http.MethodGet, "/api/faults", nil, &list)
	if len(list.Faults) != 0 {
		t.Errorf("faults left after clearing: %+v", list.Faults)
	}
}

// once waits for so many different events. One whose answer was lost is brought again.
func once(b *business, n int) []channel.Item {
	for wanted := n; ; wanted++ {
		seen := map[string]bool{}
		var items []channel.Item
		for _, item := range b.await(wanted) {
			name := fmt.Sprintf("%T", item.Event)
			switch e := item.Event.(type) {
			case channel.Inbound:
				name += e.ExternalID
			case channel.StatusChanged:
				name += e.ExternalID + string(e.Status)
			}
			if !seen[name] {
				seen[name] = true
				items = append(items, item)
			}
		}
		if len(items) >= n {
			return items
		}
	}
}

// A receiver that is down, and a simulator that is killed meanwhile, lose nothing.
func TestOutboxSurvives(t *testing.T) {
	dir := t.TempDir()
	b := newBusiness(t)
	keep := func(c *simulator.Config) { c.StateDir = dir }
	v := b.start(keep)
	v.write(map[string]any{"text": "before"})
	v.settle()
	b.setDown(true)
	v.write(map[string]any{"text": "while down"})
	receipt, err := b.send("answer")
	if err != nil {
		t.Fatal(err)
	}
	v.stop() // whatever Run does at its end, nothing is written then: a kill leaves the same journal
	b.setDown(false)
	v = b.start(keep)
	texts, statuses := "", ""
	for _, item := range once(b, 5) {
		switch e := item.Event.(type) {
		case channel.Inbound:
			texts += e.Text + ";"
		case channel.StatusChanged:
			statuses += string(e.Status) + ";"
			if e.ExternalID != receipt.ExternalID {
				t.Errorf("a receipt for %s, want %s", e.ExternalID, receipt.ExternalID)
			}
		}
	}
	if texts != "before;while down;" || statuses != "SENT;DELIVERED;READ;" {
		t.Errorf("after the restart came %s %s", texts, statuses)
	}
	if calls := v.calls(); len(calls) != 1 || !calls[0].Accepted {
		t.Errorf("the record after the restart is %+v", calls)
	}
	if _, err := b.send("again"); err != nil {
		t.Errorf("the window is forgotten: %v", err)
	}
}

func TestOpenChatReadsAtOnce(t *testing.T) {
	b := newBusiness(t)
	v := b.start(func(c *simulator.Config) {
		c.Settings = simulator.Settings{SentAfter: 1, DeliveredAfter: 20, ReadAfter: 3_600_000}
	})
	v.write(map[string]any{"text": "hello"})
	if _, err := b.send("x"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if status := v.call(http.MethodPost, "/api/chats/"+customer+"/open", map[string]any{"account": number}, nil); status != http.StatusNoContent {
			t.Fatalf("open: status %d", status)
		}
	}
	b.await(4)
	if got := b.statuses(); got != "SENT DELIVERED READ" {
		t.Errorf("receipts = %s, want SENT DELIVERED READ", got)
	}
}

func TestRawWebhook(t *testing.T) {
	b := newBusiness(t)
	v := b.start()
	type answers struct{ Answers []struct{ Status int } }
	post := func(in map[string]any) (statuses []int) {
		in["account"] = number
		var out answers
		v.call(http.MethodPost, "/api/webhooks", in, &out)
		for _, a := range out.Answers {
			statuses = append(statuses, a.Status)
		}
		return statuses
	}
	body := `{"object":"whatsapp_business_account", "entry":[]}`
	if got := post(map[string]any{"body": body, "times": 3}); len(got) != 3 || got[0] != 200 || got[2] != 200 {
		t.Errorf("signed: %v, want 200 three times", got)
	}
	if got := b.firstBody(); got != body {
		t.Errorf("posted %q, want the bytes as they were given", got)
	}
	for _, signature := range []string{"", "sha256=00"} {
		if got := post(map[string]any{"body": body, "signature": signature}); len(got) != 1 || got[0] == 200 {
			t.Errorf("signature %q: %v, want a refusal", signature, got)
		}
	}
}

func TestStream(t *testing.T) {
	b := newBusiness(t)
	v := b.start()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base+"/api/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	v.write(map[string]any{"text": "are you there?"})
	var seen strings.Builder
	buffer := make([]byte, 4096)
	for !strings.Contains(seen.String(), `"status":"delivered"`) {
		n, err := response.Body.Read(buffer)
		if err != nil {
			t.Fatalf("the stream ended with %v after %s", err, seen.String())
		}
		seen.Write(buffer[:n])
	}
	if !strings.Contains(seen.String(), "are you there?") {
		t.Errorf("the stream told %s", seen.String())
	}
}
