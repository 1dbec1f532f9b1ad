package graph_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/graph"
)

// What is kept of renderings is bounded in bytes, over all cohorts. What was let go is rendered again for who comes back, and nobody misses anything.
func TestKeptRenderingsAreBounded(t *testing.T) {
	t.Parallel()
	const messages, limit = 24, 40 << 10
	d := newDesk(t)
	graph.KeepRenderings(d.subscriptions, limit)
	aliased := strings.Replace(threadQuery, "text status", "text status again: text", 1)
	conversations := [2]uuid.UUID{d.Conversation(d.mine), d.Conversation(d.mine)}
	var stops []func()
	follow := func(query string, variables map[string]any) *box {
		b := newBox()
		stop, err := d.open(d.kim, query, variables, b)
		if err != nil {
			t.Fatal(err)
		}
		stops = append(stops, stop)
		return b
	}
	var boxes []*box
	for i, query := range slices.Repeat([]string{threadQuery, aliased}, 2) { // four cohorts
		boxes = append(boxes, follow(query, map[string]any{"id": conversations[i/2].String()}))
	}
	within := func(when string) {
		t.Helper()
		counted, there := graph.KeptRenderings(d.subscriptions)
		if counted != there || counted > limit {
			t.Fatalf("%s: %d bytes are counted and %d kept, of %d", when, counted, there, limit)
		}
	}
	for i := range messages {
		for _, id := range conversations {
			d.say(id, strings.Repeat("x", 2000))
		}
		for _, b := range boxes {
			b.await(t, "the message", func() bool { return len(b.payloads) == i+1 })
		}
		within("after a message")
	}
	late := follow(threadQuery, map[string]any{"id": conversations[0].String(), "after": d.beginning()})
	late.await(t, "all again", func() bool { return len(late.payloads) == messages })
	within("after all were read again")
	for i := range messages {
		if string(late.payloads[i]) != string(boxes[0].payloads[i]) {
			t.Fatalf("message %d is shown as %s", i, late.payloads[i])
		}
	}
	for _, stop := range stops {
		stop()
	}
	if counted, _ := graph.KeptRenderings(d.subscriptions); counted != 0 {
		t.Errorf("%d bytes are counted although nobody is there", counted)
	}
}
