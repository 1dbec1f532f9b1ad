package wire

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{
		"":                                  typeJSON,
		"*/*":                               typeJSON,
		"application/*":                     typeJSON,
		"application/graphql-response+json": typeGraphQL,
		"application/graphql-response+json, application/json;q=0.9":       typeGraphQL,
		"application/graphql-response+json;q=0.1, application/json;q=0.9": typeJSON,
		"application/json;q=0, */*;q=0.1":                                 typeGraphQL,
		"text/event-stream":                                               typeEvents,
		"text/*":                                                          typeEvents,
		"application/json, text/event-stream;q=0.9":                       typeJSON,
		"application/json; charset=utf-8":                                 typeJSON,
		"application/json; charset=utf-16":                                "",
		"text/html,application/xhtml+xml":                                 "",
		"text/html, */*;q=0.8":                                            typeJSON,
		"application/json;q=2":                                            "",
		"application/json;q=0":                                            "",
		"garbage":                                                         "",
		"application/graphql-response+json, application/json, text/event-stream, */*": typeJSON,
		"application/graphql-response+json, application/json;q=0.99, multipart/mixed": typeGraphQL,
	} {
		if got := negotiate([]string{accept}, typeJSON, typeGraphQL, typeEvents); got != want {
			t.Errorf("%q gives %q, want %q", accept, got, want)
		}
	}
	if got := negotiate([]string{"text/html", typeGraphQL}, typeJSON, typeGraphQL); got != typeGraphQL {
		t.Errorf("two headers give %q", got)
	}
}

func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	q := queue{limit: 100}
	f := func(n int) frame { return frame{body: make([]byte, n)} }
	if !q.put(f(500), false) {
		t.Error("an empty queue refuses a large response")
	}
	if q.put(f(1), false) || !q.put(f(1), true) {
		t.Error("a full queue takes another, or refuses what must go out")
	}
	waited := make(chan error, 1)
	go func() { waited <- q.wait(t.Context()) }()
	for _, want := range []int{500, 1} {
		if got, _ := q.gather(nil, 1); len(got) != want {
			t.Fatalf("took %d", len(got))
		}
	}
	if err := <-waited; err != nil {
		t.Error(err)
	}
	q.put(f(80), false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if q.wait(ctx) == nil {
		t.Error("a wait outlives its context")
	}
	var silent atomic.Bool
	silent.Store(true)
	q.put(frame{body: make([]byte, 5), silent: &silent}, false)
	if got, _ := q.gather(nil, batch); len(got) != 80 || q.size != 0 || !q.caughtUp() {
		t.Errorf("%d bytes are sent and %d left, where one frame of 80 is wanted", len(got), q.size)
	}
	q.put(f(80), false)
	q.end(f(3))
	if q.put(f(1), true); q.size != 3 || !q.ended() {
		t.Errorf("%d bytes wait beside the last frame", q.size-3)
	}
}

// R44, H9: frames that may go beyond the limit do so one at a time, unless they are small.
func TestOneLargeFrameGoesBeyond(t *testing.T) {
	t.Parallel()
	q := queue{limit: 1 << 20}
	large, item, small := frame{body: make([]byte, MaxAnswer)}, frame{body: make([]byte, 400<<10)}, frame{body: make([]byte, 1<<10)}
	if !q.put(item, false) || q.put(large, false) || !q.put(large, true) {
		t.Fatal("a large frame is not taken as soon as half of the queue is free")
	}
	if q.put(large, true) || q.put(item, true) {
		t.Error("a second large frame is taken beyond the limit")
	}
	if !q.put(small, true) {
		t.Error("a small one is not")
	}
	if _, _ = q.gather(nil, MaxAnswer); !q.put(large, true) {
		t.Error("it is not taken when the first is gone")
	}
}

// R44, H9: what counts is what a reader costs: small frames cost more than their bytes, and what is being written is in memory too.
func TestAQueueCountsWhatItCosts(t *testing.T) {
	t.Parallel()
	const limit = 200_000
	q, size := queue{limit: limit}, int(unsafe.Sizeof(frame{}))
	fill := func(bytes int) (frames int) {
		for frames < limit && q.put(frame{body: make([]byte, bytes)}, false) {
			frames++
		}
		return frames
	}
	if n := fill(10); n*(10+size) > limit || n*(10+size) < limit/2 {
		t.Errorf("%d frames of 10 bytes are taken, and cost %d", n, n*(10+size))
	}
	q = queue{limit: limit}
	frames := fill(1000)
	text, _ := q.next()
	frames += fill(1000) - len(text)/1000
	if cost := frames*(1000+size) + len(text); cost > limit || cost < limit*3/4 {
		t.Errorf("%d frames wait while %d bytes are written, and cost %d", frames, len(text), cost)
	}
	for q.size > 0 {
		q.next()
	}
	if !q.put(frame{body: make([]byte, limit)}, false) {
		t.Fatal("an empty queue refuses a large frame")
	}
	q.next()
	waited := make(chan error, 1)
	go func() { waited <- q.wait(t.Context()) }()
	for waits := false; !waits; <-time.After(time.Millisecond) {
		q.mu.Lock()
		waits = q.half != nil
		q.mu.Unlock()
		if len(waited) > 0 {
			t.Fatal("there is room while a large frame is being written")
		}
	}
	if !q.caughtUp() {
		t.Error("it is written, and the queue is not empty")
	}
	if err := <-waited; err != nil {
		t.Error(err)
	}
	if q.fallBehind(time.Now(), limit); !q.put(frame{body: []byte("a")}, false) || q.put(frame{body: []byte("b")}, false) {
		t.Error("what the system did not take of a frame does not count")
	}
}

// An operation that has ended does not wait with its answer until it is its turn.
func TestAnEndedOperationHoldsNothing(t *testing.T) {
	t.Parallel()
	s := &session{turn: make(chan struct{}, 1)}
	s.turn <- struct{}{} // another one's turn
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s.hold(ctx, &operation{session: s}, make([]byte, 100)) || s.held.Load() != 0 {
		t.Errorf("%d bytes are held", s.held.Load())
	}
}

// How long a frame has waited is counted from when its reader fell behind, and no longer when he has caught up.
func TestQueueTellsHowLongFramesWait(t *testing.T) {
	t.Parallel()
	q := queue{limit: 1000}
	q.put(frame{body: []byte("a")}, false)
	then := time.Now().Add(-time.Minute)
	q.fallBehind(then, 0)
	q.put(frame{body: []byte("b")}, false)
	if _, since := q.gather(nil, 1); !since.Equal(then) {
		t.Errorf("the first waits since %v, want %v", since, then)
	}
	if _, since := q.gather(nil, 1); since.IsZero() || time.Since(since) > 30*time.Second {
		t.Errorf("the second waits since %v", since)
	}
	if !q.caughtUp() {
		t.Error("an empty queue is not caught up")
	}
	q.put(frame{body: []byte("c")}, false)
	if _, since := q.gather(nil, 1); !since.IsZero() {
		t.Errorf("what is sent at once waits since %v", since)
	}
}

func TestCloseReasonsFit(t *testing.T) {
	t.Parallel()
	for _, c := range []closing{closeDuplicate(strings.Repeat("ü", 200)), closeBadRequest(strings.Repeat("x", 500))} {
		reason := shorten(c.reason, 120)
		if len(reason) > 123 || !json.Valid([]byte(`"`+strings.ReplaceAll(reason, `"`, "")+`"`)) {
			t.Errorf("%d bytes: %q", len(reason), reason)
		}
	}
}

// Whatever a client sends is understood or refused; nothing panics, and what is understood has the form that the protocol asks.
func FuzzMessages(f *testing.F) {
	for _, seed := range []string{
		`{"type":"connection_init","payload":{"authorization":"Bearer x"}}`, `{"id":"1","type":"subscribe","payload":{"query":"{a}"}}`,
		`{"type":"ping","payload":null}`, `{"type":"complete","id":"\u0000"}`, `[]`, `{"type":1}`, `{"TYPE":"ping","type":"pong"}`, "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseMessage(data)
		if err != nil {
			return
		}
		if (m.Type == messageSubscribe || m.Type == messageComplete) && m.ID == "" {
			t.Fatalf("%q has no id", data)
		}
		if m.Payload != nil && !json.Valid(pongMessage(m.Payload)) {
			t.Fatalf("%q is answered with %q", data, pongMessage(m.Payload))
		}
		for _, frame := range [][]byte{completeMessage(m.ID), errorMessage(m.ID, gqlerror.List{{Message: "x"}}), []byte(nextHead(m.ID) + "1" + nextTail)} {
			if !json.Valid(frame) {
				t.Fatalf("%q is answered with %q", data, frame)
			}
		}
		_, _ = initOf(m.Payload)
		_, _ = decodeRequest(m.Payload, http.Header{})
	})
}
