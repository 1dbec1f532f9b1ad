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
	letters  []letter                    // and what they say
	marks    map[string]int              // reactions by external id
	parked   map[string]int              // receipts that wait for their message, by its external id
	sent     []sent                      // OUTBOUND messages, by conversation and number
	attempts map[string]attempt          // what the product has on record of its own calls
	calls    []call                      // what the provider has on record
	kept     map[string]int              // idempotency keys of operations
	accepted map[string]int              // and what they are kept for, by operation, agent and conversation
	audited  map[string]int              // and how often the audit log says that it was done
	events   map[string][]told           // what conversationEvents is about, in order, and messageEvents of each conversation that was followed
	heard    []hearing                   // what the subscribers were told
	unread   map[string]int              // by agent and conversation, counted from the messages
	served   map[string]int              // and as the API says
	stuck    []stuck                     // the alerts of messages that waited for long
	moved    []move                      // when the clock of the database was put forward at rest
	loose    bool                        // a lease may have ended while its holder lived
}

// sent is an outbound message as the database has it.
type sent struct {
	ID, Text, Correlation, Status, Code string
	Conversation                        string
	Seq                                 int64 // in its conversation
	Attempts                            int
	Created                             int        // events of its creation
	Known                               *time.Time // when an answer or a receipt first proved that the provider had it, by the clock of the processes
}

// attempt is a call as the product has it on record, with when it took the message up for it, by the clock of the database.
type attempt struct {
	Message string
	Started time.Time
}

// letter is an inbound message as the database has it, with the number of the contact whose conversation it is in.
type letter struct{ Key, Text, From string }

// call is what the provider has on record.
type call struct {
	Seq                int
	StartedAt, EndedAt time.Time
	Account, To, Text  string
	Opaque, MessageID  string
	Accepted           bool
	Fault              string
	Told               string // the furthest status of which a receipt was taken
	ToldAt             time.Time
}

// hearing is what one subscriber was told over all its sockets.
type hearing struct {
	start int64  // the event after which it began
	only  string // the conversation whose messages it follows; "": all conversations
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
	e.judgeDone(wrong)
	e.judgeTold(wrong)
	e.judgeUnread(wrong)
}

// judgeInbound: what was taken is there once, in messages and events; what was not, at most once; nothing else is there (R1, R2); and it
// says what its author wrote.
func (e *evidence) judgeInbound(wrong complaint) {
	effect(e.asked[kindInbound], e.received, "messages", wrong)
	effect(e.asked[kindInbound], e.arrivals, "events", wrong)
	effect(e.asked[kindMark], e.marks, "marks", wrong)
	effect(e.asked[kindStray], e.parked, "parked receipts", wrong)
	for _, l := range e.letters {
		if asked := e.asked[kindInbound][l.Key]; l.Text != canary+l.Key || l.From != asked.Phone {
			wrong("message %s of %s is one of %s and says %q", l.Key, asked.Phone, l.From, l.Text)
		}
	}
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

// judgeTold: what a subscriber was told over all its sockets is the table of events (R40).
func (e *evidence) judgeTold(wrong complaint) {
	for i, h := range e.heard {
		if len(h.wrong) > 0 {
			wrong("subscriber %d of %s: %s", i, e.slug, strings.Join(h.wrong[:min(len(h.wrong), 5)], "; "))
		}
		events := e.events[h.only]
		first, _ := slices.BinarySearchFunc(events, h.start+1, func(t told, seq int64) int { return int(t.Seq - seq) })
		expected := events[first:]
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
	borrowed   map[string]int    // connections that are in use for as long as one looks, by process
	backends   int               // connections of the installation to Postgres
	verify     string            // what the binary's own check found
	broken     int               // webhooks that were answered with 500,
	panics     int               // and how many of the ordered panics may be the reason
	internal   int               // answers of the API that are INTERNAL,
	defects    int               // and how many of the ordered panics may be the reason
	ended      []string          // processes that ended as a failure where nobody ordered it
	actions    map[string][2]int // by action: how often a fault was ordered, and how often one struck
	points     map[string][2]int // by fault point: how often a fault there was ordered, and how often it was passed
}

const (
	mostGoroutines = 120 // of a process at rest, where 30 to 66 were seen
	mostBackends   = 102 // 24 for each of four pools, one each that asks for readiness, and two listeners
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
	for name, n := range r.borrowed {
		if n > 0 {
			wrong("at rest %s does not give back %d connections of its pool", name, n)
		}
	}
	if r.backends > mostBackends {
		wrong("at rest there are %d connections to Postgres", r.backends)
	}
	if r.verify != "" {
		wrong("verify: %s", r.verify)
	}
	if r.broken > r.panics {
		wrong("%d webhooks were answered with 500; %d panics struck whoever answers them", r.broken, r.panics)
	}
	if r.internal > r.defects {
		wrong("the API answered INTERNAL %d times; %d panics struck whoever answers for it", r.internal, r.defects)
	}
	for _, end := range r.ended {
		wrong("ended by itself: %s", end)
	}
	r.judgeFaults(wrong)
}

// judgeFaults: a campaign of faults that do not strike proves nothing. Nine of ten do; with a light load some points are not passed often enough in time.
func (r *residue) judgeFaults(wrong complaint) {
	for _, action := range slices.Sorted(maps.Keys(r.actions)) {
		if n := r.actions[action]; 2*n[1]+2 < n[0] {
			wrong("of %d faults that were to %s only %d struck", n[0], action, n[1])
		}
	}
	for _, point := range slices.Sorted(maps.Keys(r.points)) {
		if n := r.points[point]; n[1] == 0 {
			wrong("the load never passed %s; %d faults were ordered there", point, n[0])
		}
	}
}

// told is one event as a subscriber was told it.
type told struct {
	Seq                         int64
	Kind, Conversation, Message string
	Status                      string // before > after, of a message
}

func (c call) String() string {
	return fmt.Sprintf("{%d %s–%s accepted=%v %s}", c.Seq, c.StartedAt.Format(time.RFC3339Nano), c.EndedAt.Format(time.RFC3339Nano), c.Accepted, c.Fault)
}
