package attack

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// outcome is what a request was told.
type outcome int

const (
	accepted outcome = iota
	shed             // refused before anything was done, and told when to come again
	putOff           // begun, given up and told so: it may have happened, and whoever sends it again learns
	unclear          // neither, which nothing may be
)

// storm is many requests at once, by the key of each, and what came of them.
type storm struct {
	what      string
	direction string // of the messages that are made
	clients   int    // each sends the next as soon as the last was answered
	beyond    int    // so many must be shed
	enough    int    // so many must be accepted
	request   func(ctx context.Context, key string) *http.Request
	judge     func(r *http.Response, text string) outcome

	mu       sync.Mutex
	keys     map[outcome]map[string]bool
	answers  map[string]int // those that are unclear
	released time.Time      // when the process could store again
	took     []time.Duration
}

// hold takes the row that every change of the tenant ends with, as a long transaction of somebody else's would: nothing can be stored until it is released.
func (n *shop) hold() (release func()) {
	n.s.t.Helper()
	conn, err := pgx.Connect(n.s.t.Context(), n.s.OwnerURL)
	n.s.must(err)
	release = sync.OnceFunc(func() { _ = conn.Close(context.Background()) })
	n.s.t.Cleanup(release)
	_, err = conn.Exec(n.s.t.Context(), "BEGIN")
	n.s.must(err)
	_, err = conn.Exec(n.s.t.Context(), "SELECT FROM tenant_heads WHERE tenant_id = $1 FOR UPDATE", n.ID.UUID())
	n.s.must(err)
	return release
}

// rage breaks out while nothing can be stored, so that more comes than is let in however slow the clients are. Once so many have been shed as must be, the
// process can store again, and the storm goes on until enough is accepted. Health stands throughout, and the full process is ready.
func (n *shop) rage(out *storm) {
	s := n.s
	s.t.Helper()
	out.keys, out.answers = map[outcome]map[string]bool{accepted: {}, shed: {}, putOff: {}, unclear: {}}, map[string]int{}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: out.clients}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	release := n.hold()
	over := make(chan struct{})
	var all sync.WaitGroup
	for i := range out.clients {
		all.Go(func() { out.client(s.t, client, i, over) })
	}
	defer all.Wait()
	defer close(over)
	s.eventually("more than it takes is told to come again", func() bool { s.healthy(); return out.count(shed) >= out.beyond })
	s.eventually("the full process is ready", func() bool { s.healthy(); return s.ready() })
	if early := out.count(accepted); early > 0 {
		s.t.Errorf("%s: %d were accepted while nothing could be stored", out.what, early)
	}
	out.mu.Lock()
	out.released = time.Now()
	out.mu.Unlock()
	release()
	s.eventually("enough is accepted", func() bool { s.healthy(); return out.count(accepted) >= out.enough })
}

func (s *stage) healthy() {
	s.t.Helper()
	if status, text := s.get(s.api.admin + "/healthz"); status != http.StatusOK {
		s.t.Errorf("unhealthy under load: %d %s", status, text)
	}
}

func (s *stage) ready() bool {
	status, _ := s.get(s.api.admin + "/readyz")
	return status == http.StatusOK
}

// client sends one request after the other until the storm is over, with a pause of a second after one that was not accepted, as it is told.
func (out *storm) client(t *testing.T, client *http.Client, no int, over <-chan struct{}) {
	for j := 0; ; j++ {
		pause := time.Duration(0)
		if out.send(t.Context(), client, fmt.Sprint("storm-", no, "-", j, "-")) != accepted {
			pause = time.Second
		}
		select {
		case <-over:
			return
		case <-time.After(pause):
		}
	}
}

// send sends the request of a key and notes what came of it.
func (out *storm) send(ctx context.Context, client *http.Client, key string) outcome {
	began, told, answer := time.Now(), unclear, ""
	response, err := client.Do(out.request(ctx, key))
	if err == nil {
		var text []byte
		text, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
		told, answer = out.judge(response, string(text)), fmt.Sprintf("%d %.120s", response.StatusCode, text)
	}
	if err != nil {
		told, answer = unclear, err.Error()[max(0, len(err.Error())-40):]
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	out.keys[told][key] = true
	if told == unclear {
		out.answers[answer]++
	}
	if told == accepted && !out.released.IsZero() && began.After(out.released) {
		out.took = append(out.took, time.Since(began))
	}
	return told
}

func (out *storm) count(told outcome) int {
	out.mu.Lock()
	defer out.mu.Unlock()
	return len(out.keys[told])
}

// report logs what came of the storm, and fails for an answer that is none of those that an overloaded process gives.
func (out *storm) report(t *testing.T) {
	t.Helper()
	slices.Sort(out.took)
	half, most := time.Duration(0), time.Duration(0)
	if n := len(out.took); n > 0 {
		half, most = out.took[n/2], out.took[n*99/100]
	}
	t.Logf("%s: %d accepted (half of those that came when it could store again within %v, 99 of 100 within %v), %d shed, %d put off", out.what,
		len(out.keys[accepted]), half.Round(time.Millisecond), most.Round(time.Millisecond), len(out.keys[shed]), len(out.keys[putOff]))
	for answer, times := range out.answers {
		t.Errorf("%s: %d were neither accepted nor told to come again: %s", out.what, times, answer)
	}
}

// balance fails for what was accepted and is not stored once, and for what was shed and is stored. Then it sends again what was put off, until it is
// accepted: that is stored once too, whether it had happened before or not.
func (out *storm) balance(n *shop) {
	n.s.t.Helper()
	found := n.stored(out.direction, "storm-")
	for key := range out.keys[accepted] {
		if found[key] != 1 {
			n.s.t.Errorf("%s: %s was accepted and is stored %d times", out.what, key, found[key])
		}
	}
	for key := range found {
		if !out.keys[accepted][key] && !out.keys[putOff][key] {
			n.s.t.Errorf("%s: %s was shed and is stored", out.what, key)
		}
	}
	late := out.keys[putOff]
	out.keys[putOff] = map[string]bool{}
	for key := range late {
		n.s.eventually("what was put off is accepted", func() bool { return out.send(n.s.t.Context(), http.DefaultClient, key) == accepted })
	}
	found = n.stored(out.direction, "storm-")
	for key := range late {
		if found[key] != 1 {
			n.s.t.Errorf("%s: %s was put off, sent again and is stored %d times", out.what, key, found[key])
		}
	}
}

// stored returns how often each text that begins so is stored.
func (n *shop) stored(direction, beginning string) map[string]int {
	n.s.t.Helper()
	conn, err := pgx.Connect(n.s.t.Context(), n.s.OwnerURL)
	n.s.must(err)
	defer func() { _ = conn.Close(context.Background()) }()
	rows, err := conn.Query(n.s.t.Context(), `SELECT text FROM messages WHERE tenant_id = $1 AND direction = $2 AND text LIKE $3`,
		n.ID.UUID(), direction, beginning+"%")
	n.s.must(err)
	texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
	n.s.must(err)
	found := map[string]int{}
	for _, text := range texts {
		found[text]++
	}
	return found
}

// mostMemory returns the most bytes that the API's process has had resident.
func (s *stage) mostMemory() int64 {
	s.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.api.cmd.Process.Pid))
	s.must(err)
	found := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(text)
	if found == nil {
		s.t.Fatalf("no figure of the memory: %s", text)
	}
	kilobytes, err := strconv.ParseInt(string(found[1]), 10, 64)
	s.must(err)
	return kilobytes << 10
}
