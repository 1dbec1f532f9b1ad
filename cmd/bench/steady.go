package main

import (
	"context"
	"sync"
	"time"
)

// steady calls begin at a steady rate, whatever became of the calls before: who measures from the time that is handed over measures what a caller
// would have waited who could not know that others are waiting. It returns when all calls have returned.
func steady(ctx context.Context, perSecond float64, length time.Duration, call func(n int, due time.Time)) int {
	var calls sync.WaitGroup
	defer calls.Wait()
	begun := time.Now()
	n := 0
	for ; ctx.Err() == nil; n++ {
		after := time.Duration(float64(n) / perSecond * float64(time.Second))
		if after >= length {
			break
		}
		due := begun.Add(after)
		time.Sleep(time.Until(due))
		number := n
		calls.Go(func() { call(number, due) })
	}
	return n
}

// callers are connections that are lent out; who waits for one waits in the measured time.
type callers chan *caller

func openCallers(url string, n int) (callers, error) {
	all := make(callers, n)
	for range n {
		c, err := dial(url)
		if err != nil {
			all.close()
			return nil, err
		}
		all <- c
	}
	return all, nil
}

func (all callers) with(call func(*caller) error) error {
	c := <-all
	defer func() { all <- c }()
	return call(c)
}

// close ends the connections that are not lent.
func (all callers) close() {
	for {
		select {
		case c := <-all:
			c.close()
		default:
			return
		}
	}
}
