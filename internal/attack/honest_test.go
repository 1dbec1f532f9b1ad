package attack

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// honest is a customer who writes and an agent who reads and answers, one round after the other, and what came of it.
type honest struct {
	n *shop

	mu      sync.Mutex
	rounds  int
	took    []time.Duration // of each request
	refused []string
}

// pause lies between two rounds, so that the honest are no load of their own.
const pause = 10 * time.Millisecond

// honestBeside has the honest work for a while alone, and then beside what is hostile, which is told how many rounds they have done beside it. No request of
// theirs may be refused, and nothing that was accepted may be missing or there twice. How long their requests take is logged.
func (n *shop) honestBeside(hostile func(rounds func() int)) {
	n.s.t.Helper()
	h := &honest{n: n}
	for range 30 {
		h.round()
	}
	alone := len(h.took)
	over, first := make(chan struct{}), h.rounds
	var work sync.WaitGroup
	work.Go(func() {
		for {
			h.round()
			select {
			case <-over:
				return
			case <-time.After(pause):
			}
		}
	})
	end := sync.OnceFunc(func() { close(over); work.Wait() })
	defer end()
	hostile(func() int {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.rounds - first
	})
	end()
	for _, text := range h.refused[:min(len(h.refused), 5)] {
		n.s.t.Errorf("an honest request is refused, one of %d: %s", len(h.refused), text)
	}
	for _, direction := range []string{"INBOUND", "OUTBOUND"} {
		found := n.stored(direction, "honest-")
		for i := range h.rounds {
			if times := found[fmt.Sprint("honest-", i)]; times != 1 {
				n.s.t.Errorf("the honest message %d %s is stored %d times", i, direction, times)
			}
		}
	}
	n.s.t.Logf("%d honest rounds beside it: %s; alone %s", h.rounds-first, spread(h.took[alone:]), spread(h.took[:alone]))
}

// round is one message of the customer's, a look at the list, and an answer.
func (h *honest) round() {
	text := fmt.Sprint("honest-", h.rounds)
	h.request("200", func() string { return h.n.write("wamid."+text, "4915112340000", "Lou", text) })
	list := h.request(`"data":{"conversations"`, func() string {
		return h.n.ask("ada", `{ conversations(first: 20) { edges { node { id preview } } } }`, nil)
	})
	h.request(`"message":{"id"`, func() string {
		return h.n.ask("ada", `mutation($in: SendMessageInput!) { sendMessage(input: $in) { message { id } } }`,
			map[string]any{"in": map[string]any{"conversationId": find(list, `"node":{"id":"([^"]+)"`), "text": text, "idempotencyKey": text}})
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rounds++
}

func (h *honest) request(want string, send func() string) (answer string) {
	began := time.Now()
	answer = send()
	h.took = append(h.took, time.Since(began))
	if !strings.Contains(answer, want) {
		h.refused = append(h.refused, fmt.Sprintf("%.200s", answer))
	}
	return answer
}
