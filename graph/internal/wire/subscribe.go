package wire

import (
	"context"
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
	params, err := decodeRequest(m.Payload, s.request.Header)
	if err != nil {
		return because(closeBadRequest("Invalid message received: " + reasonOf(err)))
	}
	op, active := s.register(m.ID)
	switch {
	case op == nil:
		return because(closeDuplicate(m.ID))
	case active > s.socket.Limits.Active:
		op.end(errorMessage(op.id, gqlerror.List{s.socket.Present(op.ctx, &fault.Error{
			Code: fault.RateLimited, Message: "this socket has too many operations at a time; complete one first",
		})}))
	default:
		go s.run(op, params)
	}
	return nil
}

// register takes the id; it returns nil when it is taken, and how many operations there are now.
func (s *session) register(id string) (*operation, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.operations[id]; taken {
		return nil, 0
	}
	op := &operation{id: id, session: s, head: nextHead(id)}
	op.ctx, op.cancel = context.WithCancel(s.ctx)
	s.operations[id] = op
	return op, len(s.operations)
}

// run prepares and performs an operation. A subscription goes on without this goroutine.
func (s *session) run(op *operation, params *graphql.RawParams) {
	ctx := graphql.StartOperationTrace(op.ctx)
	defer func() {
		if p := recover(); p != nil {
			op.end(errorMessage(op.id, gqlerror.List{s.socket.Present(ctx, panicked(p))}))
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

// answer sends the one response of a query or mutation. It waits for a slow reader; operations at a time are few.
func (s *session) answer(ctx context.Context, op *operation, prepared *graphql.OperationContext) {
	result, _ := s.socket.perform(ctx, s.exec, prepared)
	response := encode(result)
	for !op.Next(response) {
		if op.Wait(ctx) != nil {
			return
		}
	}
	op.Complete()
}

// complete ends an operation at the client's wish, without a word. An id that is not known has ended already.
func (s *session) complete(id string) {
	s.mu.Lock()
	op := s.operations[id]
	delete(s.operations, id)
	s.mu.Unlock()
	if op != nil {
		op.silence()
	}
}

// forget frees the id of an operation that has ended.
func (s *session) forget(op *operation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.operations[op.id] == op {
		delete(s.operations, op.id)
	}
}

// endAll silences every operation when the connection is gone.
func (s *session) endAll() {
	s.mu.Lock()
	all := s.operations
	s.operations = map[string]*operation{}
	s.mu.Unlock()
	for _, op := range all {
		op.silence()
	}
}
