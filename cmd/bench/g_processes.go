package main

import (
	"context"
	"sync"

	"github.com/switchboard-inbox/switchboard/internal/jobs"
)

// growProcesses gives the same load to more and more processes of one machine.
func (b *bench) growProcesses(ctx context.Context) (*sheet, error) {
	s := &sheet{title: "Processes", note: "`serve` takes webhooks of 100 tenants at 64 connections in all, `work` sends 5,000 messages in 20 lanes, each the median " +
		"of three stretches. All share this machine's processors with Postgres and with the load, so that more processes bring it no more processors.",
		head: []string{"processes", "webhooks/s", "CPU ms a webhook", "messages sent/s", "CPU ms a message"}}
	b.work.stop()
	b.work = nil
	for _, n := range []int{1, 2, 4} {
		in, err := b.serveWith(ctx, n)
		if err != nil {
			return nil, err
		}
		out, err := b.workWith(ctx, n)
		if err != nil {
			return nil, err
		}
		s.add(count(n), number(in.figure()), number(in.cpu().all()), number(out.figure()), number(out.cpu().all()))
	}
	return s, nil
}

// several starts so many processes and returns how to end them.
func (b *bench) several(ctx context.Context, command string, n int) (all []*process, end func(), err error) {
	end = func() {
		for _, p := range all {
			p.stop()
		}
	}
	for range n {
		p, err := b.start(ctx, command)
		if err != nil {
			end()
			return nil, func() {}, err
		}
		all = append(all, p)
	}
	return all, end, nil
}

func (b *bench) serveWith(ctx context.Context, n int) (results, error) {
	all, end, err := b.several(ctx, "serve", n)
	if err != nil {
		return nil, err
	}
	defer end()
	sides := make([]side, n)
	for i, p := range all {
		sides[i] = post(p, "/webhooks/meta", firstEmpty, 100, 64/n)
	}
	return thrice(func() (sample, error) { return together(ctx, all, sides) })
}

// together runs the sides at once and adds what they did.
func together(ctx context.Context, all []*process, sides []side) (sum sample, err error) {
	var group sync.WaitGroup
	var mu sync.Mutex
	stop := meter(all...)
	for _, s := range sides {
		group.Go(func() {
			one, problem := s(ctx)
			mu.Lock()
			defer mu.Unlock()
			sum.figure += one.figure
			if problem != nil {
				err = problem
			}
		})
	}
	group.Wait()
	sum.cpu = stop(int(sum.figure * floodLength.Seconds()))
	return sum, err
}

func (b *bench) workWith(ctx context.Context, n int) (results, error) {
	all, end, err := b.several(ctx, "work", n)
	if err != nil {
		return nil, err
	}
	defer end()
	bells, err := jobs.NewClient(jobs.Config{RedisURL: b.redis.URL()})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { _ = bells.Run(ctx) }()
	return thrice(func() (sample, error) { return lanes{2, 10, 500, []int{0, 1}}.send(ctx, b, bells, all...) })
}

// thrice runs a warm-up and three stretches.
func thrice(stretch func() (sample, error)) (r results, err error) {
	for round := range 4 {
		s, err := stretch()
		if err != nil {
			return nil, err
		}
		if round > 0 {
			r = append(r, s)
		}
	}
	return r, nil
}
