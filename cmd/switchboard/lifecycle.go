package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"
)

// patience is how long a stop may take before the process ends itself and shows where it hangs.
const patience = 30 * time.Second

// untilSignal returns a context that ends at the first SIGTERM or SIGINT. From then on a watchdog runs, and a second signal ends the
// process at once.
func untilSignal(parent context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		select {
		case <-signals:
		case <-ctx.Done():
			return
		}
		cancel()
		ignoreEchoes(signals)
		select {
		case <-signals:
			fmt.Fprintln(os.Stderr, "switchboard: told twice, ending at once")
		case <-time.After(patience):
			fmt.Fprintf(os.Stderr, "switchboard: still not stopped after %v; goroutines:\n", patience)
			_ = pprof.Lookup("goroutine").WriteTo(os.Stderr, 1)
		}
		os.Exit(exitFailed)
	}()
	return ctx, cancel
}

// ignoreEchoes drops what comes within half a second: timeout(1) and some shells deliver one push twice, to the process and to its group.
func ignoreEchoes(signals <-chan os.Signal) {
	over := time.After(500 * time.Millisecond)
	for {
		select {
		case <-signals:
		case <-over:
			return
		}
	}
}

// part is something that runs until its context ends, and returns nil then.
type part struct {
	name string
	run  func(context.Context) error
}

// layer is a set of parts that stop together.
type layer []part

// runLayers runs all parts. When ctx ends or a part fails, it calls stopping and then stops the layers, the last one first, each only
// after the one above it has ended entirely: nothing loses the ground it stands on. It returns the first failure.
func runLayers(ctx context.Context, stopping func(), layers ...layer) error {
	group, over := errgroup.WithContext(ctx)
	stops := make([]func(), 0, len(layers))
	for _, l := range layers {
		own, cancel := context.WithCancel(context.WithoutCancel(ctx))
		defer cancel()
		running := &sync.WaitGroup{}
		for _, p := range l {
			running.Add(1)
			group.Go(func() error {
				defer running.Done()
				return p.guarded(own)
			})
		}
		stops = append(stops, func() { cancel(); running.Wait() })
	}
	group.Go(func() error {
		<-over.Done()
		stopping()
		for i := len(stops) - 1; i >= 0; i-- {
			stops[i]()
		}
		return nil
	})
	return group.Wait()
}

// guarded runs the part; an end that nobody asked for is a failure.
func (p part) guarded(ctx context.Context) error {
	err := p.run(ctx)
	if ctx.Err() != nil && (err == nil || errors.Is(err, context.Canceled)) {
		return nil
	}
	if err == nil {
		err = errors.New("ended by itself")
	}
	return fmt.Errorf("%s: %w", p.name, err)
}
