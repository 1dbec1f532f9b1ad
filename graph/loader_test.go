package graph

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
)

func TestLoaderReadsAListInOneCall(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	var asked []int
	l := newLoader(func(_ context.Context, keys []int) (map[int]int, error) {
		calls.Add(1)
		asked = keys
		found := map[int]int{}
		for _, k := range keys {
			if k != 3 {
				found[k] = k * k
			}
		}
		return found, nil
	})
	l.expect(1, 2, 3)
	l.expect(2, 3, 4)
	l.prime(map[int]int{4: 40})
	var wait sync.WaitGroup
	for range 20 {
		for key := 1; key <= 4; key++ {
			wait.Go(func() {
				got, found, err := l.load(t.Context(), key)
				want := map[int]int{1: 1, 2: 4, 4: 40}[key]
				if err != nil || found != (key != 3) || got != want {
					t.Errorf("load(%d) = %d, %v, %v", key, got, found, err)
				}
			})
		}
	}
	wait.Wait()
	slices.Sort(asked)
	if calls.Load() != 1 || !slices.Equal(asked, []int{1, 2, 3}) {
		t.Fatalf("%d calls, the last for %v", calls.Load(), asked)
	}
	if got, found, _ := l.load(t.Context(), 9); got != 81 || !found || calls.Load() != 2 {
		t.Fatalf("a key nobody expected: %d, %d calls", got, calls.Load())
	}
}

func TestLoaderTellsItsError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	l := newLoader(func(context.Context, []int) (map[int]int, error) { return nil, broken })
	l.expect(1, 2)
	for _, key := range []int{1, 2} {
		if _, _, err := l.load(t.Context(), key); !errors.Is(err, broken) {
			t.Errorf("load(%d): %v", key, err)
		}
	}
}

// A panic in a fetch must not leave those waiting who share it.
func TestLoaderSurvivesAPanic(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	l := newLoader(func(context.Context, []int) (map[int]int, error) {
		close(entered)
		<-release
		panic("broken")
	})
	go func() {
		defer func() { _ = recover() }()
		_, _, _ = l.load(t.Context(), 1)
	}()
	<-entered
	done := make(chan error)
	go func() {
		_, _, err := l.load(t.Context(), 1)
		done <- err
	}()
	close(release)
	if err := <-done; err == nil {
		t.Fatal("the one who shared the call got no error")
	}
}
