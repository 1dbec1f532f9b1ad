// Package wire speaks the three protocols of the API: GraphQL over HTTP (POST), graphql-transport-ws (WebSocket), and graphql-sse in
// its distinct connections mode. It knows frames, media types, close codes and queues, and nothing of the schema.
//
// The transports that gqlgen brings are not used: they fail 10 of 19 probes of the WebSocket protocol and 6 of 61 audits of the HTTP
// one, and a reader that stops blocks them for ever.
//
// Imports: fault, gqlgen, gorilla/websocket.
package wire

import (
	"context"
	"log/slog"
	"net/http"
	"runtime"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Config is what the transports need from the edge.
type Config struct {
	// Open starts a subscription that sends to the sink until it completes or stop is called; it outlives ctx. It returns an error
	// when the subscription may not start. Complete calls stop as well: who calls it holds no lock that stop needs.
	Open func(ctx context.Context, op *graphql.OperationContext, sink Sink) (stop func(), err error)
	// Present turns an error into what a client may see of it.
	Present func(ctx context.Context, err error) *gqlerror.Error
	// Authenticate tells who opens a socket. It returns an error for a credential that is missing or wrong.
	Authenticate func(ctx context.Context, r *http.Request, init Init) (Caller, error)
	// Caller returns who sends an HTTP request, as the middleware found out before.
	Caller func(ctx context.Context) Caller
	// ClientIP returns the address of the person behind a request.
	ClientIP func(r *http.Request) string
	// OriginAllowed reports whether pages of the request's Origin may open sockets; it is asked only when there is one.
	OriginAllowed func(r *http.Request) bool
	Limits        Limits
	Logger        *slog.Logger

	// Apart reports whether an operation waits for its turn among its like; nil: none does.
	Apart func(op *graphql.OperationContext) bool

	crowd *crowd // nil: as many run as come
	apart *crowd
}

// Sink takes what one subscription sends; see graph.Sink, which has the same methods.
type Sink interface {
	Next(payload []byte) bool
	Flush()
	Wait(ctx context.Context) error
	Complete()
}

// Init is what a client presents in connection_init.
type Init struct {
	Bearer string // an access token
	APIKey string
}

// Caller is who speaks.
type Caller struct {
	Context func(ctx context.Context) context.Context // adds the caller to a context
	Key     string                                    // names the caller; sockets are counted by it; empty: nobody
	Expires time.Time                                 // when the credential ends; zero: never
	// Again tells who owns the credential as of now; it is nil for who comes by HTTP. It returns an error when it is no longer good.
	Again func(ctx context.Context) (Caller, error)
}

// Limits bound what a client can cost.
type Limits struct {
	Body             int64         // bytes of an HTTP request or a WebSocket message
	InitTimeout      time.Duration // from the upgrade to connection_init
	OperationTimeout time.Duration // of a query or mutation
	WriteTimeout     time.Duration // of 64 KiB, or a message that is smaller
	AnswerTimeout    time.Duration // of one answer, or of all that is written at once
	QueueAge         time.Duration // a message that waits longer for its reader closes the socket; behind an answer larger than 64 KiB it waits from that one's end
	Queue            int           // what may wait for a reader may cost, in bytes
	PingEvery        time.Duration
	PongWithin       time.Duration // after a ping; silence closes the socket, unless parts of an answer are taken
	Active           int           // operations at a time on a socket
	Subscribes       int           // `subscribe` messages per Window
	Messages         int           // messages of any type per Window
	Window           time.Duration
	PerCaller        int // sockets and event streams of a caller
	PerAddress       int // sockets of an address that have not yet said who they are
	PerProcess       int // sockets and event streams in all
	Running          int // queries and mutations at a time in the process
	Waiting          int // for their turn, each for at most Patience
	Patience         time.Duration
}

// DefaultLimits returns the limits that are published.
func DefaultLimits() Limits {
	return Limits{
		Body: 64 << 10, InitTimeout: 5 * time.Second, OperationTimeout: 5 * time.Second,
		WriteTimeout: 10 * time.Second, AnswerTimeout: time.Minute, QueueAge: 15 * time.Second, Queue: 800 << 10,
		PingEvery: 20 * time.Second, PongWithin: 10 * time.Second,
		Active: 20, Subscribes: 30, Messages: 300, Window: 10 * time.Second,
		PerCaller: 20, PerAddress: 20, PerProcess: 10_000,
		Running: max(64, 16*runtime.GOMAXPROCS(0)), Waiting: 256, Patience: 500 * time.Millisecond, // four for each connection to the database
	}
}
