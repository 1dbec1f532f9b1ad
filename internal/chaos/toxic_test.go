package chaos

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// toxic is what spoils a link, and which way: requests are lost going up, answers coming down.
type toxic struct {
	kind       string
	up         bool
	attributes string // of toxiproxy, as JSON
}

// toxicOf returns one of six kinds of toxic. The dice say which way it goes, so that requests are lost as well as answers. A reset ends both ways
// at once, and needs no other.
func toxicOf(d *dice, which int) toxic {
	all := []toxic{
		{kind: "timeout", attributes: `{"timeout":0}`}, // a black hole, the one that tells no error
		{kind: "latency", attributes: `{"latency":300,"jitter":250}`},
		{kind: "reset_peer", attributes: `{"timeout":20}`},
		{kind: "limit_data", attributes: fmt.Sprintf(`{"bytes":%d}`, 40+d.n(4000))},
		{kind: "bandwidth", attributes: `{"rate":8}`},
		{kind: "slicer", attributes: `{"average_size":8,"size_variation":4,"delay":200}`},
	}
	one := all[which%len(all)]
	one.up = d.n(2) == 1 && one.kind != "reset_peer"
	return one
}

func (t toxic) stream() string {
	if t.up {
		return "upstream"
	}
	return "downstream"
}

func (t toxic) name() string { return t.kind + " " + t.stream() }

func (t toxic) json() string {
	return fmt.Sprintf(`{"type":%q,"stream":%q,"attributes":%s}`, t.kind, t.stream(), t.attributes)
}

// In the full figures of K5 each toxic goes both ways on each link, but for a reset.
func TestToxicsGoBothWays(t *testing.T) {
	t.Parallel()
	met := map[string]int{}
	for n := range 300 {
		met[fmt.Sprint(toxicOf(newDice(7, fmt.Sprint("K5 ", n)), n+n/6).name(), " on ", n%6)]++
	}
	if want := 6 * (5*2 + 1); len(met) != want {
		t.Errorf("%d toxics, ways and links are met, want %d: %v", len(met), want, met)
	}
}

// What is lost on its way up never arrives; what is lost on its way down has happened. Each toxic is one that toxiproxy takes.
func TestToxicsLoseRequestsOrAnswers(t *testing.T) {
	t.Parallel()
	for which := range 6 {
		for _, up := range []bool{false, true} {
			one := toxicOf(newDice(7, "toxic"), which)
			one.up = up
			switch one.kind {
			case "timeout":
			case "limit_data":
				one.attributes = `{"bytes":40}`
			default:
				newNetwork(t, map[string]func() string{"link": func() string { return "127.0.0.1:1" }}).spoil(t, "link", one.json())
				continue
			}
			t.Run(one.name(), func(t *testing.T) {
				t.Parallel()
				if got := arrivals(t, one); got != map[bool]int64{true: 0, false: 1}[up] {
					t.Errorf("%d requests arrived", got)
				}
			})
		}
	}
}

// arrivals returns how many of one request arrive whole behind a link with the toxic, of which no answer may come back.
func arrivals(t *testing.T, one toxic) int64 {
	t.Helper()
	var whole atomic.Int64
	answered := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		if _, err := body.ReadFrom(r.Body); err == nil {
			whole.Add(1)
			_, _ = w.Write(body.Bytes()) // nobody hears it
			close(answered)
		}
	}))
	defer server.Close()
	n := newNetwork(t, map[string]func() string{"link": func() string { return server.Listener.Addr().String() }})
	n.spoil(t, "link", one.json())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // a black hole never ends by itself, and that nothing comes out of it is known by waiting only
		defer cancel()
		var over <-chan time.Time
		if one.up {
			over = time.After(time.Second)
		}
		select {
		case <-answered:
		case <-over:
		case <-ctx.Done():
		}
	}()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+n.address("link"), strings.NewReader(strings.Repeat("x", 4000)))
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	if response, err := client.Do(request); err == nil {
		defer func() { _ = response.Body.Close() }()
		var text bytes.Buffer
		if _, err := text.ReadFrom(response.Body); err == nil {
			t.Error("an answer came back")
		}
	}
	return whole.Load()
}
