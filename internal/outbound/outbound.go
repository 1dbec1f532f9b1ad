package outbound

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// Bells wake whoever works a lane. The rows are the schedule: a ring that is lost costs time only, because the sweep rings again.
type Bells interface {
	// Ring asks for Drain of the lane. It does not block and cannot fail.
	Ring(ctx context.Context, tenant inbox.TenantID, account uuid.UUID)
}

// Limiter shares an account's sending rate among all processes.
type Limiter interface {
	// Reserve takes up to n tokens of the account's bucket and returns how many it got. When it got fewer, retry tells after what
	// time there may be more. It never fails: without its store it gives less.
	Reserve(ctx context.Context, account uuid.UUID, rate channel.Rate, n int) (granted int, retry time.Duration)
	// Return gives back tokens that were not used.
	Return(ctx context.Context, account uuid.UUID, rate channel.Rate, n int)
}

// Config is what Outbound needs beside its store. Bells, Limiter, Metrics and AlertClient may be nil: nobody is woken, nothing is
// limited, nothing is counted, no alert is called out.
type Config struct {
	Providers   *channel.Registry
	Secrets     inbox.Opener
	Bells       Bells
	Limiter     Limiter
	Metrics     Metrics
	AlertClient *http.Client // calls tenants' alert URLs: channel.NewClient's guarded one
	Clock       func() time.Time
	Log         *slog.Logger
	// InFlight is how many calls a lane makes at once in this process; 0: 32.
	InFlight int
	// CallTimeout bounds one provider call; 0: 10 s. The lease of a row is six times as long.
	CallTimeout time.Duration
	// KeepEvents is how long a cursor can be continued, at least; 0: 14 days. KeepJournal is when webhooks as they came are gone while volumes are
	// turned in time; each is kept at least a week less. 0: 30 days; below 14 days counts as 14.
	KeepEvents, KeepJournal time.Duration
	// Jitter returns a factor for a backoff; nil: at random within ±20 %.
	Jitter func() float64
}

// Outbound holds the use cases of sending. It is safe for concurrent use.
type Outbound struct {
	store  Store
	cfg    Config
	mu     sync.Mutex
	active map[uuid.UUID]*visit       // lanes that this process is draining
	rates  map[uuid.UUID]channel.Rate // of accounts that it has drained before
	rounds map[string]inbox.TenantID  // by sweep: the tenant that its last round was at when its time was over
}

// New returns an Outbound on the store.
func New(store Store, cfg Config) *Outbound {
	if cfg.InFlight == 0 {
		cfg.InFlight = 32
	}
	if cfg.CallTimeout == 0 {
		cfg.CallTimeout = 10 * time.Second
	}
	if cfg.Jitter == nil {
		cfg.Jitter = func() float64 { return 0.8 + 0.4*rand.Float64() }
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Bells == nil {
		cfg.Bells = silence{}
	}
	if cfg.Limiter == nil {
		cfg.Limiter = unlimited{}
	}
	if cfg.Metrics == nil {
		cfg.Metrics = uncounted{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Outbound{store: store, cfg: cfg, active: map[uuid.UUID]*visit{}, rates: map[uuid.UUID]channel.Rate{}, rounds: map[string]inbox.TenantID{}}
}

// lease is how long a claimed row is its holder's: enough for a call, its repetition by a slow machine, and the writing of the result.
func (o *Outbound) lease() time.Duration { return 6 * o.cfg.CallTimeout }

// now returns the time of a change as Postgres keeps it.
func (o *Outbound) now() time.Time { return o.cfg.Clock().UTC().Truncate(time.Microsecond) }

type silence struct{}

func (silence) Ring(context.Context, inbox.TenantID, uuid.UUID) {}

type unlimited struct{}

func (unlimited) Reserve(_ context.Context, _ uuid.UUID, _ channel.Rate, n int) (int, time.Duration) {
	return n, 0
}

func (unlimited) Return(context.Context, uuid.UUID, channel.Rate, int) {}
