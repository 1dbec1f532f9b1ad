package wire

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// Events is the graphql-sse protocol in its distinct connections mode: each operation is a POST of its own that accepts
// text/event-stream and is answered with `next` events and one `complete`. A stream that ends without `complete` was cut; the client
// subscribes again with the last cursor as `after`.
type Events struct {
	*Config
	registry *registry
}

// serve runs one operation and streams its responses.
func (e *Events) serve(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, params *graphql.RawParams) {
	caller := e.Caller(r.Context())
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stream := &stream{queue: queue{limit: e.Limits.Queue}, ready: make(chan struct{}, 1), over: make(chan struct{}), cancel: cancel}
	if status, err := e.enter(stream, caller, r); err != nil {
		e.write(w, status, typeJSON, encode(&graphql.Response{Errors: gqlerror.List{e.Present(r.Context(), err)}}))
		return
	}
	defer e.leave(stream)
	if !caller.Expires.IsZero() {
		timer := time.AfterFunc(time.Until(caller.Expires), cancel)
		defer timer.Stop()
	}
	stop := e.start(ctx, exec, params, stream)
	defer stop()
	w.Header().Set("Content-Type", typeEvents+"; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no")
	// The server's time for reading a request would end the stream: it watches the connection with the same deadline.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	w.WriteHeader(http.StatusOK)
	e.pump(ctx, w, stream)
}

// enter counts the stream, or returns why there is no room.
func (e *Events) enter(s *stream, caller Caller, r *http.Request) (int, error) {
	key := "caller " + caller.Key
	if caller.Key == "" {
		key = "address " + e.ClientIP(r)
	}
	seat, ok := e.registry.take(key, e.Limits.PerCaller)
	if !ok {
		return http.StatusTooManyRequests, &fault.Error{
			Code: fault.RateLimited, Message: "too many connections at a time; close one first", RetryAfter: time.Second,
		}
	}
	if !e.registry.add(s) {
		seat.leave()
		return http.StatusServiceUnavailable, &fault.Error{
			Code: fault.Unavailable, Message: "no more connections can be taken now; try again", RetryAfter: time.Second,
		}
	}
	s.seat = seat
	return 0, nil
}

func (e *Events) leave(s *stream) {
	s.seat.leave()
	e.registry.remove(s)
}

// start begins the operation and returns how to stop it.
func (e *Events) start(ctx context.Context, exec graphql.GraphExecutor, params *graphql.RawParams, s *stream) func() {
	op, refused := prepare(ctx, exec, params)
	if refused != nil {
		s.last(encode(&graphql.Response{Errors: refused}))
		return func() {}
	}
	if !isSubscription(op) {
		text, _ := e.answer(ctx, exec, op)
		s.last(text)
		return func() {}
	}
	stop, err := e.Open(ctx, op, s)
	if err != nil {
		s.last(encode(&graphql.Response{Errors: gqlerror.List{e.Present(graphql.WithOperationContext(ctx, op), err)}}))
		return func() {}
	}
	return stop
}

// pump writes what is queued, and a comment now and then so that nobody between takes the stream for dead.
func (e *Events) pump(ctx context.Context, w http.ResponseWriter, s *stream) {
	keepAlive := time.NewTicker(e.Limits.PingEvery)
	defer keepAlive.Stop()
	out := http.NewResponseController(w)
	for {
		over := s.isOver() // asked before the queue is emptied: nothing is put in after it
		if !e.empty(w, s) {
			return
		}
		_ = out.SetWriteDeadline(time.Now().Add(e.Limits.WriteTimeout))
		if over {
			_, _ = w.Write([]byte("event: complete\ndata: \n\n"))
		}
		if out.Flush() != nil || over {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-s.ready:
		case <-s.over:
		case <-keepAlive.C:
			_ = out.SetWriteDeadline(time.Now().Add(e.Limits.WriteTimeout))
			if _, err := w.Write([]byte(":\n\n")); err != nil {
				return
			}
		}
	}
}

// empty writes all that is queued. It reports false when the reader is too slow or gone.
func (e *Events) empty(w http.ResponseWriter, s *stream) bool {
	for {
		text, since := s.queue.next()
		if len(text) == 0 {
			return true
		}
		if time.Since(since) > e.Limits.QueueAge {
			return false
		}
		if e.send(w, text) != nil {
			return false
		}
	}
}

// stream is one event stream; for a subscription it is the sink.
type stream struct {
	queue  queue
	ready  chan struct{} // holds a token when there may be something to write
	seat   *seat
	cancel context.CancelFunc
	over   chan struct{} // closed when nothing follows

	mu      sync.Mutex
	ended   bool
	refused bool
}

var _ Sink = (*stream)(nil)

// What stands around the response in a next event.
const (
	eventHead = "event: next\ndata: "
	eventTail = "\n\n"
)

// Next queues a response.
func (s *stream) Next(payload []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return true
	}
	taken := s.queue.put(frame{head: eventHead, body: payload, tail: eventTail, at: time.Now()}, s.refused)
	s.refused = !taken
	return taken
}

// Flush has what is queued written.
func (s *stream) Flush() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// Wait blocks until the reader has caught up by half of the queue.
func (s *stream) Wait(ctx context.Context) error { return s.queue.wait(ctx) }

// Complete tells that nothing follows.
func (s *stream) Complete() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.ended = true
		close(s.over)
	}
}

// last queues the only response of an operation.
func (s *stream) last(payload []byte) {
	s.Next(payload)
	s.Complete()
}

func (s *stream) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

// restart cuts the stream, which tells the client to subscribe again.
func (s *stream) restart() { s.cancel() }
