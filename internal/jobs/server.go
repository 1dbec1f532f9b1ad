package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/hibiken/asynq"

	"github.com/switchboard-inbox/switchboard/internal/fault"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
	"github.com/switchboard-inbox/switchboard/internal/outbound"
)

const (
	shutdownPatience = 25 * time.Second // longer than a provider call and the writing of its result
	serverPatience   = 5 * time.Second
	localAtOnce      = 8
	versionPause     = 30 * time.Second
	brokenPause      = 2 * time.Second
	// checkEvery is how often an idle process asks Redis for a task, by half of it earlier or later. It is most of the time from a mutation to
	// the call that it leads to; the oftener, the more an idle process asks for nothing.
	checkEvery = 4 * time.Millisecond
)

// Handlers are what tasks lead to. All of them are required.
type Handlers struct {
	// Drain is outbound's Drain.
	Drain func(ctx context.Context, tenant inbox.TenantID, account uuid.UUID) (next time.Duration, ok bool, err error)
	// Wake is inbox's Wake.
	Wake func(ctx context.Context, tenant inbox.TenantID, conversation uuid.UUID, gen int64) (remaining time.Duration, err error)
	// Fetch is inbox's FetchMedia.
	Fetch func(ctx context.Context, tenant inbox.TenantID, attachment uuid.UUID) error
	// CallBack is outbound's CallBack.
	CallBack func(ctx context.Context, tenant inbox.TenantID, alert uuid.UUID) error
	// Sweep is outbound's Sweep.
	Sweep func(ctx context.Context, ringer outbound.Ringer) error
}

// Server works tasks and sweeps. It rings through the Client it is given.
type Server struct {
	cfg      Config
	handlers Handlers
	client   *Client
	local    chan struct{} // bounds what is worked without Redis
	work     sync.WaitGroup
}

// NewServer returns a Server on the client, whose Run must be running too. From then on the client works rings itself while Redis is away.
func NewServer(cfg Config, client *Client, handlers Handlers) *Server {
	return &Server{cfg: cfg.complete(), handlers: handlers, client: client, local: make(chan struct{}, localAtOnce)}
}

// Run works until ctx ends; then nothing is begun any more, what is under way ends and is recorded, and Run returns within 30 s. It
// does not need Redis to start: until it answers, the sweep finds what is due.
func (s *Server) Run(ctx context.Context) error {
	r, err := Connect(s.cfg.RedisURL, serverPatience, s.cfg.Concurrency+8)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	local := func(r ring) { s.answerLocally(ctx, r) }
	s.client.local.Store(&local)
	server := asynq.NewServerFromRedisClient(r, asynq.Config{
		Concurrency:              s.cfg.Concurrency,
		Queues:                   map[string]int{queue: 1},
		TaskCheckInterval:        checkEvery,
		DelayedTaskCheckInterval: 200 * time.Millisecond,
		ShutdownTimeout:          shutdownPatience,
		RetryDelayFunc:           func(int, error, *asynq.Task) time.Duration { return versionPause },
		IsFailure:                func(error) bool { return false },
		Logger:                   quiet{s.cfg.Log},
		LogLevel:                 asynq.WarnLevel,
	})
	if err := server.Start(s.handler(ctx)); err != nil {
		return fmt.Errorf("start the workers: %s", kindOf(err))
	}
	s.sweepLoop(ctx)
	server.Shutdown()
	s.work.Wait()
	return nil
}

// sweepLoop sweeps at once and then at every interval, a little earlier or later in each process.
func (s *Server) sweepLoop(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		s.sweep(ctx)
		timer.Reset(s.cfg.SweepEvery)
	}
}

func (s *Server) sweep(ctx context.Context) {
	defer s.survive(ctx, "a sweep panicked")
	if err := s.handlers.Sweep(ctx, s.client); err != nil && ctx.Err() == nil {
		s.cfg.Log.WarnContext(ctx, "a sweep failed", "code", fault.CodeOf(err))
	}
}

// survive keeps a panic of a handler from going further and tells where it was: what is due stays due, and is tried again. A panic that went
// through Run would close Redis under Asynq on its way, whose subscriber then meets a message that is nil; the process would end with that trace,
// which tells nothing.
func (s *Server) survive(ctx context.Context, what string, about ...any) {
	if cause := recover(); cause != nil {
		s.cfg.Log.ErrorContext(ctx, what, append(about, fault.Panicked(cause).Attributes()...)...)
	}
}

// handler answers tasks until stop ends. Asynq's own context must not end with it: Asynq abandons a handler whose context has ended,
// and would not wait for the calls that are under way. Only a task of another version is given back, for a process that knows it.
func (s *Server) handler(stop context.Context) asynq.Handler {
	return asynq.HandlerFunc(func(ctx context.Context, task *asynq.Task) error {
		s.work.Add(1)
		defer s.work.Done()
		p, err := parse(task)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(stop, cancel)()
		s.answer(ctx, ring{name: task.Type(), payload: p})
		return nil
	})
}

// answer does what a ring asks for. What fails is tried again because its row is still due.
func (s *Server) answer(ctx context.Context, r ring) {
	if ctx.Err() != nil {
		return // nothing is begun after the signal to stop
	}
	about := []any{"task", r.name, "tenant", r.tenant().String(), "id", r.ID}
	defer s.survive(ctx, "a task panicked; its row is still due", about...)
	s.client.hush(ctx, r)
	var err error
	switch r.name {
	case taskDrain:
		err = s.drain(ctx, r)
	case taskWake:
		var remaining time.Duration
		if remaining, err = s.handlers.Wake(ctx, r.tenant(), r.ID, r.Gen); err == nil && remaining > 0 {
			s.client.WakeAt(ctx, r.tenant(), r.ID, r.Gen, time.Now().Add(remaining+sameSecond))
		}
	case taskFetch:
		err = s.handlers.Fetch(ctx, r.tenant(), r.ID)
	case taskCallback:
		err = s.handlers.CallBack(ctx, r.tenant(), r.ID)
	}
	if err != nil && ctx.Err() == nil {
		s.cfg.Log.WarnContext(ctx, "a task failed; its row is still due", append(about, "code", fault.CodeOf(err))...)
	}
}

// drain works a lane and asks for the next look.
func (s *Server) drain(ctx context.Context, r ring) error {
	next, ok, err := s.handlers.Drain(ctx, r.tenant(), r.ID)
	switch {
	case ctx.Err() != nil:
	case err != nil && fault.Is(err, fault.NotFound): // the account is gone
		return err
	case err != nil:
		s.client.drainAt(r.payload, time.Now().Add(brokenPause))
	case ok && next < sameSecond:
		s.client.Ring(ctx, r.tenant(), r.ID)
	case ok:
		s.client.drainAt(r.payload, time.Now().Add(next))
	}
	return err
}

// answerLocally works a ring that Redis did not take, a few at a time; what is too much is left to the next sweep.
func (s *Server) answerLocally(ctx context.Context, r ring) {
	select {
	case s.local <- struct{}{}:
	default:
		return
	}
	s.work.Go(func() {
		defer func() { <-s.local }()
		s.answer(ctx, r)
	})
}

// quiet passes Asynq's own words on without their details, which may quote an address or a payload.
type quiet struct{ log *slog.Logger }

// Debug drops what Asynq says.
func (quiet) Debug(...any) {}

// Info drops what Asynq says.
func (quiet) Info(...any) {}

// Warn tells that Asynq warns.
func (q quiet) Warn(...any) { q.log.Warn("asynq warns; is Redis away?") }

// Error tells that Asynq met an error.
func (q quiet) Error(...any) { q.log.Warn("asynq met an error; is Redis away?") }

// Fatal tells that Asynq gave up. It does not end the process, which can go on without Redis.
func (q quiet) Fatal(...any) { q.log.Error("asynq gave up") }
