package graph

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Sink takes what one subscription sends; a transport implements it. Its methods are called by one goroutine at a time, except
// that Wait may run beside Complete.
type Sink interface {
	// Next takes one whole response: `{"data":…}`, ready to be sent. The bytes are shared by many subscribers and must not be
	// changed. It never blocks. It returns false, and takes nothing, when the sink's buffer is full. What follows is either a
	// Wait that ends well, or one more Next and Complete: the last item (a Resync, which is small), for which a sink keeps a place. After the
	// Wait it may return false again, when others that share the buffer were first.
	Next(payload []byte) bool
	// Flush sends what was taken, which may stay with the sink until then, so that several responses go out together. It never
	// blocks. It comes before Wait; Complete flushes as well.
	Flush()
	// Wait blocks until at least half of the buffer is free, and returns at once when it is. It returns ctx's error when ctx
	// ends first. After Next returned false the rest follows at the reader's own pace, or he is given up; it is also called before a
	// response is worked out, so that nothing is done for a reader who is behind.
	Wait(ctx context.Context) error
	// Complete tells that nothing follows. It never blocks, and is called once, unless stop was called before.
	Complete()
}

type subscriptionKey struct{}

// opening finds out what a subscription asks for: the operation is run once, and its resolver leaves the wish here.
type opening struct {
	after *string
	topic topic
}

// rendering is one item on its way into a response: the operation is run once, and its resolver finds the item here.
type rendering struct {
	item     any
	err      error // why there is no item
	snapshot *inbox.Snapshot
}

// follow is the whole of every subscription resolver. When a subscription opens, it leaves the topic and the cursor for Subscriptions;
// when an item is rendered, it hands the item over. T is the union of the field. It returns an Invalid error when the operation
// came over a transport that cannot follow.
func follow[T any](ctx context.Context, after *string, topic topic) (<-chan T, error) {
	items := make(chan T, 1)
	defer close(items)
	switch purpose := ctx.Value(subscriptionKey{}).(type) {
	case *opening:
		purpose.after, purpose.topic = after, topic
	case *rendering:
		if purpose.err != nil {
			return nil, purpose.err
		}
		item, ok := purpose.item.(T)
		if !ok {
			return nil, fault.New(fault.Internal, "an item of another subscription")
		}
		items <- item
	default:
		return nil, fault.New(fault.Invalid, "a subscription needs a WebSocket or an event stream")
	}
	return items, nil
}

// run executes the operation once, for the purpose and as the actor. What is rendered for many is rendered as the system, which sees all of
// the tenant: who may see an item is decided before, and the bytes are shared.
func run(
	ctx context.Context, exec *executor.Executor, actor inbox.Actor, op *graphql.OperationContext, purpose any,
) *graphql.Response {
	ctx = WithActor(context.WithValue(ctx, subscriptionKey{}, purpose), actor, time.Time{})
	next, ctx := exec.DispatchOperation(ctx, op)
	return next(ctx)
}
