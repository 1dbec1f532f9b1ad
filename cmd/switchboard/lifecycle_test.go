package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
)

// diary notes what happens in which order.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

// waits is a part that runs until it is told to end.
func (d *diary) waits(name string) part {
	return part{name, func(ctx context.Context) error {
		<-ctx.Done()
		d.note(name)
		return nil
	}}
}

func TestLayersStopFromTheTop(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	d := &diary{}
	ready := part{"top", func(ctx context.Context) error {
		stop()
		<-ctx.Done()
		d.note("top")
		return ctx.Err() // that is no failure
	}}
	err := runLayers(ctx, func() { d.note("stopping") }, layer{d.waits("bottom")}, layer{d.waits("middle")}, layer{ready})
	if err != nil || !slices.Equal(d.lines, []string{"stopping", "top", "middle", "bottom"}) {
		t.Errorf("%v, %v", d.lines, err)
	}
}

func TestAFailureStopsEverything(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		run  func(context.Context) error
		want string
	}{
		"a failure":          {func(context.Context) error { return broken }, "part: broken"},
		"an unasked-for end": {func(context.Context) error { return nil }, "part: ended by itself"},
	} {
		d := &diary{}
		err := runLayers(t.Context(), func() { d.note("stopping") }, layer{d.waits("bottom")}, layer{{"part", c.run}, d.waits("beside")})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if !slices.Equal(d.lines, []string{"stopping", "beside", "bottom"}) {
			t.Errorf("%s: %v", name, d.lines)
		}
	}
}
