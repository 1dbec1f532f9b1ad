package attack

import (
	"bytes"
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/switchboard-inbox/switchboard/internal/channel"
)

// storm is what came of many requests at once, by the key of each.
type storm struct {
	mu       sync.Mutex
	accepted map[string]time.Duration
	shed     int
	unclear  map[string]bool // neither: what became of it is not known to the client
	other    map[string]int
}

// rage sends requests from so many clients at a time for a while, each client the next as soon as the last was answered, and watches that
// health and readiness stand meanwhile. judge reads an answer: whether it was accepted, and whether it was a refusal that tells when to come again.
func (s *stage) rage(clients int, lasting time.Duration, request func(ctx context.Context, key string) *http.Request,
	judge func(r *http.Response, text string) (accepted, shed bool)) *storm {
	s.t.Helper()
	out := &storm{accepted: map[string]time.Duration{}, unclear: map[string]bool{}, other: map[string]int{}}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, MaxConnsPerHost: 0}, Timeout: 40 * time.Second}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(s.t.Context(), lasting)
	defer cancel()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for j := 0; ctx.Err() == nil; j++ {
				if out.send(s.t.Context(), client, fmt.Sprint("storm-", i, "-", j, "-"), request, judge) {
					continue
				}
				select { // it was told to come again in a second
				case <-ctx.Done():
				case <-time.After(time.Second):
				}
			}
		})
	}
	asked, unready := 0, 0
	for ctx.Err() == nil {
		if status, text := s.get(s.api.admin + "/healthz"); status != http.StatusOK {
			s.t.Errorf("unhealthy under load: %d %s", status, text)
		}
		if status, _ := s.get(s.api.admin + "/readyz"); status != http.StatusOK {
			unready++ // Postgres itself may be starved on a small machine
		}
		asked++
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	all.Wait()
	s.t.Logf("asked %d times, the process was not ready %d times", asked, unready)
	s.eventually("it is ready", func() bool { status, _ := s.get(s.api.admin + "/readyz"); return status == http.StatusOK })
	return out
}

func (out *storm) send(ctx context.Context, client *http.Client, key string, request func(context.Context, string) *http.Request,
	judge func(*http.Response, string) (bool, bool)) (accepted bool) {
	began := time.Now()
	response, err := client.Do(request(ctx, key))
	out.mu.Lock()
	defer out.mu.Unlock()
	if err != nil {
		out.unclear[key] = true
		out.other["cut: "+err.Error()[max(0, len(err.Error())-40):]]++
		return false
	}
	out.mu.Unlock()
	text, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	accepted, shed := judge(response, string(text))
	out.mu.Lock() // until the deferred unlock
	switch {
	case accepted:
		out.accepted[key] = time.Since(began)
	case shed:
		out.shed++
	default:
		out.unclear[key] = true
		out.other[fmt.Sprint(response.StatusCode, " ", string(text)[:min(len(text), 120)])]++
	}
	return accepted
}

// report logs what came of the storm, and fails when nothing was accepted or a refusal did not tell when to come again. A machine on which the clients are
// slower than the server need not shed anything: that what is too much is shed is shown where the limits are.
func (out *storm) report(s *stage, what string, memory int64) {
	s.t.Helper()
	var took []time.Duration
	for _, d := range out.accepted {
		took = append(took, d)
	}
	slices.Sort(took)
	if len(took) == 0 {
		s.t.Fatalf("%s: none was accepted and %d shed; others: %v", what, out.shed, out.other)
	}
	s.t.Logf("%s: %d accepted (half within %v, 99 of 100 within %v), %d shed, others %v; memory %d MB", what, len(took), took[len(took)/2],
		took[len(took)*99/100], out.shed, out.other, memory>>20)
	if len(out.other) > 0 {
		s.t.Errorf("%s: some were neither accepted nor told to come again: %v", what, out.other)
	}
	if memory > 1<<30 {
		s.t.Errorf("%s: %d MB", what, memory>>20)
	}
}

// stored returns how often each text of a storm is stored.
func (n *shop) stored(direction string) map[string]int {
	n.s.t.Helper()
	conn, err := pgx.Connect(n.s.t.Context(), n.s.OwnerURL)
	n.s.must(err)
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(n.s.t.Context(), `SELECT text FROM messages WHERE tenant_id = $1 AND direction = $2 AND text LIKE 'storm-%'`, n.ID.UUID(), direction)
	n.s.must(err)
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	n.s.must(err)
	found := map[string]int{}
	for _, text := range texts {
		found[text]++
	}
	return found
}

// balance fails for what was accepted and is not stored once, and for what was shed and is.
func (out *storm) balance(n *shop, what, direction string) {
	n.s.t.Helper()
	found := n.stored(direction)
	for key := range out.accepted {
		if found[key] != 1 {
			n.s.t.Errorf("%s: %s was accepted and is stored %d times", what, key, found[key])
		}
	}
	for key := range found {
		if _, accepted := out.accepted[key]; !accepted && !out.unclear[key] {
			n.s.t.Errorf("%s: %s was shed and is stored", what, key)
		}
	}
}

// TestOverload brings three times as many webhooks, and then mutations, at a time as the process takes: what it accepts is stored once, the rest
// is told to come again, health stays up and memory bounded. How long the accepted took is logged. (R79, H26)
func TestOverload(t *testing.T) {
	s := newStage(t, "LOG_LEVEL=INFO")
	n := s.shop("shop-a")
	n.signIn()
	for i := range 64 {
		n.write(fmt.Sprint("wamid.", i), fmt.Sprint("491511234", 5000+i), "Kim", "hello")
	}
	conversations := strings.Fields(n.one("SELECT string_agg(id::text, ' ') FROM conversations WHERE tenant_id = $1"))
	told := func(r *http.Response) bool {
		return (r.StatusCode == http.StatusServiceUnavailable || r.StatusCode == http.StatusTooManyRequests) && r.Header.Get("Retry-After") != ""
	}
	webhooks := s.rage(3*1024, 5*time.Second, func(ctx context.Context, key string) *http.Request {
		body := fmt.Appendf(nil, `{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{
			"messaging_product":"whatsapp","metadata":{"phone_number_id":%q},"messages":[{"from":"4915112345000","id":%q,"timestamp":"%d","type":"text","text":{"body":%q}}]}}]}]}`,
			n.ref, "wamid."+key, time.Now().Unix(), key)
		r, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.api.url+"/webhooks/meta", bytes.NewReader(body))
		r.Header.Set("X-Hub-Signature-256", "sha256="+channel.SignSHA256([]byte(appSecret), body))
		return r
	}, func(r *http.Response, _ string) (bool, bool) { return r.StatusCode == http.StatusOK, told(r) })
	webhooks.report(s, "webhooks", s.memory())
	webhooks.balance(n, "webhooks", "INBOUND")
	mutations := s.rage(3*1280, 5*time.Second, func(ctx context.Context, key string) *http.Request {
		conversation := conversations[int(crc32.ChecksumIEEE([]byte(key)))%len(conversations)]
		return n.request("ada", `mutation($in: SendMessageInput!) { sendMessage(input: $in) { message { id } } }`,
			map[string]any{"in": map[string]any{"conversationId": conversation, "text": key, "idempotencyKey": key}}).WithContext(ctx)
	}, func(r *http.Response, text string) (bool, bool) {
		return strings.Contains(text, `"message":{"id"`), told(r)
	})
	mutations.report(s, "mutations", s.memory())
	mutations.balance(n, "mutations", "OUTBOUND")
}
