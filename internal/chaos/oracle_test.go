package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// evidence is what is known about a tenant after a run: by the ledger, the provider, the database and the subscribers.
type evidence struct {
	slug     string
	asked    map[string]map[string]entry // by kind and key
	received map[string]int              // INBOUND messages by external id
	arrivals map[string]int              // and the events of their arrival
	sent     []sent                      // OUTBOUND messages
	owners   map[string]string           // attempt → message
	calls    []call                      // what the provider has on record
	kept     map[string]int              // idempotency keys of operations
	events   []told                      // what conversationEvents is about, in order
	heard    []hearing                   // what the subscribers were told
	unread   map[string]int              // by agent and conversation, counted from the messages
	served   map[string]int              // and as the API says
	loose    bool                        // a lease may have ended while its holder lived
}

// sent is an outbound message as the database has it.
type sent struct {
	ID, Text, Correlation, Status, Code string
	Attempts                            int
}

// call is what the provider has on record.
type call struct {
	Seq                int
	StartedAt, EndedAt time.Time
	Account, To        string
	Opaque, MessageID  string
	Accepted           bool
	Fault              string
}

// hearing is what one subscriber was told over all its sockets.
type hearing struct {
	start int64 // the event after which it began
	list  []told
	wrong []string
}

// complaint takes a difference.
type complaint func(format string, args ...any)

// judge compares what the parties say about a tenant.
func (e *evidence) judge(wrong complaint) {
	e.judgeInbound(wrong)
	e.judgeOutbound(wrong)
	effect(e.asked[kindOperation], e.kept, "kept keys", wrong) // an operation has happened exactly when its key is kept (R21)
	e.judgeTold(wrong)
	e.judgeUnread(wrong)
}

// judgeInbound: what was taken is there once, in messages and events; what was not, at most once; nothing else is there (R1, R2).
func (e *evidence) judgeInbound(wrong complaint) {
	effect(e.asked[kindInbound], e.received, "messages", wrong)
	effect(e.asked[kindInbound], e.arrivals, "events", wrong)
}

// effect compares what was asked for with how often it happened.
func effect(asked map[string]entry, happened map[string]int, what string, wrong complaint) {
	for key, e := range asked {
		n := happened[key]
		if n > 1 || e.Answer == answerYes && n != 1 || e.Answer == answerNo && n != 0 {
			wrong("%s %s was answered %s (%s) and has %d %s", e.Kind, key, e.Answer, e.Detail, n, what)
		}
	}
	for key := range happened {
		if _, known := asked[key]; !known {
			wrong("%s %s was never asked for", what, key)
		}
	}
}

// judgeOutbound: one message for what was taken (R11, R21); at the provider one call that was accepted for each that is on its way, none
// for the others (R13), never two at a time (R12), and none that nobody asked for (R11).
func (e *evidence) judgeOutbound(wrong complaint) {
	byMessage := map[string][]call{}
	for _, c := range e.calls {
		if e.owners[c.Opaque] == "" {
			wrong("call %d names attempt %q, which is on no record", c.Seq, c.Opaque)
		}
		byMessage[e.owners[c.Opaque]] = append(byMessage[e.owners[c.Opaque]], c)
	}
	happened := map[string]map[string]int{kindReply: {}, kindNotification: {}}
	for _, m := range e.sent {
		kind, key := kindReply, strings.TrimPrefix(m.Text, canary)
		if m.Correlation != "" {
			kind, key = kindNotification, m.Correlation
		}
		happened[kind][key]++
		if asked := e.asked[kind][key]; asked.Answer == answerYes && asked.ID != m.ID {
			wrong("%s %s was answered with message %s and is %s", kind, key, asked.ID, m.ID)
		}
		e.judgeCalls(m, byMessage[m.ID], wrong)
	}
	for kind, n := range happened {
		effect(e.asked[kind], n, "messages", wrong)
	}
}

// judgeCalls judges the calls of one message. The provider tells our id with every receipt, so that the bound of R13 is one accepted call;
// only where a lease may end while its holder lives it is one for each attempt.
func (e *evidence) judgeCalls(m sent, calls []call, wrong complaint) {
	accepted := 0
	for i, c := range calls {
		if c.Accepted {
			accepted++
		}
		if i > 0 && c.StartedAt.Before(calls[i-1].EndedAt) && !e.loose {
			wrong("message %s: call %d began %v before call %d ended", m.ID, c.Seq, calls[i-1].EndedAt.Sub(c.StartedAt), calls[i-1].Seq)
		}
	}
	most := 1
	if e.loose {
		most = max(1, m.Attempts)
	}
	switch m.Status {
	case "SENT", "DELIVERED", "READ":
		if accepted < 1 || accepted > most {
			wrong("message %s is %s after %d attempts; the provider accepted %d calls: %v", m.ID, m.Status, m.Attempts, accepted, calls)
		}
	case "FAILED":
		// The only ends without the provider's word: nobody could know, or a worker died three times with it.
		explained := m.Code == "OUTCOME_UNKNOWN" || m.Code == "POISON"
		if accepted > 0 || !explained && len(calls) == 0 {
			wrong("message %s FAILED with %s after %d attempts; the provider accepted %d calls: %v", m.ID, m.Code, m.Attempts, accepted, calls)
		}
	default:
		wrong("message %s is still %s", m.ID, m.Status)
	}
}

// judgeTold: what a subscriber was told over all its sockets is the table of events (R40).
func (e *evidence) judgeTold(wrong complaint) {
	for i, h := range e.heard {
		if len(h.wrong) > 0 {
			wrong("subscriber %d of %s: %s", i, e.slug, strings.Join(h.wrong[:min(len(h.wrong), 5)], "; "))
		}
		first, _ := slices.BinarySearchFunc(e.events, h.start+1, func(t told, seq int64) int { return int(t.Seq - seq) })
		expected := e.events[first:]
		for n := range max(len(h.list), len(expected)) {
			if n >= len(h.list) || n >= len(expected) || h.list[n] != expected[n] {
				wrong("subscriber %d of %s was told %d events of %d; number %d is %v, want %v", i, e.slug, len(h.list), len(expected), n,
					at(h.list, n), at(expected, n))
				break
			}
		}
	}
}

func at(list []told, n int) any {
	if n < len(list) {
		return list[n]
	}
	return "nothing"
}

// judgeUnread: what the API says is unread is what one counts (R34).
func (e *evidence) judgeUnread(wrong complaint) {
	names := slices.Concat(slices.Collect(maps.Keys(e.unread)), slices.Collect(maps.Keys(e.served)))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if e.unread[name] != e.served[name] {
			wrong("%s has %d unread messages; the API says %d", name, e.unread[name], e.served[name])
		}
	}
}

// residue is what is known about the installation as a whole once nothing is under way.
type residue struct {
	printed    []string          // lines that nobody may print
	keys       []string          // of Redis
	secrets    []string          // where a canary was found that belongs into the database only
	idle       []string          // connections to Postgres that hold a transaction
	goroutines map[string]int    // by process
	backends   int               // connections of the installation to Postgres
	verify     string            // what the binary's own check found
	points     map[string][2]int // by fault point: how often a kill there was ordered, and how often it was passed
}

const (
	mostGoroutines = 500 // of a process at rest
	mostBackends   = 120 // 24 for each of four pools, two listeners, and some that end just now
)

// judge tells what should not be there.
func (r *residue) judge(wrong complaint) {
	for _, line := range r.printed {
		wrong("printed: %s", strings.TrimSpace(line))
	}
	for _, key := range r.keys {
		known := func(prefix string) bool { return strings.HasPrefix(key, prefix) }
		if !slices.ContainsFunc([]string{"asynq:", "bell:", "rate:", "tries:"}, known) {
			wrong("Redis holds %q, which nobody knows", key)
		}
	}
	for _, place := range r.secrets {
		wrong("secrets: %s", place)
	}
	for _, session := range r.idle {
		wrong("at rest a connection holds a transaction: %s", session)
	}
	for name, n := range r.goroutines {
		if n > mostGoroutines {
			wrong("%s has %d goroutines at rest", name, n)
		}
	}
	if r.backends > mostBackends {
		wrong("at rest there are %d connections to Postgres", r.backends)
	}
	if r.verify != "" {
		wrong("verify: %s", r.verify)
	}
	for _, point := range slices.Sorted(maps.Keys(r.points)) {
		if n := r.points[point]; n[1] == 0 {
			wrong("the load never passed %s; %d kills were ordered there", point, n[0])
		}
	}
}

// told is one event as a subscriber was told it.
type told struct {
	Seq                         int64
	Kind, Conversation, Message string
}

func (c call) String() string {
	return fmt.Sprintf("{%d %s–%s accepted=%v %s}", c.Seq, c.StartedAt.Format(time.RFC3339Nano), c.EndedAt.Format(time.RFC3339Nano), c.Accepted, c.Fault)
}
