package inbox

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/fault"
)

// ErrForeign means that nothing of a request belongs to the tenant whose webhook address it came to. Nothing was stored; the edge
// answers it exactly as it answers an unknown address.
var ErrForeign = errors.New("inbox: the items belong to no account of this address")

// Request is what one authentic webhook reports.
type Request struct {
	Provider string
	// Endpoint is the account whose own address the webhook came to; nil for the address that a whole app shares.
	Endpoint *Route
	Items    []channel.Item
}

// MediaBell rings when files wait to be fetched. jobs implements it; the truth stays in the attachments' rows.
type MediaBell interface {
	// FetchSoon asks for FetchMedia of the attachments. It is called after the commit and must not fail or block: a ring that is
	// lost is rung again by the sweep.
	FetchSoon(tenant TenantID, attachments []uuid.UUID)
}

// IngestConfig says what ingest works with. Store, Receipts, Directory, Clock and Log are required.
type IngestConfig struct {
	Store     Store
	Receipts  ReceiptApplier
	Directory Directory
	Clock     func() time.Time
	Log       *slog.Logger
	Media     MediaBell // nil: the sweep finds every file
	Tenants   int       // how many tenants commit at the same time; 8 when 0
	Waiting   int       // how many items may wait for a transaction; 20,000 when 0
}

// Ingest takes in what providers report. Requests of a tenant that arrive while its last transaction commits share the next one. It is
// safe for concurrent use.
type Ingest struct {
	store     Store
	receipts  ReceiptApplier
	directory Directory
	accounts  *routeBook
	phones    phoneBook
	clock     func() time.Time
	log       *slog.Logger
	media     MediaBell
	slots     chan struct{} // one for each tenant that commits now
	most      int

	mu      sync.Mutex
	lanes   map[TenantID]*lane // only tenants with something to do
	waiting int                // items in all lanes
	closed  bool
	running sync.WaitGroup
}

// NewIngest returns an Ingest. The caller ends it with Drain.
func NewIngest(config IngestConfig) *Ingest {
	if config.Tenants == 0 {
		config.Tenants = 8
	}
	if config.Waiting == 0 {
		config.Waiting = 20_000
	}
	return &Ingest{
		store: config.Store, receipts: config.Receipts, directory: config.Directory, accounts: newRouteBook(config.Directory),
		clock: config.Clock, log: config.Log, media: config.Media, slots: make(chan struct{}, config.Tenants), most: config.Waiting, lanes: map[TenantID]*lane{},
	}
}

// now returns the time of a change as Postgres keeps it.
func (in *Ingest) now() time.Time { return in.clock().UTC().Truncate(time.Microsecond) }

// Ingest stores what the requests report and returns one answer for each, in their order: nil once all of its items are committed;
// ErrForeign when it belongs to another tenant than its address; otherwise an Unavailable error, and the provider delivers it
// again. An item that cannot be applied is no error: it is committed to the quarantine with a reason. Once it returns, nothing of the
// requests is held: when the context ends, what no transaction has yet is given up, and what one has is waited for.
func (in *Ingest) Ingest(ctx context.Context, requests []Request) []error {
	tickets := make([]ticket, len(requests))
	at := in.now()
	routes, err := in.routes(ctx, requests, at)
	for i, request := range requests {
		if tickets[i].err = err; err == nil {
			tickets[i] = in.enqueue(request, routes[request.Provider], at)
		}
	}
	answers := make([]error, len(requests))
	for i, request := range requests {
		answers[i] = in.settle(ctx, request.Provider, tickets[i], at)
	}
	return answers
}

// ticket is what became of a request so far.
type ticket struct {
	shares []*share   // what waits for a transaction
	strays []Unrouted // what belongs to no account
	err    error      // why nothing was taken
}

// settle waits until everything of a request is stored and returns its answer: nil, ErrForeign or an Unavailable error. Whatever went
// wrong on our side, the provider shall try again.
func (in *Ingest) settle(ctx context.Context, provider string, t ticket, at time.Time) error {
	err := t.err
	for _, s := range t.shares {
		err = errors.Join(err, in.wait(ctx, s))
	}
	if err == nil && len(t.strays) > 0 {
		in.log.WarnContext(ctx, "webhook items belong to no account", "provider", provider, "items", len(t.strays))
		err = in.directory.KeepUnrouted(ctx, provider, t.strays, at)
	}
	if err == nil || errors.Is(err, ErrForeign) {
		return err
	}
	var known *fault.Error
	if errors.As(err, &known) && known.Code == fault.Unavailable && known.RetryAfter > 0 {
		return known
	}
	return &fault.Error{Code: fault.Unavailable, Message: "the webhook could not be stored; deliver it again", RetryAfter: retryAfter, Err: err}
}

// routes finds the accounts of all requests, with one look per provider at most.
func (in *Ingest) routes(ctx context.Context, requests []Request, at time.Time) (map[string]map[string]Route, error) {
	refs := map[string][]string{}
	for _, r := range requests {
		for _, item := range r.Items {
			if item.AccountRef != "" {
				refs[r.Provider] = append(refs[r.Provider], item.AccountRef)
			}
		}
	}
	found := make(map[string]map[string]Route, len(refs))
	for provider, wanted := range refs {
		routes, err := in.accounts.find(ctx, provider, distinct(wanted), at)
		if err != nil {
			return nil, err
		}
		found[provider] = routes
	}
	return found, nil
}

// enqueue hands the items of one request to the lanes of their tenants.
func (in *Ingest) enqueue(request Request, routes map[string]Route, at time.Time) ticket {
	parts, strays, err := split(request, routes, at)
	if err != nil {
		return ticket{err: err}
	}
	shares, err := in.admit(parts)
	return ticket{shares: shares, strays: strays, err: err}
}

// split sorts the items of a request by the tenants that own them. What says whose an item is, is its content; an address of one account only
// decides for items that name no account, and everything else that came to it from elsewhere is nobody's.
func split(request Request, routes map[string]Route, at time.Time) (map[TenantID][]arrival, []Unrouted, error) {
	parts := map[TenantID][]arrival{}
	var strays []Unrouted
	for _, item := range request.Items {
		route, found := routes[item.AccountRef]
		if own := request.Endpoint; own != nil {
			if item.AccountRef == "" {
				route, found = *own, true
			}
			found = found && route.Tenant == own.Tenant
		}
		id, err := uuid.NewV7()
		if err != nil {
			return nil, nil, err
		}
		if !found {
			strays = append(strays, Unrouted{
				ID: id, AccountRef: clean(item.AccountRef, 200), Key: clean(item.Key, maxKey), Raw: item.Raw, Reason: strayReason(item),
			})
			continue
		}
		parts[route.Tenant] = append(parts[route.Tenant], arrival{
			id: id, account: route.Account, provider: request.Provider, item: item, at: at,
		})
	}
	if request.Endpoint != nil && len(parts) == 0 && len(strays) > 0 {
		return nil, nil, ErrForeign
	}
	return parts, strays, nil
}

func strayReason(item channel.Item) string {
	switch {
	case item.Reason != "":
		return clean(item.Reason, 500)
	case item.AccountRef == "":
		return "the item names no account"
	}
	return "no channel account has this key"
}

// Drain stops taking requests and waits until those that were taken are committed. It returns the context's error when that takes too
// long; what was not committed was not acknowledged.
func (in *Ingest) Drain(ctx context.Context) error {
	in.mu.Lock()
	in.closed = true
	in.mu.Unlock()
	done := make(chan struct{})
	go func() {
		in.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// distinct returns the values without repetition, in their order.
func distinct[T comparable](values []T) []T {
	seen := make(map[T]bool, len(values))
	var once []T
	for _, v := range values {
		if !seen[v] {
			seen[v] = true
			once = append(once, v)
		}
	}
	return once
}
