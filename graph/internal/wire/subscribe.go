package wire

import (
	"context"
	"slices"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// subscribe starts an operation of any kind under its id and returns why the connection must end, if it must.
func (s *session) subscribe(m message) *closing {
	if !s.acked {
		return because(closeUnauthorized())
	}
	if !s.rate.subscribe(time.Now(), s.socket.Limits) {
		return because(closeTooMany("subscribe messages"))
	}
	params, err := decodeRequest(m.Payload, nil)
	if err != nil {
		return because(closeBadRequest("Invalid message received: " + reasonOf(err)))
	}
	ctx, op, active := s.register(m.ID)
	switch {
	case op == nil:
		return because(closeDuplicate(m.ID))
	case active > s.socket.Limits.Active:
		op.end(errorMessage(op.id, gqlerror.List{s.socket.Present(ctx, &fault.Error{
			Code: fault.RateLimited, Message: "this socket has too many operations at a time; complete one first",
		})}))
	default:
		go s.run(ctx, op, params)
	}
	return nil
}

// register takes the id and returns its operation, the context in which it begins, and how many there are now; nil when it is taken.
func (s *session) register(id string) (context.Context, *operation, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.find(id) >= 0 {
		return s.ctx, nil, 0
	}
	ctx, cancel := context.WithCancel(s.ctx)
	if s.closed.Load() { // whoever closes ends those that are registered
		cancel()
	}
	op := &operation{id: id, session: s, head: nextHead(id), cancel: cancel}
	s.operations = append(s.operations, op)
	return ctx, op, len(s.operations)
}

// find returns the place of the operation of the id; -1: there is none.
func (s *session) find(id string) int {
	return slices.IndexFunc(s.operations, func(op *operation) bool { return op.id == id })
}

// run prepares and performs an operation. A subscription goes on without this goroutine.
func (s *session) run(ctx context.Context, op *operation, params *graphql.RawParams) {
	ctx = graphql.StartOperationTrace(ctx)
	defer func() {
		if p := recover(); p != nil {
			op.end(errorMessage(op.id, gqlerror.List{s.socket.Present(ctx, fault.Panicked(p))}))
		}
	}()
	ctx, err := s.current(ctx)
	if err != nil {
		op.end(errorMessage(op.id, gqlerror.List{s.socket.Present(ctx, err)}))
		return
	}
	prepared, refused := prepare(ctx, s.exec, params)
	switch {
	case refused != nil:
		op.end(errorMessage(op.id, refused))
	case isSubscription(prepared):
		s.open(ctx, op, prepared)
	default:
		s.answer(ctx, op, prepared)
	}
}

func (s *session) open(ctx context.Context, op *operation, prepared *graphql.OperationContext) {
	op.follows.Store(true)
	stop, err := s.socket.Open(ctx, prepared, op)
	if err != nil {
		op.end(errorMessage(op.id, gqlerror.List{s.socket.Present(graphql.WithOperationContext(ctx, prepared), err)}))
		return
	}
	op.opened(stop)
}

// answer sends the one response of a query or mutation, which is not run for a reader who is behind.
func (s *session) answer(ctx context.Context, op *operation, prepared *graphql.OperationContext) {
	if op.Wait(ctx) != nil {
		return
	}
	text, _ := s.socket.answer(ctx, s.exec, prepared)
	if op.Next(text) || s.hold(ctx, op, text) {
		op.Complete()
	}
}

// maxHeld is how many bytes of answers may wait until a queue has room for them.
const maxHeld = 2 * MaxAnswer

// hold keeps an answer until the reader has caught up and it is its turn, so that only one goes beyond the queue's limit. It reports false when
// the operation ended before; a reader who lets too many answers wait is given up.
func (s *session) hold(ctx context.Context, op *operation, text []byte) bool {
	defer s.held.Add(-int64(len(text)))
	if s.held.Add(int64(len(text))) > maxHeld {
		s.close(closeTooSlow())
		return false
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return false
	}
	for op.Wait(ctx) == nil {
		if op.Next(text) {
			return true
		}
	}
	return false
}

// complete ends an operation at the client's wish, without a word. An id that is not known has ended already.
func (s *session) complete(id string) {
	s.mu.Lock()
	var op *operation
	if at := s.find(id); at >= 0 {
		op = s.operations[at]
		s.operations = slices.Delete(s.operations, at, at+1)
	}
	s.mu.Unlock()
	if op != nil {
		op.silence()
	}
}

// forget frees the id of an operation that has ended.
func (s *session) forget(op *operation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at := slices.Index(s.operations, op); at >= 0 {
		s.operations = slices.Delete(s.operations, at, at+1)
	}
}

// endAll silences every operation when the connection is gone.
func (s *session) endAll() {
	s.mu.Lock()
	all := s.operations
	s.operations = nil
	s.mu.Unlock()
	for _, op := range all {
		op.silence()
	}
}
