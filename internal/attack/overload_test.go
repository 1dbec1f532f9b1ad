package attack

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// What a process takes at a time: webhooks that are stored, and queries and mutations that run or wait on up to four cores. (ARCHITECTURE.md)
const (
	webhooksAtATime   = 1024
	operationsAtATime = 64 + 256
	mostInOverload    = 512 << 20
)

// TestOverload brings three times as many webhooks, and then mutations, at a time as the process takes: what it accepts is stored once, the rest is told to
// come again and nothing of it is stored, health and readiness stand and memory is bounded. How long the accepted took is logged. (R79, H26)
func TestOverload(t *testing.T) {
	s, n := newShop(t, "LOG_LEVEL=INFO", "GOMAXPROCS=1") // a small machine, so that what it takes is known
	for i := range 64 {
		n.write(fmt.Sprint("wamid.", i), fmt.Sprint("491511234", 5000+i), "Kim", "hello")
	}
	conversations := strings.Fields(n.one("SELECT string_agg(id::text, ' ') FROM conversations WHERE tenant_id = $1"))
	for _, out := range []*storm{n.webhooks(), n.mutations(conversations)} {
		n.rage(out)
		out.report(t)
		out.balance(n)
		s.eventually("it is ready", s.ready)
		n.served()
	}
	most := s.mostMemory()
	t.Logf("the process had at most %d MB", most>>20)
	if most > mostInOverload {
		t.Errorf("the process had %d MB", most>>20)
	}
}

// refused reports whether an answer is a refusal with the status and the header that say so, for the reason.
func refused(r *http.Response, text, reason string) bool {
	seconds, err := strconv.Atoi(r.Header.Get("Retry-After"))
	return r.StatusCode == http.StatusServiceUnavailable && err == nil && seconds > 0 && strings.Contains(text, `"UNAVAILABLE"`) && strings.Contains(text, reason)
}

// webhooks are a storm of messages from one customer.
func (n *shop) webhooks() *storm {
	return &storm{what: "webhooks", direction: "INBOUND", clients: 3 * webhooksAtATime, beyond: 2 * webhooksAtATime, enough: webhooksAtATime,
		request: func(ctx context.Context, key string) *http.Request {
			body := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{
				"messaging_product":"whatsapp","metadata":{"phone_number_id":%q},
				"messages":[{"from":"4915112345000","id":%q,"timestamp":"%d","type":"text","text":{"body":%q}}]}}]}]}`,
				n.ref, "wamid."+key, time.Now().Unix(), key)
			r, _ := http.NewRequestWithContext(ctx, http.MethodPost, n.s.api.url+"/webhooks/meta", bytes.NewReader(body))
			r.Header.Set("X-Hub-Signature-256", "sha256="+channel.SignSHA256([]byte(appSecret), body))
			return r
		},
		judge: func(r *http.Response, text string) outcome {
			switch {
			case r.StatusCode == http.StatusOK:
				return accepted
			case refused(r, text, "too many webhooks at once"):
				return shed
			case refused(r, text, ""): // the database did not answer in time
				return putOff
			}
			return unclear
		},
	}
}

// mutations are a storm of answers to customers.
func (n *shop) mutations(conversations []string) *storm {
	return &storm{what: "mutations", direction: "OUTBOUND", clients: 3 * operationsAtATime, beyond: 2 * operationsAtATime, enough: operationsAtATime,
		request: func(ctx context.Context, key string) *http.Request {
			conversation := conversations[int(crc32.ChecksumIEEE([]byte(key)))%len(conversations)]
			return n.request("ada", `mutation($in: SendMessageInput!) { sendMessage(input: $in) { message { id } } }`,
				map[string]any{"in": map[string]any{"conversationId": conversation, "text": key, "idempotencyKey": key}}).WithContext(ctx)
		},
		judge: func(r *http.Response, text string) outcome {
			switch {
			case strings.Contains(text, `"message":{"id"`):
				return accepted
			case refused(r, text, "too much is asked at the moment"):
				return shed
			case r.StatusCode == http.StatusOK && strings.Contains(text, `"UNAVAILABLE"`): // it ran, and the database did not answer in time
				return putOff
			}
			return unclear
		},
	}
}
